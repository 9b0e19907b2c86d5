"""Put production back to the last good version; the present one is revoked.

examples:
  python tools/rollback.py --reason "wrong labels for books"
  python tools/rollback.py review-sentiment --to v1.1.0 --reason "latency" --registry origin
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import emit, parser
from nlp_gitops.core.names import Version
from nlp_gitops.core.project import load_project
from nlp_gitops.registry.connect import connect
from nlp_gitops.registry.operations import rollback
from nlp_gitops.registry.views import outcome_lines, outcome_record


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("name", nargs="?", help="a model of project.yaml (default: the first)")
    arguments.add_argument("--reason", required=True, help="what went wrong; kept in the ledger")
    arguments.add_argument("--to", metavar="vX.Y.Z", help="an earlier production version")
    arguments.add_argument("--registry", help="origin or local (default: origin inside Actions)")
    arguments.add_argument("--json", action="store_true", help="print the result as JSON")
    options = arguments.parse_args(argv)
    project = load_project()
    name = project.model(options.name).name
    to = Version.parse(options.to).tag if options.to else None
    outcome = rollback(connect(project, options.registry), name, options.reason, to)
    if options.json:
        emit(outcome_record(name, outcome.version, outcome.events))
        return 0
    for line in outcome_lines(outcome.events):
        print(line)
    return 0
