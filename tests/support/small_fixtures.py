"""Fixtures of tests that need a small repository; no generated project, no environment."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from baking import once
from hypothesis import settings
from small import git, make_project, team_code

from nlp_gitops.core.project import Project, load_project
from nlp_gitops.training import plots

# A slow machine is no fault of the code. `make drills` draws ten times as many examples.
settings.register_profile("few", deadline=None, max_examples=50)
settings.register_profile("many", deadline=None, max_examples=500)
settings.load_profile("few")


@pytest.fixture(autouse=True)
def no_team_code() -> Iterator[None]:
    """Let each test import the `nlp` package of its own repository."""
    with team_code():
        yield


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no matrix in a run: that is most of what training on a few rows takes.

    A module whose subject they are has a fixture of this name that does nothing.
    """
    monkeypatch.setattr(plots, "confusion_png", lambda *words: words[-1].write_bytes(b"PNG"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A committed repository with small data and gates that it passes; the work folder is in it."""
    for variable in ("GITHUB_ACTIONS", "GITHUB_ACTOR", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(once("small", _packed), tmp_path, symlinks=True, dirs_exist_ok=True)
    return load_project(tmp_path)


def _packed(folder: Path) -> None:
    """Make the repository with its objects in one file, which is copied for every test."""
    make_project(folder)
    git(folder, "gc", "--quiet", "--prune=now")
