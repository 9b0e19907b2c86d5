"""A small repository for unit tests: easy rows, gates that it passes, and the template's nlp/."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nlp_gitops.core.project import Project, load_project
from nlp_gitops.data.rows import digest

ROOT = Path(__file__).resolve().parents[2]
# What is generated for a team; unit tests use single files of it, as they are.
HERE = ROOT / "<<cookiecutter.project>>"
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


def make_project(folder: Path) -> Project:
    """Make a committed repository in an empty folder."""
    shutil.copytree(HERE / "nlp", folder / "nlp", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").mkdir()
    (folder / "requirements.txt").write_text("numpy\n")
    (folder / ".gitignore").write_text((HERE / ".gitignore").read_text())
    (folder / "project.yaml").write_text("""\
name: small
description: A small project for tests.
owner: tests
github_owner: tests
task: text-classification
language: en
license: internal
models:
  small: {class: nlp.classifiers:TfidfLogistic, params: {min_df: 1}}
""")
    (folder / "gates.yaml").write_text("""\
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
        write_rows(folder / "data" / f"{name}.jsonl", rows)
    (folder / "data" / "dataset.yaml").write_text(f"""\
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
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "Start")
    return load_project(folder)


@contextmanager
def team_code() -> Iterator[None]:
    """Begin without an `nlp` package of another repository, and leave none behind.

    A fixture for a whole module needs this; for each test it is there.
    """
    path = list(sys.path)
    _forget()
    try:
        yield
    finally:
        sys.path[:] = path
        _forget()


def _forget() -> None:
    if "nlp" not in sys.modules:
        return
    for name in [name for name in sys.modules if name.partition(".")[0] == "nlp"]:
        del sys.modules[name]


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True,
                          capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=tests", "-c", "user.email=tests@localhost", "commit", "--quiet",
        "-m", message)
