"""Put production back to the last good version; the present one is revoked.

examples:
  python tools/rollback.py --reason "wrong labels for books"
  python tools/rollback.py review-sentiment --to v1.1.0 --reason "latency" --registry origin
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.names import Version
from nlp_gitops.core.project import load_project
from nlp_gitops.registry.operations import rollback
from nlp_gitops.registry.remotes import connect
from nlp_gitops.registry.views import outcome_lines, outcome_record


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry", "--json")
    arguments.add_argument("name", nargs="?", help="a model of project.yaml (default: the first)")
    arguments.add_argument("--reason", required=True, help="what went wrong; kept in the ledger")
    arguments.add_argument("--to", metavar="vX.Y.Z", help="an earlier production version")
    options = arguments.parse_args(argv)
    project = load_project()
    name = project.model(options.name).name
    to = Version.parse(options.to).tag if options.to else None
    outcome = rollback(connect(project, options.registry), name, options.reason, to)
    show(options, outcome_record(name, outcome.version, outcome.events),
         *outcome_lines(outcome.events))
    return 0
