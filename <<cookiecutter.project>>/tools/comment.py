"""Write a gate's report as the one comment on its pull request, or update that comment.

Inside pr-comment.yml the pull request is that of the finished run. Nothing of the pull request's
own code is run, and its report is treated as a stranger's text.

examples:
  python tools/comment.py reports/report.json --pull-request 7
  python tools/comment.py from-run/report.json              # in the workflow
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops.cli import parser, run
from mlops.actions import pull_comment, sticky, where
from mlops.actions.finished import finished, pull_request
from mlops.project import load_project


def main(argv: Sequence[str] | None) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("report", type=Path, metavar="FILE", help="a report.json; may be absent")
    arguments.add_argument("--pull-request", type=int, metavar="N", help="default: the event's")
    options = arguments.parse_args(argv)
    connection = where.connection(load_project())
    ended = None if options.pull_request else finished(where.event())
    number = options.pull_request or pull_request(connection, ended)
    if number is None:
        print("no open pull request has this commit as its newest; nothing to say")
        return 0
    done = sticky.put(connection, number, pull_comment.MARK,
                      pull_comment.text(options.report, ended),
                      create=pull_comment.is_news(options.report, ended))
    print(f"comment on #{number}: {done}")
    return 0


if __name__ == "__main__":
    run(main)
