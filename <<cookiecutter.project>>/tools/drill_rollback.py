"""Try the rollback, in a short-lived environment on this machine; nothing is deployed.

A registered version runs twice behind nginx, under load: with planted errors, which must be rolled
back; with a judge that died, whose lease must give the traffic back; and healthy, which must pass.
What was seen is kept in reports/drill.json.

examples:
  python tools/drill_rollback.py                        # the version in production, else in staging
  python tools/drill_rollback.py review-sentiment@v1.2.0 --registry origin
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops.cli import emit, parser, run
from mlops.errors import UsageError
from mlops.files import write_json
from mlops.project import load_project


def main(argv: Sequence[str] | None) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("version", nargs="?", metavar="NAME@vX.Y.Z",
                           help="default: the first model's version in production, or in staging")
    arguments.add_argument("--registry", help="origin or local (default: origin inside Actions)")
    arguments.add_argument("--json", action="store_true", help="print the result as JSON")
    options = arguments.parse_args(argv)
    try:
        from mlops.rollout import command
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed; type: make setup") from None
    project = load_project()
    found = command.rehearse_rollback(project, options.version, options.registry,
                                      (lambda line: None) if options.json else print)
    write_json(project.root / "reports" / "drill.json", found)
    if options.json:
        emit(found)
    else:
        print(f"DRILL: {found['verdict']} in {found['seconds']:.0f} s")
    return 0 if found["verdict"] == "PASS" else 1


if __name__ == "__main__":
    run(main)
