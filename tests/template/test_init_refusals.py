"""What `nlp-gitops init` does not touch, what it says about it, and what it refuses."""

import json
import os
import pty
import subprocess
import sys
import threading

import pytest
from baking import environment, git, run, template_copy
from init_kit import SCIKIT_LEARN, contents, init, repository

pytestmark = pytest.mark.xdist_group("init-refusals")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A copy of the template in a repository of its own; a test that changes it makes another."""
    return template_copy(tmp_path_factory.mktemp("init") / "template")


@pytest.fixture
def churn(tmp_path):
    return repository(tmp_path / "churn", SCIKIT_LEARN)


def test_work_that_is_not_committed_stays_as_it_is(churn, template):
    (churn / "churn" / "train.py").write_text("changed\n")
    (churn / "staged.py").write_text("staged\n")
    git(churn, "add", "staged.py")
    (churn / "new.py").write_text("new\n")
    before = run("git", "status", "--porcelain", cwd=churn).stdout.splitlines()
    head, index = git(churn, "rev-parse", "HEAD"), git(churn, "ls-files", "--stage")

    told = init(churn, template, "--no-input").stdout

    after = run("git", "status", "--porcelain", cwd=churn).stdout.splitlines()
    assert set(before) <= set(after)
    assert (git(churn, "rev-parse", "HEAD"), git(churn, "ls-files", "--stage")) == (head, index)
    assert "note: changes of yours were not committed before" in told


def test_rows_of_theirs_stay_and_the_starter_rows_come_beside_them(tmp_path, template):
    folder = repository(tmp_path / "rows", {"data/mine.csv": "a,b\n", "data/test.jsonl": "{}\n",
                                            ".gitignore": "data/\n!data/mine.csv\n"})

    found = json.loads(init(folder, template, "--no-input", "--json").stdout)

    assert (folder / "data" / "test.jsonl").read_text() == "{}\n"
    assert "import_dataset" in found["left"]["data/test.jsonl"]
    assert {"data/train.jsonl", "data/valid.jsonl"} <= set(found["written"])
    assert any("data/train.jsonl, data/valid.jsonl" in line for line in found["remarks"])
    assert "data/train.jsonl (.gitignore:1: data/)" in found["ignored"]


def test_json_says_everything_and_nothing_else_is_on_standard_output(churn, template):
    found = json.loads(init(churn, template, "--no-input", "--json", "language=de").stdout)

    assert found["project"] == "churn" and found["template"] == str(template)
    assert found["commit"] == git(template, "rev-parse", "HEAD")
    assert (found["repository"], found["branch"]) == ("there already", "made")
    assert sorted(found["left"]) == [".gitignore", "pyproject.toml", "requirements.txt"]
    new = git(churn, "ls-files", "--others", "--exclude-standard").splitlines()
    assert sorted([*found["written"], ".cruft.json"]) == sorted(new)
    assert "language: 'de'" in (churn / "project.yaml").read_text()


def test_a_file_that_is_the_same_already_is_shared_with_the_template(tmp_path, template):
    editor = (template / "<<cookiecutter.project>>" / ".editorconfig").read_text()
    folder = repository(tmp_path / "same", {".editorconfig": editor})

    found = json.loads(init(folder, template, "--no-input", "--json").stdout)

    assert ".editorconfig" not in found["left"] and ".editorconfig" not in found["written"]
    assert json.loads((folder / ".cruft.json").read_text())["skip"] == [".git"]


def test_nothing_is_written_through_a_link(tmp_path, template):
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = repository(tmp_path / "linked", {"a.py": ""})
    (folder / "docs").symlink_to(outside)
    (folder / "Makefile").symlink_to(tmp_path / "nowhere")
    (folder / "deploy").write_text("a file\n")

    found = json.loads(init(folder, template, "--no-input", "--json").stdout)

    assert list(outside.iterdir()) == [] and not (tmp_path / "nowhere").exists()
    assert "docs is a link" in found["left"]["docs/runbook.md"]
    assert "yours is a link" in found["left"]["Makefile"]
    assert "deploy is a file here" in found["left"]["deploy/Dockerfile"]
    assert (folder / "deploy").read_text() == "a file\n"


@pytest.mark.parametrize("where", ["refs/heads/registry", "refs/remotes/origin/registry"])
def test_a_ledger_that_is_there_stays(churn, template, where):
    git(churn, "update-ref", where, "HEAD")
    before = git(churn, "for-each-ref")

    told = init(churn, template, "--no-input").stdout

    assert "the model ledger: there already" in told
    assert git(churn, "for-each-ref") == before


def test_old_style_packaging_is_told_what_a_pyproject_does_to_it(tmp_path, template):
    folder = repository(tmp_path / "old", {"setup.py": "from setuptools import setup\nsetup()\n"})

    assert "setuptools reads it before setup.py" in init(folder, template, "--no-input").stdout


def test_a_repository_of_prompts_gets_no_classifier(tmp_path, template):
    folder = repository(tmp_path / "prompts-of-ours", {"a.py": ""})

    init(folder, template, "--no-input", "task=prompt-classification", "kubernetes=yes")

    assert (folder / "prompts").is_dir() and (folder / "deploy" / "kubernetes").is_dir()
    assert not (folder / "nlp" / "classifiers.py").exists()


def test_questions_are_asked_on_a_terminal(tmp_path, template):
    folder = repository(tmp_path / "My Reviews", {"a.py": ""})
    ours, theirs = pty.openpty()
    shown = []

    def read():
        try:
            while data := os.read(ours, 4096):
                shown.append(data)
        except OSError:
            pass

    listener = threading.Thread(target=read, daemon=True)
    listener.start()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "nlp_gitops", "init", str(template), "owner=us"], cwd=folder,
        stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
        env=environment(HOME=str(tmp_path), TERM="dumb"))
    os.close(theirs)
    os.write(ours, b"\nReviews of things.\n" + b"\n" * 7)
    errors = process.communicate(timeout=120)[1].decode()
    listener.join(10)

    told = b"".join(shown).decode()
    assert process.returncode == 0, told + errors
    assert "Project name" in told and "(my-reviews)" in told and "(us)" in told
    assert "Ready:" not in told and "written: " in told
    settings = (folder / "project.yaml").read_text()
    assert "name: my-reviews\n" in settings and "'Reviews of things.'" in settings


@pytest.fixture
def other(tmp_path):
    """A template of somebody else's."""
    return repository(tmp_path / "other", {
        "cookiecutter.json": '{"project": "x"}\n', "{{cookiecutter.project}}/a.txt": "a\n"})


REFUSALS = {
    "no template": ((), "name one template"),
    "two templates": (("{template}", "{template}"), "name one template"),
    "no such template": (("../nowhere", "--no-input"), "git cannot read it"),
    "no git": (("..", "--no-input"), "git cannot read it"),
    "another template": (("../other", "--no-input"), "not one of nlp-gitops"),
    "unknown question": (("{template}", "--no-input", "projct=x"),
                         "projct=…: the template asks no such question; there are project, "),
    "bad answer": (("{template}", "--no-input", "language=english"), "language 'english'"),
    "bad choice": (("{template}", "--no-input", "task=summaries"), "summaries provided for choice"),
    "bad name": (("{template}", "--no-input", "project=../x"), "project=../x: use lower case"),
    "hidden module": (("{template}", "--no-input", "project=yaml"), "hides a Python module"),
}


def refused(folder, words, *arguments, code=2):
    before = contents(folder)
    done = init(folder, *arguments, check=False)

    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert done.stderr.startswith("error: ") and words in done.stderr
    assert contents(folder) == before
    return done


@pytest.mark.parametrize("arguments, words", REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_work_is_one_line_and_changes_nothing(churn, template, other, arguments, words):
    refused(churn, words, *(word.replace("{template}", str(template)) for word in arguments))


def test_without_a_terminal_the_questions_need_answers(churn, template):
    refused(churn, "the questions were not answered", template)


def test_a_folder_whose_name_is_no_project_is_asked_for_one(tmp_path, template):
    folder = repository(tmp_path / "My_Reviews", {"a.py": ""})

    refused(folder, "name one: project=my-reviews", template, "--no-input")


def test_a_folder_of_a_larger_repository_is_told_where_to_go(churn, template):
    done = refused(churn / "churn", "a folder of the repository", template, "--no-input")

    assert str(churn) in done.stderr


def test_a_folder_with_files_and_no_repository_is_told_how_to_make_one(tmp_path, template):
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "a.py").write_text("")

    refused(folder, "git init -b main", template, "--no-input")


@pytest.mark.parametrize("name", ["project.yaml", ".cruft.json"])
def test_a_repository_that_follows_a_template_is_not_adopted(churn, template, name):
    (churn / name).write_text("{}\n")

    refused(churn, f"{name}: there already", template, "--no-input", code=4)
