"""The frame around every command: arguments, one-line errors, exit codes, output."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from nlp_gitops.core import context
from nlp_gitops.core.errors import UserError
from nlp_gitops.core.git import GitError

# The name that a user typed, for the first line of a command's help.
program = "nlp-gitops"


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the module's docstring, examples included.

    Python takes docstrings out under -OO.
    """
    return argparse.ArgumentParser(
        prog=program, description=(doc or "").strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter)


def run(main: Callable[[list[str]], int], arguments: list[str]) -> None:
    """Run a command and leave the process with its exit code; never a traceback for bad input."""
    # Data may hold characters that the terminal's encoding lacks.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main(arguments)
        sys.stdout.flush()
    except UserError as error:
        fail(str(error))
        code = error.exit_code
    except GitError as error:
        # Nobody on the way knew a better word for it, such as for a repository that is read-only.
        fail(str(error))
        code = 3
    except KeyboardInterrupt:
        fail("interrupted")
        code = 130
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] == "nlp_gitops":
            raise
        fail(f"{error.name} is not installed for {sys.executable}; type: make setup, then "
             ". .venv/bin/activate")
        code = 2
    except OSError as error:
        if not error.filename:
            raise
        fail(f"{error.filename}: {error.strerror}")
        code = 3
    sys.exit(code)


def fail(message: str) -> None:
    """Print one line to standard error, also as an annotation inside GitHub Actions."""
    if context.in_workflow():
        escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::error::{escaped}", file=sys.stderr)
    else:
        print(f"error: {message}", file=sys.stderr)


def emit(value: Any) -> None:
    """Print JSON for machines."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
