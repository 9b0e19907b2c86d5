"""Calls to git: identity and credentials."""

import base64

import pytest

from nlp_gitops.core import git


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


def test_a_hooks_own_repository_is_not_that_of_another_folder(project, tmp_path, monkeypatch):
    other = tmp_path / "other"
    git.git(tmp_path, "init", "--quiet", str(other))
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))

    assert git.git(project.root, "rev-parse", "--show-toplevel") == str(project.root.resolve())
    assert git.git(project.root, "ls-files", "project.yaml") == "project.yaml"


def test_every_variable_that_git_calls_a_repositorys_own_is_dropped(project):
    named = set(git.git(project.root, "rev-parse", "--local-env-vars").split())

    # Settings are no place of a repository: `git -c` and workflows hand them on this way.
    assert named - set(git.REPOSITORY_VARIABLES) <= {"GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"}


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
