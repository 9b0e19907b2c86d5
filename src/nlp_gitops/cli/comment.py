"""Write a gate's report as the one comment on its pull request, or update that comment.

Inside pr-comment.yml the pull request is that of the finished run. Nothing of the pull request's
own code is run, and its report is treated as a stranger's text.

examples:
  nlp-gitops ci comment reports/report.json --pull-request 7
  nlp-gitops ci comment from-run/report.json              # in the workflow
"""

from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser
from nlp_gitops.core import context
from nlp_gitops.core.project import load_project
from nlp_gitops.github import comments
from nlp_gitops.github.comments import finished, pull_request
from nlp_gitops.registry import github_client


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("report", type=Path, metavar="FILE", help="a report.json; may be absent")
    arguments.add_argument("--pull-request", type=int, metavar="N", help="default: the event's")
    options = arguments.parse_args(argv)
    connection = github_client.connect(load_project())
    ended = None if options.pull_request else finished(context.event())
    number = pull_request(connection, ended) if ended else options.pull_request
    if number is None:
        print("no open pull request has this commit as its newest; nothing to say")
        return 0
    done = comments.put(connection, number, comments.MARK,
                        comments.text(options.report, ended),
                        create=comments.is_news(options.report, ended))
    print(f"comment on #{number}: {done}")
    return 0
