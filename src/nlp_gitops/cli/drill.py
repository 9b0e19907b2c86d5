"""Practise on this machine, in a short-lived environment. Nothing real is deployed or touched.

rollback  a registered version runs twice behind nginx, under load: with planted errors, which must
          be rolled back; with a judge that died, whose lease must give the traffic back; and
          healthy, which must pass. What was seen is kept in reports/drill.json.
incident  a bad version is in production of a copy with a registry of its own; its answers begin to
          fail after it has passed everything. It is noticed and rolled back; the incident and the
          draft of its post-mortem are written to reports/drill/.

Prompts answer from records; nobody is asked or paid.

examples:
  nlp-gitops drill rollback                      # the version in production, else in staging
  nlp-gitops drill incident review-sentiment@v1.2.0 --registry origin
"""

from collections.abc import Sequence
from functools import partial

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.files import write_json
from nlp_gitops.core.project import load_project


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry", "--json")
    arguments.add_argument("what", choices=("rollback", "incident"))
    arguments.add_argument("version", nargs="?", metavar="NAME@vX.Y.Z",
                           help="default: the first model's version in production, or in staging")
    options = arguments.parse_args(argv)
    from nlp_gitops.deploy.command import rehearse_rollback
    from nlp_gitops.incidents.drill import drill

    project = load_project()
    say = (lambda line: None) if options.json else partial(print, flush=True)
    practise = rehearse_rollback if options.what == "rollback" else drill
    found = practise(project, options.version, options.registry, say)
    if options.what == "rollback":
        write_json(project.root / "reports" / "drill.json", found)
    times = [f"time to {name} {found[f'{name}_seconds']:.1f} s"
             for name in ("detect", "restore") if f"{name}_seconds" in found]
    show(options, found, f"DRILL: {found['verdict']} in {found['seconds']:.0f} s"
         + (": " if times else "") + ", ".join(times))
    return 0 if found["verdict"] == "PASS" else 1
