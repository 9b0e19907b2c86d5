"""Check prompt files: headers, variables, output format, examples, secrets, version bump.

examples:
  python tools/check_prompts.py prompts/                     against the merge base
  python tools/check_prompts.py prompts/ --base origin/main  against another commit
  python tools/check_prompts.py prompts/ --fix               edits become new versions
  python tools/check_prompts.py prompts/ --json --sarif findings.sarif
  python tools/check_prompts.py diff FILE_A FILE_B           what changed, which bump it needs
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import emit, parser, show
from nlp_gitops.core import findings
from nlp_gitops.core.findings import print_findings
from nlp_gitops.prompts.diff import diff, lines
from nlp_gitops.prompts.fix import fix
from nlp_gitops.prompts.report import Report, check


def main(argv: Sequence[str]) -> int:
    """Check a folder, or show the difference of two files."""
    words = list(argv)
    return show_diff(words[1:]) if words[:1] == ["diff"] else check_folder(words)


def check_folder(argv: Sequence[str]) -> int:
    """Check the prompts, fix them if asked, and print the findings that are left."""
    arguments = parser(__doc__, "--json")
    add = arguments.add_argument
    add("prompts", type=Path, nargs="?", default=Path("prompts"),
        help="the prompts folder, or one prompt's folder (default: prompts)")
    add("--base", metavar="REF",
        help="compare with the merge base of HEAD and REF (default: the default branch)")
    add("--fix", action="store_true",
        help="write edited prompts as new versions and put the old ones back")
    add("--data", type=Path, metavar="FILE",
        help="the dataset whose labels count (default: data/dataset.yaml beside the prompts)")
    add("--sarif", type=Path, metavar="FILE", help="write SARIF for code scanning")
    options = arguments.parse_args(argv)
    report = check(options.prompts, options.base, options.data)
    if options.fix:
        for line in fix(report.histories):
            print(line, file=sys.stderr)
        report = check(options.prompts, options.base, options.data)
    if options.sarif:
        findings.write_sarif(options.sarif, "check_prompts", report.findings)
    if options.json:
        emit(report.as_dict())
    else:
        print_report(report)
    return 1 if report.verdict == "FAIL" else 0


def print_report(report: Report) -> None:
    """Print findings, the newest versions, and the verdict as the last line."""
    print_findings(report.findings)
    for note in report.versions:
        print(f"{note.name} {note.declared}: {note.reason}"
              + (f" -> {note.needed}" if note.needed not in (None, note.declared) else ""))
    if not report.prompts:
        print("no prompt files (prompts/NAME/prompt_vX.Y.Z.txt)")
    counts = [f"{number} {word}{'s' if number > 1 else ''}" for word in ("error", "warning")
              if (number := sum(f.severity == word for f in report.findings))]
    print(f"PROMPTS: {report.verdict} {', '.join(counts)}".rstrip())


def show_diff(argv: Sequence[str]) -> int:
    """Print what changed between two prompt files and the bump it needs."""
    arguments = parser("Shows what changed between two prompt files, and the bump it needs.",
                       "--json")
    arguments.prog += " diff"
    arguments.add_argument("old", type=Path, metavar="A")
    arguments.add_argument("new", type=Path, metavar="B")
    options = arguments.parse_args(argv)
    result = diff(options.old, options.new)
    declared = result.new.version
    enough = "" if declared >= result.needed else f"; {declared} is too low"
    bump = f"{result.bump}, from {result.old.version} to {result.needed} or higher{enough}"
    show(options, result.as_dict(), *lines(result), "BUMP: " + (
        bump if result.changes else "none, nothing that the model sees changed"))
    return 0
