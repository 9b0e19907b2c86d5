"""Hostile prompt files: always a verdict, never another exception than a UserError, never a hang.

More than 10,000 files are generated: valid prompts with random parts, and random edits of their
bytes. The worst files of full size are checked with a limit on time and memory.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nlp_gitops import prompts
from nlp_gitops.core.errors import UserError
from nlp_gitops.prompts import checks, diff
from nlp_gitops.prompts.file import read
from nlp_gitops.prompts.report import check

pytestmark = pytest.mark.heavy

VERDICTS = {"PASS", "WARN", "FAIL"}
CODES = {"P001", "P002", "P010", "P011", "P012", "P020", "P021", "P022", "P030", "P031", "P032",
         "P033", "P040", "P041", "P042", "P043", "P044", "P050", "P060"}
MANY = settings(max_examples=4000, deadline=None, database=None, suppress_health_check=[
    HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large])

ODD = st.sampled_from([
    "", "~", "null", "true", "1", "1.0", "0x" + "f" * 99, "-.inf", ".nan", "2026-01-01",
    "1:30:00",
    "!!binary aGk=", "!!set {a}", "!!python/tuple [1]", "&a x", "*a", "[]", "{}", "[[[[[]]]]]",
    "{a: {b: {c: {}}}}", "'\\ud800'", '"\\ud800"', '"\\0"', "|\n  text\n",
    ">-\n  folded\n  text\n", "a|b", "a||b", "|", "string", "{type: object}",
    "{type: object, properties: {a: true}}",
    "{$ref: '#'}", "{enum: []}", "{a: {enum: a}}", "{a: {type: [string, null]}}", "{a: [1, 1]}",
    "{label: {anyOf: [{type: string}, {enum: [1]}]}}", "{'': string}", "{a: {pattern: '(a+)+$'}}",
    "[{input: {text: a}, output: {label: a}}]", "[{input: 1, output: 2}]", "[{}]", "[text]",
    "{1.0.0: why}", "{1: x}", "{text: string}", "{text: {type: integer, maximum: 1e400}}",
    "{goal: string}", "{temperature: 3}", "{name: m, seed: 1}", "9" * 5000, "'{{ text }}'", "%",
    "@", "\t", "<<: {a: b}", "? [a]\n: b", "--- x", "...", "\u2028", "\u0085", "\ufeff", "é"])
TEXT = ODD | st.text(max_size=30)
KEYS = st.sampled_from(["name", "version", "goal", "rules", "input", "format", "examples",
                        "changelog", "model", "max_tokens"]) | TEXT
BODY = st.lists(st.sampled_from([
    "{{ text }}", "{{ goal }}", "{{ rules }}", "{{ format }}", "{{ examples }}", "{{", "}}", "{{{",
    r"\{{", "{{ x.y }}", "{% if %}", "---", "\n", "\r", "sk-" + "a1" * 20, "jane@mail.org",
    "4111 1111 1111 1111", "\0", "\ud800", "a" * 99]) | st.text(max_size=20), max_size=8)
USUAL = {"version": "1.0.0", "goal": "Say it.", "format": '{label: "a|b"}', "name": "mood",
         "rules": "[Be brief.]", "input": "{text: string}", "changelog": "{1.0.0: first}",
         "examples": "[{input: {text: x}, output: {label: a}}]"}


@st.composite
def files(draw) -> bytes:
    """Return a prompt file: usual values, some of them replaced, some keys added or dropped."""
    header = {key: value for key, value in USUAL.items() if draw(st.integers(0, 9))}
    header.update(draw(st.dictionaries(KEYS, TEXT, max_size=2)))
    lines = "".join(f"{key}: {value}\n" for key, value in header.items())
    body = "".join(draw(BODY))
    text = draw(st.sampled_from([
        f"---\n{lines}---\n{{{{ text }}}}{{{{ rules }}}}{body}\n", lines, f"---\n{lines}{body}",
        f"# note\n\n---\n{lines}---   \n{body}", f"{lines}---\n{body}"]))
    return text.encode("utf-8", "surrogatepass")


@st.composite
def broken(draw) -> bytes:
    """Return a prompt file with a few pieces cut out, doubled or replaced by any bytes."""
    data = draw(files())
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 20)))
        piece = draw(st.binary(max_size=20) | st.sampled_from([data[start:end] * 2, b"", b"\r\n"]))
        data = data[:start] + piece + data[end:]
    return data


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """Return a prompt's path in a repository whose base holds a good version of it."""
    for name in [key for key in os.environ if key.startswith(("GIT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    path = Path("prompts/mood/prompt_v1.0.0.txt")
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{key}: {value}\n" for key, value in USUAL.items()))
    Path("data").mkdir()
    Path("data/rows.jsonl").write_text('{"id": "1", "text": "x", "label": "a"}\n')
    Path("data/dataset.yaml").write_text(
        "name: d\nversion: 1.0.0\nschema: {text: string, label: {enum: [a, b]}}\n"
        "files: [rows.jsonl]\n")
    for words in (["init", "-q"], ["add", "-A"],
                  ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], check=True)
    return path


def judge(path: Path, data: bytes) -> prompts.Prompt | None:
    """Check one file's bytes as `check_prompts.py` does, and use the prompt if there is one."""
    path.write_bytes(data)
    reading = read(path)
    found = list(reading.findings)
    if reading.text is not None:
        found += checks.secrets(reading.text, str(path))
    if reading.prompt:
        found += checks.check(reading.prompt)
        found += checks.labels(reading.prompt, ("a", "b"))
    for finding in found:
        assert finding.code in CODES
        assert finding.line is None or 1 <= finding.line <= data.count(b"\n") + 1_000
        assert len(finding.as_text()) < 3000
        assert finding.as_text().isprintable()
    if reading.prompt and not any(finding.code in ("P020", "P032") for finding in found):
        use(reading.prompt)
    return reading.prompt


def use(prompt: prompts.Prompt) -> None:
    """Render a sound prompt with its own examples and take their outputs as answers."""
    for example in prompt.examples:
        prompts.render(prompt, example["input"])


def test_generated_files_are_judged(place):
    seen = {"read": 0, "refused": 0}

    @MANY
    @given(files())
    def run(data):
        seen["read" if judge(place, data) else "refused"] += 1

    run()
    assert min(seen.values()) > 200, seen


def test_broken_files_are_judged(place):
    @MANY
    @given(broken())
    def run(data):
        judge(place, data)

    run()


def test_two_files_can_be_compared(place):
    @settings(MANY, max_examples=2000)
    @given(files(), files())
    def run(one, other):
        old, new = judge(place, one), judge(place, other)
        if old and new:
            changes = diff.changes(old, new)
            assert (changes == []) == (old.digest == new.digest)
            assert diff.needed(old.version, changes) >= old.version

    run()


def test_the_whole_check_gives_a_known_verdict(place):
    @settings(MANY, max_examples=1000)
    @given(files() | broken())
    def run(data):
        place.write_bytes(data)
        assert check(Path("prompts")).verdict in VERDICTS

    run()


def test_any_answer_is_taken_or_refused(place):
    prompt = prompts.load(place)

    @MANY
    @given(st.text(max_size=60) | st.recursive(
        ODD | st.sampled_from(['"label"', '"a"', "NaN", "1e999"]),
        lambda inner: st.lists(inner, max_size=3).map(lambda items: "{" + ":".join(items) + "}"),
        max_leaves=6))
    def run(text):
        try:
            assert prompts.parse_answer(prompt, text)["label"] in ("a", "b")
        except UserError as error:
            assert str(error).isprintable()

    run()


HEAD = "---\nversion: 1.0.0\ngoal: g\nformat: {label: 'a|b'}\n"
SHORT = "version: 1.0.0\ngoal: g\nformat: {a: string}\n"
WORST = {
    "a gigabyte": None,
    "list": SHORT + "rules: [" + "a," * 95_000 + "]",
    "maps": SHORT + "rules: [" + "{}," * 63_000 + "]",
    "keys": "".join(f"k{index}: 1\n" for index in range(18_000)),
    "inputs": SHORT + "input: {" + ",".join(f"a{index}: string" for index in range(10_000)) + "}",
    "placeholders": HEAD + "---\n" + "{{ x }}" * 140_000,
    "braces": HEAD + "---\n" + "{" * 999_000,
    "lines": HEAD + "---\n" + "\n" * 990_000 + "x",
    "mails": HEAD + "---\n" + "a@a." * 240_000,
    "address": HEAD + "---\n" + "a" * 450_000 + "@" + "a." * 200_000,
    "urls": HEAD + "---\n" + "ab://:" * 160_000,
    "digits": HEAD + "---\n" + "4 " * 490_000,
    "phones": HEAD + "---\n" + "+1 1 1 1 1 1 1 1 1 1" * 49_000,
    "labels": HEAD.replace("a|b", "|".join(map(str, range(30_000)))) + "---\nx",
    "branches": HEAD.replace("'a|b'", "{anyOf: [" + ",".join(
        ["{anyOf: [" + ",".join(["{type: string}"] * 100) + "]}"] * 90) + "]}")
    + "examples: [{input: {}, output: {label: 1}}]\n---\nx",
    "likeness": HEAD + "input: {" + ",".join(f"{'ab' * 10}{n}: string" for n in range(4000))
    + "}\n---\n" + "".join(f"{{{{ {'ab' * 10}{n}x }}}}" for n in range(4000)),
}


@pytest.mark.parametrize("kind", WORST)
def test_the_worst_files_stay_within_time_and_memory(kind, place):
    if WORST[kind] is None:
        os.truncate(place, 2**30)
    else:
        place.write_text(WORST[kind])
    limits = (resource.RLIMIT_AS, (768 * 2**20,) * 2), (resource.RLIMIT_CPU, (30, 30))
    done = subprocess.run(
        [sys.executable, "-B", "-m", "nlp_gitops", "check-prompts", "prompts"],
        capture_output=True, text=True, timeout=300,
        preexec_fn=lambda: [resource.setrlimit(*limit) for limit in limits])
    assert done.returncode in (0, 1), done.stderr[-500:]
    assert done.stdout.splitlines()[-1].split()[1] in VERDICTS
    assert "Traceback" not in done.stderr
