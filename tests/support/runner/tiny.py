"""Tiny repositories for the harness to run, in the words that its tests are written in."""

import textwrap
from pathlib import Path
from typing import Any

from baking import commit, git

from .act import run_workflow
from .result import Result

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
CACHE = "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"
PYTHON = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97"
ATTEST = "actions/attest-build-provenance@a2bbfa25375fe432b6a289bc6b6cd05ecd0c4c32"
UV = "astral-sh/setup-uv@20cfd1bf945f4377ade1205e4dbc17946fc9a30d"


def steps(*lines: str, head: str = "on: push") -> str:
    """Return a workflow of one job, `test`, with these steps."""
    block = textwrap.indent("\n".join(map(textwrap.dedent, lines)), "      ")
    return f"{head}\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n{block}\n"


def given(folder: Path, ci: str, **files: str) -> Path:
    """Make a repository with the workflow `ci.yml` and other files."""
    repo = folder / "repo"
    repo.mkdir()
    git(repo, "init", "--quiet", "--initial-branch=main")
    for name, text in {".github/workflows/ci.yml": ci, **files}.items():
        path = repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    commit(repo, "first")
    return repo


def commit_again(repo: Path) -> None:
    """Commit a second file."""
    (repo / "second.txt").touch()
    commit(repo, "second")


def when(repo: Path, event: str = "push", **more: Any) -> Result:
    """Run the workflow of a tiny repository, on a push unless told otherwise."""
    return run_workflow(repo, "ci.yml", event, workdir=repo.parent / "work",
                        **{"timeout": 60, **more})
