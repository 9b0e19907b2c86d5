"""Is production still what it was when this workflow run was asked for? For rollback.yml.

A second click, or a run that waited, finds that production changed after it was asked for. Then
nothing may happen. Hands `go=true` or `go=false` to later steps.

examples:
  nlp-gitops ci asked
  nlp-gitops ci asked review-sentiment
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import parser
from nlp_gitops.core import context
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.github.asked import asked_at, changed_since
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import ledger_of
from nlp_gitops.reporting.markdown import escape


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("name", nargs="?", help="a model of project.yaml (default: the first)")
    options = arguments.parse_args(argv)
    if not context.in_workflow():
        raise UsageError("this looks at the workflow run that it is part of; there is none here")
    project = load_project()
    name = project.model(options.name or None).name
    ledger = ledger_of(project, None)
    event = changed_since(Snapshot(ledger, ledger.fetch()), name, asked_at(project))
    context.outputs({"go": str(event is None).lower(), "name": name})
    if event:
        said = f"production changed after this was asked for, so nothing was done: {event}"
        context.summarize(escape(said))
        print(said)
    return 0
