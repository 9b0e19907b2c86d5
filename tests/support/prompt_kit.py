"""Prompt files for tests, and what the checks find in them."""

import subprocess
from pathlib import Path

from nlp_gitops import prompts
from nlp_gitops.prompts.file import read
from nlp_gitops.prompts.report import check

GOOD = """---
name: mood
version: 1.0.0
goal: Say how a text sounds.
rules:
  - One label only.
input: {text: string}
format: {label: "bad|good"}
examples:
  - input: {text: I like it.}
    output: {label: good}
changelog:
  1.0.0: first
---
{{ goal }}
{{ rules }}
<text>
{{ text }}
</text>
{{ format }}
"""

BRIEF = """\
version: 0.3.1
goal: Classify sentiment as negative, neutral, or positive.
rules:
  - Be concise.
  - Output one label only.
format: {"label": "negative|neutral|positive"}
"""


def put(text: str | bytes, version: str = "1.0.0", name: str = "mood", suffix: str = "txt") -> Path:
    """Write a prompt file below ./prompts."""
    path = Path("prompts", name, f"prompt_v{version}.{suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def put_dataset(labels: str) -> None:
    """Write a dataset with these labels beside ./prompts."""
    Path("data").mkdir()
    Path("data/rows.jsonl").write_text('{"id": "1", "text": "a", "label": "bad"}\n')
    Path("data/dataset.yaml").write_text(
        f"name: d\nversion: 1.0.0\nschema: {{text: string, label: {{enum: [{labels}]}}}}\n"
        "files: [rows.jsonl]\n")


def git(*words: str) -> None:
    """Run git here."""
    subprocess.run(["git", *words], check=True, capture_output=True)


def commit() -> None:
    """Commit everything, in a new repository if there is none."""
    if not Path(".git").exists():
        git("init", "-q", "-b", "main", "--template=")
    git("add", "-A")
    git("commit", "-q", "-m", "state")


def at_any_place(text: str) -> prompts.Prompt:
    """Return the prompt that a text would be."""
    return read(Path("prompts/mood/prompt_v1.0.0.txt"), text).prompt


def found(code: str, **options) -> list:
    """Return the findings with this code."""
    return [item for item in check(Path("prompts"), **options).findings if item.code == code]


def codes(**options) -> list[str]:
    """Return all codes except those that say what could not be compared here."""
    findings = check(Path("prompts"), **options).findings
    return sorted(item.code for item in findings if item.code not in ("P033", "P044"))


def changed(old: str, new: str) -> str:
    """Return the good prompt with one piece of text replaced."""
    assert old in GOOD
    return GOOD.replace(old, new)
