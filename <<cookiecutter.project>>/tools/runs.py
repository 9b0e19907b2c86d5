"""List the runs of this work tree, show one, or compare several.

examples:
  python tools/runs.py list
  python tools/runs.py show 20260105-101500Z_review-sentiment
  python tools/runs.py compare RUN_A RUN_B --json
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops import tracking
from mlops.cli import emit, parser, run
from mlops.project import load_project
from mlops.tables import table


def main(argv: Sequence[str] | None) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    commands = arguments.add_subparsers(dest="command", required=True)
    for name, number in (("list", None), ("show", 1), ("compare", "+")):
        command = commands.add_parser(name)
        if number:
            command.add_argument("runs", nargs=number, metavar="RUN")
        command.add_argument("--json", action="store_true", help="print JSON")
    options = arguments.parse_args(argv)
    folder = load_project().root / "runs"
    if options.command == "list":
        chosen = tracking.all_runs(folder)
    else:
        chosen = [tracking.find(folder, name) for name in options.runs]
    if options.json:
        records = [dict(item.details) for item in chosen]
        emit(records[0] if options.command == "show" else records)
    elif options.command == "show":
        for key, value in chosen[0].details.items():
            print(f"{key}: {value}")
    elif options.command == "compare":
        print(_comparison(chosen))
    else:
        print(_listing(chosen))
    return 0


def _listing(runs: Sequence[tracking.Run]) -> str:
    if not runs:
        return "no runs yet; type: python tools/train.py"
    return table(("run", "val macro-F1", "data", "prompt", "changes"),
                 [(item.name, _number(item.metrics.get("val_f1_macro")),
                   item.tags["dataset_version"], item.tags["prompt_version"],
                   "uncommitted" if item.tags["dirty"] else "") for item in runs])


def _comparison(runs: Sequence[tracking.Run]) -> str:
    rows = []
    for part in ("params", "metrics", "tags", "inputs"):
        keys = {key: None for item in runs for key in getattr(item, part)}
        for key in keys:
            values = [getattr(item, part).get(key, "–") for item in runs]
            mark = "" if all(value == values[0] for value in values) else "*"
            rows.append((mark, key, *(_number(value) for value in values)))
    return table(("", "", *(item.name for item in runs)), rows)


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str("–" if value is None else value)


if __name__ == "__main__":
    run(main)
