"""What adopting writes, leaves alone and takes back, with a small generated project."""

import json

import pytest
from small import commit, git

from nlp_gitops.cli import init
from nlp_gitops.core import files
from nlp_gitops.core.errors import Conflict, UsageError
from nlp_gitops.repository import adopt
from nlp_gitops.repository.adopt import Generated

NAMES = ["Makefile", "data/train.jsonl", "deploy/hooks/compose", "project.yaml"]


@pytest.fixture
def generated(tmp_path):
    """A generated project with the repository that an older hook makes in it."""
    folder = tmp_path / "generated" / "small"
    for name in (*NAMES, ".git/config", ".cruft.json"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"the template's {name}\n")
    (folder / "deploy/hooks/compose").chmod(0o755)
    return Generated(folder, {"template": "t", "commit": "c0ffee", "context": {"cookiecutter": {}}})


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A repository with one commit."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    folder = tmp_path / "there"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "Makefile").write_text("mine\n")
    commit(folder, "Mine")
    return folder


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")
                  if path.is_file() and ".git" not in path.parts)


def test_what_lacks_is_written_and_the_rest_left_alone(there, generated):
    plan = adopt.plan(there, generated)
    assert adopt.apply(plan, repository=True) == {"repository": "there already", "branch": "made"}

    assert (there / "Makefile").read_text() == "mine\n"
    assert names(there) == sorted([*NAMES, ".cruft.json"])
    assert json.loads((there / ".cruft.json").read_text()) == {
        "template": "t", "commit": "c0ffee", "context": {"cookiecutter": {}},
        "skip": [".git", "Makefile"]}
    assert (there / ".git/nlp-gitops/Makefile").read_text() == "the template's Makefile\n"


def test_the_repository_of_a_generated_project_is_never_copied(there, generated):
    before = (there / ".git" / "config").read_text()

    assert generated.names == NAMES
    adopt.apply(adopt.plan(there, generated), repository=True)

    assert (there / ".git" / "config").read_text() == before


def test_what_can_be_run_can_be_run_here_too(there, generated):
    adopt.apply(adopt.plan(there, generated), repository=True)

    assert (there / "deploy/hooks/compose").stat().st_mode & 0o777 == 0o755
    assert (there / "project.yaml").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("broken", ["deploy/hooks/compose", "project.yaml", ".cruft.json"])
def test_a_failure_in_the_middle_takes_everything_back(there, generated, monkeypatch, broken):
    write = files.write_atomic

    def full(path, data):
        if path == there / broken:
            raise OSError(28, "No space left on device", str(path))
        write(path, data)

    plan = adopt.plan(there, generated)
    monkeypatch.setattr(files, "write_atomic", full)
    with pytest.raises(OSError):
        adopt.apply(plan, repository=True)

    assert names(there) == ["Makefile"] and not (there / "deploy").exists()
    assert git(there, "status", "--porcelain") == ""


def test_a_failure_in_an_empty_folder_leaves_it_empty(tmp_path, generated, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    plan = adopt.plan(empty, generated)
    monkeypatch.setattr(adopt, "_begin_ledger", lambda root: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        adopt.apply(plan, repository=False)

    assert list(empty.iterdir()) == []


def test_a_file_that_came_in_the_meantime_is_not_overwritten(there, generated):
    plan = adopt.plan(there, generated)
    (there / "project.yaml").write_text("somebody else's\n")

    with pytest.raises(Conflict, match="came while this ran"):
        adopt.apply(plan, repository=True)

    assert (there / "project.yaml").read_text() == "somebody else's\n"
    assert names(there) == ["Makefile", "project.yaml"]


def test_an_attempt_that_was_killed_can_be_repeated(there, generated):
    (there / "data").mkdir()
    (there / "data/train.jsonl").write_text("the template's data/train.jsonl\n")

    plan = adopt.plan(there, generated)

    assert plan.write == ("deploy/hooks/compose", "project.yaml") and set(plan.left) == {"Makefile"}


def test_a_repository_begins_where_its_top_is(there, tmp_path):
    (there / "sub").mkdir()
    (tmp_path / "empty").mkdir()

    assert adopt.is_repository(there)
    assert not adopt.is_repository(tmp_path / "empty")
    with pytest.raises(UsageError, match="a folder of the repository"):
        adopt.is_repository(there / "sub")
    with pytest.raises(UsageError, match="must be run in a work tree"):
        adopt.is_repository(there / ".git")
    with pytest.raises(UsageError, match="not a git repository, and not empty"):
        adopt.is_repository(tmp_path)


def test_a_second_work_tree_is_a_repository_too(there, generated, tmp_path):
    git(there, "worktree", "add", "--quiet", "-b", "adopting", str(tmp_path / "tree"))

    plan = adopt.plan(tmp_path / "tree", generated)
    adopt.apply(plan, repository=adopt.is_repository(tmp_path / "tree"))

    assert (adopt.kept_folder(tmp_path / "tree") / "Makefile").is_file()


def test_without_cruft_one_line_says_what_to_type(there, monkeypatch):
    monkeypatch.chdir(there)
    monkeypatch.setattr(adopt.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(adopt.shutil, "which", lambda name: None)

    with pytest.raises(UsageError, match="type: pipx install cruft"):
        init.main(["../template", "--no-input", "project=small"])


def test_cruft_may_be_installed_apart(monkeypatch):
    monkeypatch.setattr(adopt.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(adopt.shutil, "which", lambda name: f"/opt/{name}")

    assert adopt.cruft() == ["/opt/cruft"]


@pytest.mark.parametrize("folder, answers, ask, project", [
    ("reviews-2", {}, False, "reviews-2"), ("My Reviews", {}, True, "my-reviews"),
    ("My Reviews", {"project": "other"}, False, "other"), ("___", {}, True, None)])
def test_a_project_is_called_like_its_folder_where_that_can_be(tmp_path, folder, answers, ask,
                                                               project):
    assert adopt.default_answers(tmp_path / folder, answers, ask).get("project") == project
