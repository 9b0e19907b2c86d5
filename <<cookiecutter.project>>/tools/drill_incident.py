"""Practise an incident on this machine: a bad version is in production. Nothing real is touched.

A short-lived copy of the repository gets a registry of its own, a good version and a bad one whose
answers begin to fail after it has passed everything. The drill notices it, rolls back, and writes
the incident and the draft of its post-mortem to reports/drill/. It ends by itself.

examples:
  python tools/drill_incident.py                        # the version in production, else in staging
  python tools/drill_incident.py review-sentiment@v1.2.0 --registry origin
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops.cli import emit, parser, run
from mlops.errors import UsageError
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
        from mlops.incidents.drill import drill
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed; type: make setup") from None
    found = drill(load_project(), options.version, options.registry,
                  (lambda line: None) if options.json else _print)
    if options.json:
        emit(found)
    else:
        print(f"DRILL: {found['verdict']} in {found['seconds']:.0f} s: time to detect "
              f"{found['detect_seconds']:.1f} s, time to restore {found['restore_seconds']:.1f} s")
    return 0 if found["verdict"] == "PASS" else 1


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    run(main)
