"""The frame around every command: arguments, one-line errors, exit codes, output."""

import argparse
import io
import json
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from nlp_gitops.core import context
from nlp_gitops.core.errors import UsageError, UserError
from nlp_gitops.core.git import GitError

# The name that a user typed, for the first line of a command's help.
program = "nlp-gitops"
# Flags that many commands have.
FLAGS: dict[str, dict[str, Any]] = {
    "--model": {"help": "a model of project.yaml (default: the first)"},
    "--registry": {"help": "origin or local (default: origin inside Actions)"},
    "--json": {"action": "store_true", "help": "print the result as JSON"},
}
Number = TypeVar("Number", int, float)


class _Parser(argparse.ArgumentParser):
    """What cannot be read is one line, as every other fault of a user is."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; type: {self.prog} --help")


def parser(doc: str | None, *shared: str) -> argparse.ArgumentParser:
    """Return a parser whose help is the module's docstring, examples included.

    `shared` are flags of FLAGS. Python takes docstrings out under -OO.
    """
    found = _Parser(
        prog=program, description=(doc or "").strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag in shared:
        found.add_argument(flag, **FLAGS[flag])
    return found


def positive(number: Callable[[str], Number]) -> Callable[[str], Number]:
    """Return a type of argument: an int or a float above 0 and below 1,000,000."""
    def read(text: str) -> Number:
        value = number(text)
        if not 0 < value < 1e6:
            raise argparse.ArgumentTypeError("must be above 0 and below 1,000,000")
        return value

    read.__name__ = number.__name__
    return read


def run(main: Callable[[list[str]], int], arguments: list[str]) -> None:
    """Run a command and leave the process with its exit code; never a traceback for bad input."""
    # Data may hold characters that the terminal's encoding lacks.
    if isinstance(sys.stdout, io.TextIOWrapper):
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


def show(options: argparse.Namespace, record: object, *lines: str) -> None:
    """Print a command's result: the record as JSON with --json, else the lines."""
    if options.json:
        emit(record)
    else:
        print("\n".join(lines))


def emit(value: object) -> None:
    """Print JSON for machines."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
