"""Show an evaluation's report again, or turn its report.json into another format.

Text from the report is untrusted: it is escaped and masked again, whatever wrote it.

examples:
  python tools/report.py 20260105-101500Z_review-sentiment
  python tools/report.py reports/report.json --format html --out report.html
  python tools/report.py reports/report.json --format comment --out comment.md
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops.cli import parser, run
from mlops import render_html, render_markdown, render_text, report_findings
from mlops.files import write_atomic
from mlops.report_outputs import read_report
from mlops.report_parts import View
from mlops.report_view import view


def main(argv: Sequence[str] | None) -> int:
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
    from mlops import tracking
    from mlops.project import load_project

    return tracking.find(load_project().root / "runs", name).evaluation / "report.json"


def _rendered(report: View, form: str) -> str:
    if form == "html":
        return render_html.page(report)
    if form == "sarif":
        lines = report_findings.gate_lines(Path("gates.yaml"), report)
        return json.dumps(report_findings.to_sarif(report, lines), indent=2) + "\n"
    if form == "comment":
        return render_markdown.comment(report)
    return render_markdown.markdown(report) if form == "md" else render_text.text(report) + "\n"


if __name__ == "__main__":
    run(main)
