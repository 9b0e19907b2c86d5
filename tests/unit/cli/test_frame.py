"""The frame around every command: one line for what is wrong, and the exit code."""

import json
import os
import subprocess
import sys

import pytest

from nlp_gitops.cli import frame
from nlp_gitops.core.errors import CheckFailed, Conflict, NotMeasured, UsageError, described, reason
from nlp_gitops.core.git import GitError


def ended(main):
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as stop:
        frame.run(main, [])
    return stop.value.code


def raising(error):
    """Return a command that raises this."""
    def main(argv):
        raise error

    return main


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    """Not in a workflow."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


@pytest.mark.parametrize("error, code, said", [
    (CheckFailed("too low"), 1, "too low"), (UsageError("no such flag"), 2, "no such flag"),
    (NotMeasured("nothing to see"), 3, "nothing to see"), (Conflict("changed"), 4, "changed"),
    (GitError(("push",), 128, "fatal: no\n"), 3, "git push: fatal: no"),
    (KeyboardInterrupt(), 130, "interrupted"),
    (FileNotFoundError(2, "No such file", "a.txt"), 3, "a.txt: No such file"),
    (PermissionError(13, "Permission denied", "b"), 3, "b: Permission denied"),
    (ModuleNotFoundError("No module", name="yaml"), 2,
     f"yaml is not installed for {sys.executable}; type: make setup, then . .venv/bin/activate")])
def test_a_command_speaks_in_one_line_and_leaves_no_traceback(capsys, error, code, said):
    assert ended(raising(error)) == code
    assert capsys.readouterr().err == f"error: {said}\n"


@pytest.mark.parametrize("error", [
    ValueError("a fault of ours"), OSError("without a file"),
    ModuleNotFoundError("No module", name="nlp_gitops.gone")])
def test_a_fault_of_our_own_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        frame.run(raising(error), [])


def test_the_exit_code_is_that_of_the_command():
    assert [ended(lambda argv: code) for code in (0, 1, 4)] == [0, 1, 4]


def test_in_a_workflow_the_line_is_an_annotation_that_starts_no_other(capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    ended(raising(UsageError("100 %\r\n::stop-commands::x")))

    assert capsys.readouterr().err == "::error::100 %25%0D%0A::stop-commands::x\n"


def test_a_reader_that_has_seen_enough_is_no_fault():
    code = ("from nlp_gitops.cli import frame\n"
            "frame.run(lambda argv: print('line\\n' * 100_000) or 0, [])")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stream:
        done = subprocess.run([sys.executable, "-c", code], stdout=stream, stderr=subprocess.PIPE)

    assert (done.returncode, done.stderr) == (141, b"")


def test_characters_that_the_terminal_lacks_are_written_as_escapes():
    code = "from nlp_gitops.cli import frame\nframe.run(lambda argv: print('caf\\u00e9') or 0, [])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True,
                          env={**os.environ, "PYTHONIOENCODING": "ascii"})

    assert (done.returncode, done.stdout) == (0, b"caf\\xe9\n")


def test_json_for_machines_keeps_its_characters(capsys):
    frame.emit({"b": "é", "a": [1]})

    text = capsys.readouterr().out
    assert "é" in text and json.loads(text) == {"b": "é", "a": [1]}


@pytest.mark.parametrize("error, said, kind", [
    (ValueError("first\nsecond"), "first", "ValueError: first"),
    (ValueError(), "ValueError", "ValueError"), (KeyError("a"), "'a'", "KeyError: 'a'"),
    (OSError("at https://me:secret@host/x"), "at https://host/x", "OSError: at https://host/x"),
    (ValueError("\n\n" + "x" * 300), "x" * 200, "ValueError: " + "x" * 200)])
def test_an_error_of_other_code_is_a_short_line_without_passwords(error, said, kind):
    assert (reason(error), described(error)) == (said, kind)
