"""Which remotes are on GitHub, and where the archives of the others lie."""

import pytest
import tiny_registry as tiny

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.registry.remotes import connect, default_name, github_repository

HOST = "github.example.org"


def with_remote(project, url):
    tiny.git(project.root, "remote", "add", "origin", url)
    return project


def with_setting(project, line):
    path = project.root / "project.yaml"
    path.write_text(path.read_text() + f"registry: {{{line}}}\n")
    return load_project(project.root)


@pytest.mark.parametrize("url", [
    "https://github.com/acme/reviews.git", "https://github.com/acme/reviews",
    "https://github.com/acme/reviews/", "https://x-access-token:secret@github.com/acme/reviews.git",
    "https://me@github.com/acme/reviews", "https://GitHub.com/acme/reviews.git",
    "ssh://git@github.com/acme/reviews.git", "ssh://git@github.com:22/acme/reviews.git",
    "git@github.com:acme/reviews.git", "git@github.com:acme/reviews"])
def test_a_remote_on_github_is_found_in_every_form(project, url):
    assert github_repository(with_remote(project, url), "origin") == ("github.com", "acme/reviews")


@pytest.mark.parametrize("url", [
    f"https://{HOST}/acme/reviews.git", f"git@{HOST}:acme/reviews.git",
    f"https://{HOST}:8443/acme/reviews", f"ssh://git@{HOST}/acme/reviews"])
def test_a_remote_on_the_named_enterprise_host_is_found(project, url):
    named = with_setting(with_remote(project, url), f"github_host: {HOST}")

    assert github_repository(named, "origin") == (HOST, "acme/reviews")


@pytest.mark.parametrize("url", [
    f"https://{HOST}/acme/reviews.git", "https://gitlab.com/acme/reviews.git",
    "https://github.com.evil.example/acme/reviews", "https://evil.example/github.com/acme/reviews",
    "git@evil.example:github.com/acme/reviews", "/srv/github.com/acme/reviews.git",
    "file:///srv/acme/reviews.git", "https://github.com/acme", "../github.com:acme/reviews"])
def test_a_remote_elsewhere_is_not_taken_for_github(project, url):
    assert github_repository(with_remote(project, url), "origin") is None


def test_a_remote_that_is_none_is_usage(project):
    with pytest.raises(UsageError, match="git remote add nowhere"):
        connect(project, "nowhere")


def test_archives_of_a_path_lie_beside_the_bare_repository(project, tmp_path):
    bare = tiny.origin(tmp_path / "srv")

    registry = connect(with_remote(project, str(bare)), "origin")

    assert registry.store.folder == bare.with_name("origin-artifacts")


def test_archives_of_another_server_lie_where_the_settings_say(project):
    named = with_setting(with_remote(project, "git://host/reviews.git"), "artifacts: ../archives")

    assert connect(named, "origin").store.folder == (project.root / ".." / "archives").resolve()


def test_another_server_without_a_folder_can_be_read_but_takes_no_archive(project):
    registry = connect(with_remote(project, "git://host/reviews.git"), "origin")

    with pytest.raises(UsageError, match="registry.artifacts must name a folder"):
        registry.store.path("0" * 64)


@pytest.mark.parametrize("actions, name", [("true", "origin"), ("", "local"), ("false", "local")])
def test_a_laptop_writes_to_its_own_registry_by_default(monkeypatch, actions, name):
    monkeypatch.setenv("GITHUB_ACTIONS", actions)

    assert default_name() == name
