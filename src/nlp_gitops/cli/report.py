"""Show an evaluation's report again, or turn its report.json into another format.

Text from the report is untrusted: it is escaped and masked again, whatever wrote it.

examples:
  nlp-gitops report 20260105-101500Z_review-sentiment
  nlp-gitops report reports/report.json --format html --out report.html
  nlp-gitops report reports/report.json --format comment --out comment.md
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser
from nlp_gitops.core.files import write_atomic
from nlp_gitops.reporting import markdown, output, phrases
from nlp_gitops.reporting.html_page import html_page
from nlp_gitops.reporting.output import read_report
from nlp_gitops.reporting.report import View, view


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("report", metavar="RUN|FILE",
                           help="a run's name, or how it begins, or a report.json")
    arguments.add_argument("--format", choices=("text", "md", "comment", "html", "sarif"),
                           default="text", help="comment: Markdown that fits a pull request "
                           "comment (default: text)")
    arguments.add_argument("--out", type=Path, metavar="FILE", help="default: standard output")
    options = arguments.parse_args(argv)
    text = _rendered(view(read_report(_path(options.report))), options.format)
    if options.out:
        write_atomic(options.out, text)
    else:
        sys.stdout.write(text)
    return 0


def _path(name: str) -> Path:
    if name.endswith(".json"):
        return Path(name)
    # Reading settings takes longer to import than rendering; a report.json needs none.
    from nlp_gitops import tracking
    from nlp_gitops.core.project import load_project

    return tracking.find(load_project().root / "runs", name).evaluation / "report.json"


def _rendered(report: View, form: str) -> str:
    if form == "html":
        return html_page(report)
    if form == "sarif":
        lines = output.gate_lines(Path("gates.yaml"), report)
        return json.dumps(output.to_sarif(report, lines), indent=2) + "\n"
    if form == "comment":
        return markdown.comment(report)
    return markdown.render(report) if form == "md" else phrases.text(report) + "\n"
