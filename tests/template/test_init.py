"""`nlp-gitops init`: an existing repository gets what it lacks, and keeps what it has."""

import json
import re
import sys
import tomllib

import pytest
from baking import commit, git, run, template_copy, tool, with_venv
from init_kit import SCIKIT_LEARN, SRC_LAYOUT, contents, cruft, init, repository

pytestmark = [pytest.mark.xdist_group("init"), pytest.mark.long]
IDENTITY = ("-c", "user.name=person", "-c", "user.email=person@localhost")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A copy of the template in a repository of its own; a test that changes it makes another."""
    return template_copy(tmp_path_factory.mktemp("init") / "template")


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


@pytest.mark.heavy
def test_what_init_says_to_do_next_goes_to_production(template, tmp_path, venv):
    folder = tmp_path / "ticket-intent"
    folder.mkdir()

    told = init(folder, template, "--no-input", "owner=support").stdout

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
    return repository(tmp_path / "churn", SCIKIT_LEARN)


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
    project.write_text(project.read_text().replace("\n]\n", f"\n    {line},\n]\n"))
    assert len(tomllib.loads(project.read_text())["project"]["dependencies"]) == 2
    assert "note: make lint reads your Python files too" in told
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
    names = re.sub(r" \\\n    --hash=\S+", "", template_lock).splitlines()
    locked.write_text("\n".join(name for name in names if "vendor/" not in name))
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
