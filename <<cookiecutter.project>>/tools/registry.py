"""Read the registry: what is in which stage, and everything that ever happened.

examples:
  python tools/registry.py show
  python tools/registry.py show review-sentiment --json
  python tools/registry.py history review-sentiment --registry origin
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops.cli import emit, parser, run
from mlops.errors import UsageError
from mlops.names import check_model_name
from mlops.project import load_project
from mlops.registry import views
from mlops.registry.connect import connect
from mlops.registry.operations import Registry


def main(argv: Sequence[str] | None) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    commands = arguments.add_subparsers(dest="command", required=True)
    for name, text in (("show", "which version is in which stage"),
                       ("history", "who changed what, when and why")):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("name", nargs="?", help="one model (default: all)")
        command.add_argument("--registry", help="origin or local (default: origin in Actions)")
        command.add_argument("--json", action="store_true", help="print JSON")
    options = arguments.parse_args(argv)
    registry = connect(load_project(), options.registry)
    if options.name:
        check_model_name(options.name)
    return _show(registry, options) if options.command == "show" else _history(registry, options)


def _show(registry: Registry, options: argparse.Namespace) -> int:
    states = registry.states()
    if options.name:
        if options.name not in states:
            raise UsageError(f"the registry holds no model {options.name!r}; it holds "
                             + (", ".join(states) or "none"))
        states = {options.name: states[options.name]}
    if options.json:
        emit(views.show_record(states))
    else:
        print(views.show_table(states))
    return 0


def _history(registry: Registry, options: argparse.Namespace) -> int:
    events = views.history(registry.ledger, options.name)
    if options.json:
        emit([views.event_record(event) for event in events])
    else:
        print(views.history_table(events))
    return 0


if __name__ == "__main__":
    run(main)
