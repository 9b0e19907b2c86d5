"""Turn a report into the one issue about its subject: open, update or close it, and tell a chat.

The report is a drift report (KIND drift: its `verdict` and `slices`), or the output of
`registry.py verify --json` (KIND registry). What could not be measured leaves the issue alone. The
job's summary is the report's Markdown, where one lies beside it.

examples:
  nlp-gitops ci alert drift reports/drift/report.json
  nlp-gitops ci alert registry reports/verify.json
  nlp-gitops ci alert drift --not-measured "no prediction logs"
"""

from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser
from nlp_gitops.core import context
from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.project import load_project
from nlp_gitops.github import alerts
from nlp_gitops.github.alerts import KINDS, Finding
from nlp_gitops.github.webhook import notify
from nlp_gitops.registry import github_client
from nlp_gitops.reporting.markdown import escape
from nlp_gitops.reporting.output import read_json


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("kind", choices=sorted(KINDS))
    arguments.add_argument("report", type=Path, metavar="FILE", nargs="?")
    arguments.add_argument("--not-measured", metavar="WHY", help="instead of a report")
    options = arguments.parse_args(argv)
    if (options.report is None) == (options.not_measured is None):
        arguments.error("give a report or --not-measured")
    if options.not_measured is not None:
        context.summarize(f"## NOT_MEASURED: {options.kind}\n\n{escape(options.not_measured)}")
        print(f"NOT_MEASURED: {options.not_measured}")
        return 0
    if not options.report.is_file():
        raise NotMeasured(f"{options.report}: not there; the step before wrote no report")
    found = KINDS[options.kind](read_json(options.report))
    summary = options.report.with_suffix(".md")
    context.summarize(summary.read_text(encoding="utf-8") if summary.is_file()
                      else f"## {found.title}\n\n{found.text}")
    print(found.title)
    if found.alert is not None:
        _tell(options.kind, found)
    return 0


def _tell(kind: str, found: Finding) -> None:
    connection = github_client.connect(load_project())
    url = context.run_url()
    if not found.alert:
        number = alerts.lowered(connection, kind, found.title)
        print(f"closed #{number}" if number else "no issue is open")
        return
    text = found.text + (f"\n\n[The run with its report]({url})\n" if url else "")
    number, new = alerts.raised(connection, kind, found.title, text)
    print(f"{'opened' if new else 'updated'} #{number}")
    if new:
        print(notify(found.title, f"issue #{number}", url))
