"""`nlp-gitops init`: an existing repository gets what it lacks, and keeps what it has."""

import json
import os
import pty
import re
import subprocess
import sys
import threading

import pytest
from baking import commit, environment, git, run, template_copy, tool, with_venv

pytestmark = [pytest.mark.xdist_group("init"), pytest.mark.long]
IDENTITY = ("-c", "user.name=person", "-c", "user.email=person@localhost")
TEXTS = {
    "pyproject.toml": """\
[project]
name = "churn"
version = "1.2.0"
requires-python = ">=3.11"
dependencies = [
    "scikit-learn",
]
""",
    "requirements.txt": "scikit-learn\npandas\n",
    ".gitignore": "__pycache__/\n*.csv\n/.venv/\n",
    ".github/workflows/test.yml": "on: push\njobs: {}\n",
    "churn/train.py": "from sklearn.svm import SVC\n",
    "notebooks/look.ipynb": "{}\n",
}
SRC_LAYOUT = {
    "src/acme/__init__.py": "",
    "src/acme/models.py": """\
from nlp.classifiers import TfidfLogistic


class Shouting(TfidfLogistic):
    \"\"\"Reads texts in capitals.\"\"\"

    def train(self, texts, labels):
        super().train([text.upper() for text in texts], labels)

    def predict(self, texts):
        return super().predict([text.upper() for text in texts])
""",
    "Makefile": "setup:\n\tpip install -e .\n\ntest check: setup\n\tpytest\n",
    "README.md": "# acme\n",
    "tests/test_acme.py": "def test_it():\n    assert True\n",
    "tests/conftest.py": "ACME = True\n",
    "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n\n[project]\nname = "acme"\n'
                      'version = "0"\n\n[tool.setuptools.packages.find]\nwhere = ["src"]\n',
}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A copy of the template in a repository of its own; a test that changes it makes another."""
    return template_copy(tmp_path_factory.mktemp("init") / "template")


def init(folder, *arguments, check=True):
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    return run(sys.executable, "-P", "-m", "nlp_gitops", "init", *arguments, cwd=folder,
               check=check, env=environment(HOME=str(home)))


def repository(folder, files):
    """Make a committed repository with these files."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    commit(folder, "What was there before")
    return folder


def contents(folder):
    """Return all files but git's own, and the branches."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
             if path.is_file() and ".git" not in path.relative_to(folder).parts}
    return found, git(folder, "for-each-ref") if (folder / ".git").exists() else ""


def cruft(*arguments, cwd, check=True):
    return run(sys.executable, "-m", "cruft", *arguments, cwd=cwd, check=check,
               env=environment(HOME=str(cwd.parent / "home")))


def checked_trained_and_judged(folder, **env):
    """The steps that the three repositories have in common."""
    schema = tool(folder, "check_schema", "data/dataset.yaml", **env)
    tool(folder, "train", **env)
    gate = tool(folder, "eval_gate", **env)
    assert "SCHEMA: " in schema.stdout
    assert gate.stdout.splitlines()[-1] == "GATE: PASS"


def advice(told, name):
    """Return what init said about a file that it left alone."""
    return re.search(rf"^  {re.escape(name)}: (.*)$", told, re.MULTILINE)[1]


def test_an_empty_folder_becomes_what_the_template_generates(template, tmp_path, venv):
    folder = tmp_path / "ticket-intent"
    folder.mkdir()

    told = init(folder, template, "--no-input", "owner=support").stdout

    run(sys.executable, "-m", "cookiecutter", "--no-input", template, "project=ticket-intent",
        "owner=support", "-o", tmp_path / "out", cwd=tmp_path)
    expected = contents(tmp_path / "out" / "ticket-intent")[0]
    found = contents(folder)[0]
    link = json.loads(found.pop(".cruft.json"))
    assert found == expected
    assert (link["template"], link["commit"], link["skip"]) == (
        str(template), git(template, "rev-parse", "HEAD"), [".git"])
    assert "made: a git repository" in told and "left alone" not in told
    # No commit of ours is on the branch that people work on.
    assert git(folder, "branch", "--list", "--format=%(refname:short)").split() == ["registry"]
    assert git(folder, "ls-tree", "-r", "--name-only", "registry").split() == [
        ".github/workflows/on-release.yml", ".github/workflows/on-tag.yml", "README.md"]
    assert git(folder, "symbolic-ref", "HEAD") == "refs/heads/main"

    for line in told.partition("next:\n")[2].strip().splitlines():
        if line.strip().startswith("make"):
            with_venv(folder, venv)
        run("sh", "-ec", line.replace("git commit", f"git {' '.join(IDENTITY)} commit -q"),
            cwd=folder)
    assert tool(folder, "registry", "show").stdout.count("production") == 1
    assert cruft("check", cwd=folder).returncode == 0


@pytest.fixture
def churn(tmp_path):
    """A scikit-learn project with its own packages and workflow, and no Makefile."""
    return repository(tmp_path / "churn", TEXTS)


@pytest.fixture
def acme(tmp_path):
    """A package below src/ with its own Makefile, README and tests."""
    return repository(tmp_path / "acme", SRC_LAYOUT)


def test_a_scikit_learn_project_is_gated_after_the_advice_is_followed(churn, template, venv):
    before = contents(churn)[0]

    told = init(churn, template, "--no-input").stdout

    after = contents(churn)[0]
    assert {name: after[name] for name in before} == before
    assert {"Makefile", "tools/train.py", ".github/workflows/ci.yml", "project.yaml"} <= set(after)
    link = json.loads((churn / ".cruft.json").read_text())
    assert link["skip"] == [".git", ".gitignore", "pyproject.toml", "requirements.txt"]
    assert git(churn, "rev-list", "--count", "main") == "1"

    lines = advice(told, ".gitignore").removeprefix("add: ").split()
    assert {"runs/", "reports/", "dist/", ".registry/", ".cache/", ".deploy/"} <= set(lines)
    assert ".venv" not in lines
    with open(churn / ".gitignore", "a") as stream:
        # Theirs names the folder only; here it is a link.
        stream.write("\n".join([*lines, ".venv"]) + "\n")
    line = re.search(r'in dependencies: (".*?")', advice(told, "pyproject.toml"))[1]
    project = churn / "pyproject.toml"
    project.write_text(project.read_text().replace("]\n", f"    {line},\n]\n"))
    assert "./vendor/nlp_gitops-" in advice(told, "requirements.txt")
    kept = re.search(r"the template's own lie in (\S+)/,", told)[1]
    with open(churn / "requirements.txt", "a") as stream:
        stream.write((churn / kept / "requirements.txt").read_text())
    commit(churn, "Adopt")
    assert git(churn, "status", "--porcelain") == ""
    checked_trained_and_judged(with_venv(churn, venv))
    assert git(churn, "status", "--porcelain") == ""
    run("make", "lint", cwd=churn)


def test_the_line_for_a_list_without_hashes_installs_the_package(churn, template, tmp_path):
    told = init(churn, template, "--no-input").stdout

    line = re.search(r"add (\./vendor/\S+\])", advice(told, "requirements.txt"))[1]
    (churn / "requirements.txt").write_text(f"scikit-learn\n{line}\n")
    run("uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "own", cwd=tmp_path)
    locked = tmp_path / "locked.txt"
    template_lock = (churn / ".git" / "nlp-gitops" / "requirements.txt").read_text()
    locked.write_text(re.sub(r" \\\n    --hash=\S+|^\./vendor/.*", "", template_lock,
                             flags=re.MULTILINE))
    run("uv", "pip", "install", "--quiet", "--python", tmp_path / "own" / "bin" / "python",
        "-r", "requirements.txt", "--constraint", locked, cwd=churn)

    assert run(tmp_path / "own" / "bin" / "nlp-gitops", "check-schema", "data/dataset.yaml",
               cwd=churn).returncode == 0


def test_a_package_below_src_brings_its_own_model(acme, template, venv):
    before = contents(acme)[0]

    told = init(acme, template, "--no-input", "project=acme-reviews").stdout

    after = contents(acme)[0]
    assert {name: after[name] for name in before} == before
    targets = advice(told, "Makefile").partition(": ")[2].split()
    assert {"gate", "register", "changed", "train", "pack"} <= set(targets)
    assert not {"setup", "check", "test"} & set(targets)
    assert "requires-python" in advice(told, "pyproject.toml")
    assert "README.md" in told and "tests/conftest.py" in told
    assert "note: tests/ has tests of yours" in told
    settings = acme / "project.yaml"
    settings.write_text(settings.read_text().replace("nlp.classifiers:TfidfLogistic",
                                                     "acme.models:Shouting"))
    commit(acme, "Adopt")

    checked_trained_and_judged(with_venv(acme, venv), PYTHONPATH="src")

    [record] = acme.glob("runs/*/run.json")
    assert "acme.models:Shouting" in record.read_text()


def test_updates_arrive_and_leave_alone_what_was_there(acme, tmp_path):
    template = template_copy(tmp_path / "template")
    init(acme, template, "--no-input")
    commit(acme, "Adopt")
    assert cruft("check", cwd=acme).returncode == 0
    mine = (acme / "README.md").read_bytes(), (acme / "tests" / "conftest.py").read_bytes()

    project = template / "<<cookiecutter.project>>"
    for name in ("docs/runbook.md", "README.md", "tests/conftest.py", "Makefile"):
        with open(project / name, "a") as stream:
            stream.write("\n# a line from the newer template\n")
    [wheel] = (project / "vendor").iterdir()
    wheel.write_bytes(b"a newer wheel\0")
    commit(template, "Move on")
    assert cruft("check", cwd=acme, check=False).returncode == 1
    cruft("update", "--skip-apply-ask", cwd=acme)

    changed = git(acme, "status", "--porcelain", "--untracked-files=all").splitlines()
    assert sorted(line.split()[-1] for line in changed) == [
        ".cruft.json", "docs/runbook.md", f"vendor/{wheel.name}"]
    assert "a line from the newer template" in (acme / "docs" / "runbook.md").read_text()
    assert (acme / "vendor" / wheel.name).read_bytes() == b"a newer wheel\0"
    assert mine == ((acme / "README.md").read_bytes(),
                    (acme / "tests" / "conftest.py").read_bytes())
    assert cruft("check", cwd=acme).returncode == 0


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
