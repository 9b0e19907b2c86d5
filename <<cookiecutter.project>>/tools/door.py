"""The way from a file in this folder to the command of nlp-gitops that bears its name."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(name: str) -> None:
    """Run a command with the arguments of this process, and exit with its code."""
    if sys.version_info < (3, 11):
        stop("Python 3.11 or newer is needed, and this is %d.%d" % sys.version_info[:2])
    # In the place of this folder, whose files would hide packages of the same name.
    sys.path[0] = str(ROOT)
    try:
        from nlp_gitops.cli.main import door
    except ModuleNotFoundError as error:
        stop(f"{error.name} is not installed for {sys.executable}")
    door(name)


def stop(why: str) -> None:
    """Say in one line what is wrong with this interpreter."""
    print(f"error: {why}; type: make setup, then . .venv/bin/activate", file=sys.stderr)
    sys.exit(2)
