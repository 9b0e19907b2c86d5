"""Take delayed labels in, to be joined with predictions by request id.

FILE is CSV, TSV or JSONL with the fields request_id and label, and row where a request had several
texts. A faulty line is reported with its number, and then nothing is stored.

examples:
  python tools/feedback.py labels.csv
  python tools/feedback.py labels.jsonl --id id --label corrected --to logs/feedback
"""

from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import load_project

DEFAULT = "logs/feedback"


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--json")
    arguments.add_argument("file", type=Path, metavar="FILE")
    arguments.add_argument("--id", default="request_id", metavar="FIELD")
    arguments.add_argument("--label", default="label", metavar="FIELD")
    arguments.add_argument("--to", metavar="DIR", help=f"the feedback log (default: drift.feedback "
                           f"of project.yaml, else {DEFAULT})")
    options = arguments.parse_args(argv)
    if not options.file.is_file():
        raise UsageError(f"{options.file}: no such file")
    from nlp_gitops.drift import feedback

    target = feedback.check_place(options.to or load_project().drift.feedback or DEFAULT)
    path, number = feedback.take_in(options.file, target, options.id, options.label)
    show(options, {"file": str(path), "labels": number}, f"{number:,} labels are in {path}",
         f"next: python tools/drift_report.py --feedback {target}")
    return 0
