"""Where tests of prompt files run."""

import os

import pytest


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """Run outside any repository and workflow, with a git that reads no user's settings."""
    for name in [key for key in os.environ if key.startswith(("GIT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.com")
    monkeypatch.chdir(tmp_path)
