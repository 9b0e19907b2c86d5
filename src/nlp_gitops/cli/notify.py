"""Tell a chat: the address is in the environment variable NOTIFY_WEBHOOK (Slack, Teams and alike).

A chat that cannot be reached fails nothing.

examples:
  NOTIFY_WEBHOOK=https://hooks.slack.com/… nlp-gitops ci notify "Rolled back" "wrong labels"
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import parser
from nlp_gitops.core import context
from nlp_gitops.github.webhook import notify


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("title")
    arguments.add_argument("text", nargs="?", default="")
    options = arguments.parse_args(argv)
    print(notify(options.title, options.text, context.run_url()))
    return 0
