"""Calls to git: identity and credentials."""

import base64

import pytest

from mlops import git


def test_the_workflows_token_goes_to_its_own_server_only(project, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")

    header = git.git(project.root, "config", "--get-urlmatch", "http.extraheader",
                     "https://github.com/me/project", env=git.token_environment())

    assert base64.b64decode(header.split()[-1]).decode() == "x-access-token:secret"
    with pytest.raises(git.GitError):
        git.git(project.root, "config", "--get-urlmatch", "http.extraheader",
                "https://elsewhere.example/me/project", env=git.token_environment())


def test_outside_a_workflow_no_token_is_used(monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_TOKEN", "secret")

    assert git.token_environment() == {}


def test_without_an_identity_the_stated_one_is_used(project, monkeypatch):
    for variable in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(variable, raising=False)

    assert git.identity(project.root) == git.FALLBACK_IDENTITY


def test_characters_that_break_a_commit_header_are_taken_out(project, monkeypatch):
    monkeypatch.setenv("GIT_COMMITTER_NAME", "A <b>\nc")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "a@b>")

    assert git.identity(project.root) == ("A bc", "a@b")
