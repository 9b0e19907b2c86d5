"""Check data/dataset.yaml and its rows: types, splits, leakage, pinned test split, version bump.

examples:
  python tools/check_schema.py data/dataset.yaml
  python tools/check_schema.py data/dataset.yaml --fix
  python tools/check_schema.py data/dataset.yaml --base origin/main --json --sarif data.sarif
"""

from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import emit, parser
from nlp_gitops.core import findings
from nlp_gitops.core.findings import print_findings
from nlp_gitops.data.command import check_and_fix


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--json")
    arguments.add_argument("manifest", type=Path, nargs="?", default=Path("data/dataset.yaml"),
                           help="default: data/dataset.yaml")
    arguments.add_argument("--fix", action="store_true",
                           help="write the needed version, the test digest and the card's tables")
    arguments.add_argument("--base", metavar="REF",
                           help="compare with this commit or branch (default: the merge base "
                           "with the default branch)")
    arguments.add_argument("--sarif", type=Path, metavar="FILE", help="write the findings as SARIF")
    options = arguments.parse_args(argv)
    report, done = check_and_fix(options.manifest, options.base, options.fix)
    if options.sarif:
        findings.write_sarif(options.sarif, "check_schema", report.findings)
    if options.json:
        emit(report.as_dict())
        return report.exit_code
    for line in done:
        print(line)
    chosen, cut = report.shown()
    print_findings(chosen)
    for line in (*cut, *report.notes()):
        print(line)
    print(report.last_line())
    return report.exit_code
