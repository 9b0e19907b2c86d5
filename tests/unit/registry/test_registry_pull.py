"""Pulling a version: by number, by stage, from the cache; never anything altered or half."""

import json
import shutil

import pytest
import tiny_registry as tiny
from runs_kit import command

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.registry.pull import cached
from nlp_gitops.registry.remotes import connect

pytestmark = pytest.mark.xdist_group("registry-pull")


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A folder with a bare repository and its archives: v1.0.0 in production, v1.0.1 in staging."""
    folder = tmp_path_factory.mktemp("remote") / "made"
    clone = tiny.cloned(folder.parent / "clone", str(tiny.origin(folder)))
    registry = tiny.connected(clone, folder / "origin-artifacts")
    tiny.register(registry, folder.parent, "first", name="small")
    tiny.promote(registry, "small@v1.0.0", "production")
    tiny.register(registry, folder.parent, "second", name="small")
    return folder


@pytest.fixture
def team(project, remote):
    """A repository whose origin is a copy of the remote, and which has read it."""
    copy = shutil.copytree(remote, project.root / ".registry")
    tiny.git(project.root, "remote", "add", "origin", str(copy / "origin.git"))
    connect(project, "origin").snapshot()
    return project.root


def pulled(capsys, *arguments):
    code, output = command(capsys, "registry", "pull", *arguments, "--registry", "origin")
    assert code == 0
    return output


def weights(folder):
    return (folder / "model" / "weights.txt").read_text()


@pytest.mark.parametrize("wanted, content", [
    ("small@v1.0.1", "second"), ("small@production", "first"), ("small@Staging", "second"),
    ("small", "first"), ("@staging", "second")])
def test_a_version_is_named_by_number_by_stage_or_as_the_one_in_production(
        team, tmp_path, capsys, wanted, content):
    pulled(capsys, wanted, "--out", str(tmp_path / "new"))

    assert weights(tmp_path / "new") == content


def test_a_pulled_folder_holds_the_model_and_its_papers(team, tmp_path, capsys):
    told = json.loads(pulled(capsys, "small@v1.0.0", "--json"))

    assert told == {"model": "small", "version": "v1.0.0",
                    "folder": str(team / "pulled" / "small-v1.0.0")}
    assert sorted(path.name for path in (team / "pulled" / "small-v1.0.0").iterdir()) == [
        "MODEL_CARD.md", "SHA256SUMS", "manifest.json", "metrics.json", "model", "model.json",
        "report.json"]


@pytest.fixture
def gone(team):
    """The same repository after its remote and the archives beside it went away."""
    (team / ".registry").rename(team / "gone")
    return team


def test_a_remote_that_is_gone_cannot_be_read(gone, tmp_path, capsys):
    with pytest.raises(NotMeasured, match="cannot read the registry of origin"):
        pulled(capsys, "small@v1.0.0", "--out", str(tmp_path / "new"))

    assert not (tmp_path / "new").exists()


def test_offline_pull_needs_no_remote_for_what_is_in_the_cache(team, tmp_path, capsys):
    registry = connect(load_project(team), "origin")
    cached(registry.store, registry.snapshot(), tiny.ref("small@v1.0.0"),
           team / ".cache" / "models")
    (team / ".registry").rename(team / "gone")

    pulled(capsys, "small@v1.0.0", "--out", str(tmp_path / "new"), "--offline")

    assert weights(tmp_path / "new") == "first"


def test_offline_without_the_version_says_so_and_leaves_nothing(gone, tmp_path, capsys):
    with pytest.raises(NotMeasured, match="not in the cache"):
        pulled(capsys, "small@v1.0.0", "--out", str(tmp_path / "new"), "--offline")

    assert not (tmp_path / "new").exists()


def test_an_empty_folder_is_filled_and_a_full_one_is_refused(team, tmp_path, capsys):
    (tmp_path / "new").mkdir()
    pulled(capsys, "small@v1.0.0", "--out", str(tmp_path / "new"))

    with pytest.raises(UsageError, match="exists already"):
        pulled(capsys, "small@v1.0.1", "--out", str(tmp_path / "new"))

    assert weights(tmp_path / "new") == "first"


@pytest.mark.parametrize("wanted, why", [
    ("small@v9.9.9", "not registered"), ("small@shadow", "no version of small is in shadow"),
    ("nobody@v1.0.0", "not registered"), ("nobody@production", "no version of nobody"),
    ("small@v1", "is not a version"), ("Small@v1.0.0", "is not a model name")])
def test_what_is_not_there_is_usage(team, tmp_path, capsys, wanted, why):
    with pytest.raises(UsageError, match=why):
        pulled(capsys, wanted, "--out", str(tmp_path / "new"))
