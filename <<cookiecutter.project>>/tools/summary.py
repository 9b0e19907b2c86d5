"""Print the stages and the newest events as Markdown; in a workflow also into the job's summary.

examples:
  python tools/summary.py --registry origin
  python tools/summary.py --events 10 --registry local
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops.cli import parser, run
from mlops.actions import where
from mlops.actions.stage_summary import stage_summary
from mlops.project import load_project
from mlops.registry import views
from mlops.registry.reading import Snapshot
from mlops.registry.remotes import ledger_of


def main(argv: Sequence[str] | None) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--events", type=int, default=5, metavar="N", help="the newest N")
    arguments.add_argument("--registry", help="origin or local (default: origin inside Actions)")
    options = arguments.parse_args(argv)
    ledger = ledger_of(load_project(), options.registry)
    snapshot = Snapshot(ledger, ledger.fetch())
    newest = views.history(snapshot, None, max(1, options.events))
    text = stage_summary(snapshot.states().values(), [item.event for item in newest])
    print(text)
    where.summarize(text)
    return 0


if __name__ == "__main__":
    run(main)
