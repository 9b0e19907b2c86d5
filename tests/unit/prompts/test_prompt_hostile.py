"""Hostile prompt files: a finding of one line, and nothing else happens."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prompt_kit import BRIEF, GOOD, codes, found, put

from nlp_gitops import prompts
from nlp_gitops.core.errors import UsageError
from nlp_gitops.prompts.report import check

pytest_plugins = ["prompt_fixtures"]
pytestmark = pytest.mark.usefixtures("alone")

HOSTILE = {
    "empty": b"",
    "white space": b" \n\n",
    "aliases": b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "deep": b"version: " + b"[" * 5000,
    "deep map": b"a: " + b"{a: " * 2000,
    "deep format": b"version: 1.0.0\ngoal: g\nformat: " + b"{a: " * 40 + b"x" + b"}" * 40,
    "not UTF-8": b"version: 1.0.0\ngoal: \xff\xfe",
    "NUL": b"version: 1.0.0\ngoal: a\0b\n",
    "control": b"goal: \x07\n",
    "huge": b"# " + b"x" * 1_000_001,
    "NUL in the body": GOOD.encode() + b"\0",
    "long header": BRIEF.encode().replace(b"Be concise", b"x" * 300_000),
    "deep schema": b"version: 1.0.0\ngoal: g\nformat: {type: object, properties: {a: "
                   + b"{items: " * 40 + b"{}" + b"}" * 42,
    "twice": b"version: 1.0.0\nversion: 1.0.0\n",
    "no end": b"---\nversion: 1.0.0\n",
    "no body": b"---\nversion: 1.0.0\n---\n \n",
    "two documents": b"version: 1.0.0\n---\n---\nx: 1\n",
    "a list": b"- a\n",
    "a word": b"hello",
    "python": b"!!python/object/apply:os.system [id]",
    "binary": b"goal: !!binary aGVsbG8=\n",
    "set": b"goal: !!set {a, b}\n",
    "date": b"goal: !!timestamp 2026-01-01\n",
    "huge number": b"version: 0x" + b"f" * 5000,
    "huge key": b"0x" + b"f" * 5000 + b": 1",
    "long number": b"version: " + b"9" * 9000,
    "list as key": b"{[a]: b}",
    "merge": b"<<: {version: 1.0.0}\n<<: 5\n",
    "half a character": b'goal: "\\ud800"',
    "half a key": b'"\\udfff": x',
    "tabs": b"\tgoal: x",
    "markup": b"<<: *x\n%YAML 9.9",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_a_finding_of_one_line(kind):
    put(HOSTILE[kind])
    report = check(Path("prompts"))
    assert report.verdict == "FAIL"
    assert {finding.code for finding in report.findings} <= {"P001", "P002", "P010", "P030", "P044"}
    for finding in report.findings:
        assert finding.as_text().isprintable() and len(finding.as_text()) < 500
    with pytest.raises(UsageError):
        prompts.current(Path("prompts"), "mood")


@pytest.mark.parametrize("make", [
    lambda path: path.mkdir(),
    os.mkfifo,
    lambda path: path.symlink_to("/etc/passwd"),
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to(path.name),
    lambda path: path.symlink_to("nowhere"),
], ids=["folder", "FIFO", "link out", "link to a device", "link to itself", "dangling link"])
def test_what_is_no_plain_file_is_never_opened(make):
    path = Path("prompts/mood/prompt_v1.0.0.txt")
    path.parent.mkdir(parents=True)
    make(path)
    assert codes() == ["P002"]


def test_a_link_to_a_good_prompt_elsewhere_is_refused():
    path = put(GOOD)
    Path("elsewhere").write_text(GOOD)
    path.unlink()
    path.symlink_to("../../elsewhere")
    assert codes() == ["P002"]
    with pytest.raises(UsageError, match="a link; store the prompt itself"):
        prompts.current(Path("prompts"), "mood")


def test_a_file_of_a_gigabyte_is_not_read():
    path = put(GOOD)
    os.truncate(path, 2**30)
    assert codes() == ["P002"]


def test_a_linked_folder_is_not_followed():
    put(GOOD, name="real")
    Path("prompts/linked").symlink_to("real")
    Path("prompts/loop").symlink_to("..")
    assert [f.file for f in found("P002")] == ["prompts/linked", "prompts/loop"]


def test_names_of_any_bytes_can_be_shown():
    os.makedirs(b"prompts/caf\xe9\n")
    Path(os.fsdecode(b"prompts/caf\xe9\n/prompt_v1.0.0.txt")).write_text(GOOD)
    finding, = found("P012")
    assert finding.as_text().isprintable() and "\\xe9" in finding.file


@settings(max_examples=25, deadline=None, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
def test_any_bytes_anywhere_give_a_verdict(piece, at):
    data = GOOD.encode()
    put(data[:at] + piece + data[at:])
    assert check(Path("prompts")).verdict in ("PASS", "WARN", "FAIL")
