"""Tell a chat: the address is in the environment variable NOTIFY_WEBHOOK (Slack, Teams and alike).

A chat that cannot be reached fails nothing.

examples:
  NOTIFY_WEBHOOK=https://hooks.slack.com/… python tools/notify.py "Rolled back" "wrong labels"
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops.cli import parser, run
from mlops.actions import where
from mlops.actions.webhook import notify


def main(argv: Sequence[str] | None) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("title")
    arguments.add_argument("text", nargs="?", default="")
    options = arguments.parse_args(argv)
    print(notify(options.title, options.text, where.run_url()))
    return 0


if __name__ == "__main__":
    run(main)
