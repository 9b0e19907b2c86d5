"""Serve a model version from the registry over HTTP: POST /predict, /version, /metrics, /docs.

With the environment variable SERVICE_TOKEN set, requests need "Authorization: Bearer TOKEN".
Limits and what the log keeps of a text are under `service:` in project.yaml.

examples:
  python tools/serve.py                                  # the first model's production version
  python tools/serve.py review-sentiment@staging --port 8001 --log logs/predictions
  python tools/serve.py review-sentiment@v1.2.0 --registry origin
  python tools/serve.py --folder pulled/review-sentiment-v1.2.0
  curl -H 'Content-Type: application/json' -d '{"text": "Great kettle"}' localhost:8000/predict
"""

from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser
from nlp_gitops.core.project import load_project


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry")
    arguments.add_argument("version", nargs="?", metavar="NAME[@STAGE|@vX.Y.Z]",
                           help="a version (default: the first model's in production)")
    arguments.add_argument("--folder", type=Path, metavar="DIR",
                           help="a version that `registry.py pull` wrote there; asks no registry")
    arguments.add_argument("--host", default="127.0.0.1", help="address (default: this machine)")
    arguments.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    arguments.add_argument("--variant", default="stable", help="the role, in metrics and log")
    arguments.add_argument("--log", type=Path, metavar="DIR", help="write the prediction log there")
    arguments.add_argument("--profiles", type=Path, metavar="DIR",
                           help="also write drift profiles there, which hold no text; needs --log")
    arguments.add_argument("--feedback", type=Path, metavar="DIR",
                           help="take labels on POST /feedback and write them there")
    rollout = arguments.add_argument_group("for tools/deploy.py")
    rollout.add_argument("--lease", type=Path, metavar="FILE", help="answer while it holds")
    rollout.add_argument("--pid-file", type=Path, metavar="FILE", help="locked while it runs")
    rollout.add_argument("--fault", metavar="KIND=SIZE", help="plant a fault, for drills")
    rollout.add_argument("--records", action="store_true",
                         help="a prompt answers from records and asks nobody, for rehearsals")
    options = arguments.parse_args(argv)
    if options.profiles and not options.log:
        arguments.error("--profiles needs --log")
    from nlp_gitops.serving import faults
    from nlp_gitops.serving.process import Wish, serve

    fault = faults.parse(options.fault) if options.fault else None
    serve(load_project(), Wish(
        options.version, options.registry, options.host, options.port, options.variant,
        options.log, options.lease, options.pid_file, fault, options.profiles, options.feedback,
        options.folder, options.records))
    return 0
