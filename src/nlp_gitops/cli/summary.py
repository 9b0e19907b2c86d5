"""Print the stages and the newest events as Markdown; in a workflow also into the job's summary.

examples:
  nlp-gitops summary --registry origin
  nlp-gitops summary --events 10 --registry local
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import parser, positive
from nlp_gitops.core import context
from nlp_gitops.core.project import load_project
from nlp_gitops.github.stage_summary import stage_summary
from nlp_gitops.registry import views
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import ledger_of


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry")
    arguments.add_argument("--events", type=positive(int), default=5, metavar="N",
                           help="the newest N")
    options = arguments.parse_args(argv)
    ledger = ledger_of(load_project(), options.registry)
    snapshot = Snapshot(ledger, ledger.fetch())
    newest = views.history(snapshot, None, options.events)
    text = stage_summary(snapshot.states().values(), [item.event for item in newest])
    print(text)
    context.summarize(text)
    return 0
