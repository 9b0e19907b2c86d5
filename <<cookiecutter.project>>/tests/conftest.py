"""Fixtures shared by the tests: a small repository of its own, with rows, run and registry."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

from mlops.dataset.rows import digest
from mlops.git import REPOSITORY_VARIABLES
from mlops.project import Project, load_project

# A slow machine is no fault of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

HERE = Path(__file__).resolve().parent.parent
WORDS = {
    "positive": ("love it", "works great", "excellent value", "very happy with it"),
    "negative": ("broke at once", "awful quality", "waste of money", "very unhappy with it"),
    "neutral": ("it arrived on monday", "comes in a box", "there are two cables", "size is medium"),
}
THINGS = ("kettle", "charger", "novel", "jacket", "puzzle", "editor", "lamp", "mixer")


def small_rows(split: str, number: int) -> list[dict[str, str]]:
    """Return easy rows that any working classifier separates."""
    rows = []
    for index in range(number):
        label = sorted(WORDS)[index % 3]
        thing, phrase = THINGS[index % len(THINGS)], WORDS[label][index % 4]
        rows.append({"id": f"{split}-{index}", "label": label, "domain": f"d{index % 2}",
                     "group": f"{split}-{index}",
                     "text": f"The {thing} number {index} of {split}: {phrase}."})
    return rows


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A committed repository with small data and gates that it passes; the work folder is in it."""
    for name in ("nlp", "schemas"):
        shutil.copytree(HERE / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "data").mkdir()
    (tmp_path / "requirements.txt").write_text("numpy\n")
    (tmp_path / ".gitignore").write_text((HERE / ".gitignore").read_text())
    (tmp_path / "project.yaml").write_text("""\
name: small
description: A small project for tests.
owner: tests
github_owner: tests
task: text-classification
language: en
license: internal
models:
  small: {class: tfidf-logistic, params: {min_df: 1}}
""")
    (tmp_path / "gates.yaml").write_text("""\
gates_version: 1
latency: {warmup: 1, requests: 20}
slices: {domain: {by: domain}}
gates:
  - {id: quality, metric: f1_macro, min: 0.8, why: tests need some bound}
  - {id: domains, metric: f1_macro, min: 0.7, slices: [domain], why: and one for slices}
""")
    splits = {"train": small_rows("train", 90), "valid": small_rows("valid", 18),
              "test": small_rows("test", 30)}
    for name, rows in splits.items():
        write_rows(tmp_path / "data" / f"{name}.jsonl", rows)
    (tmp_path / "data" / "dataset.yaml").write_text(f"""\
name: small-rows
version: 1.0.0
license: CC0-1.0
language: en
schema:
  id: string
  text: string
  label: {{enum: [negative, neutral, positive]}}
  domain: string
  group: string
splits: {{train: train.jsonl, valid: valid.jsonl, test: test.jsonl, group: group}}
test_sha256: {digest(splits["test"])}
""")
    for variable in ("GITHUB_ACTIONS", "GITHUB_ACTOR", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, "Start")
    monkeypatch.chdir(tmp_path)
    return load_project(tmp_path)


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(autouse=True, scope="session")
def no_other_repository() -> None:
    """Forget the repository of a git hook that runs these tests: they change only their own."""
    for name in REPOSITORY_VARIABLES:
        os.environ.pop(name, None)


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True,
                          capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=tests", "-c", "user.email=tests@localhost", "commit", "--quiet",
        "-m", message)
