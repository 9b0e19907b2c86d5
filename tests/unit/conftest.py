"""What unit tests share: a small repository of their own; no generated project, no environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from small import make_project, team_code

from nlp_gitops.project import Project

# A slow machine is no fault of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def no_team_code() -> Iterator[None]:
    """Let each test import the `nlp` package of its own repository."""
    with team_code():
        yield


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A committed repository with small data and gates that it passes; the work folder is in it."""
    for variable in ("GITHUB_ACTIONS", "GITHUB_ACTOR", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.chdir(tmp_path)
    return make_project(tmp_path)
