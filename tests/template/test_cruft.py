"""Updating a generated project with cruft: create, check, update, and what a team then installs."""

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from baking import commit, environment, git, run, template_copy

from nlp_gitops import __version__

pytestmark = [pytest.mark.xdist_group("cruft"), pytest.mark.long]

WORKFLOW, DOC = ".github/workflows/ci.yml", "docs/runbook.md"
LOCKS = ("requirements.txt", "deploy/requirements.txt")
OLD = f"vendor/nlp_gitops-{__version__}-py3-none-any.whl"
NEWER = "vendor/nlp_gitops-0.99.0-py3-none-any.whl"


@dataclass(frozen=True)
class Linked:
    """A project linked to a template that has moved on twice since."""

    project: Path
    template: Path
    same: str        # the commit with another wheel of the same version
    newer: str       # the commit with a wheel of a newer version


def cruft(*arguments, cwd, check=True):
    home = cwd.parent / "home"
    home.mkdir(exist_ok=True)
    return run("cruft", *arguments, cwd=cwd, check=check, env=environment(HOME=str(home)))


def edit(folder, name, old, new):
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A linked project with a file of its own, which nobody changes, and its template."""
    folder = tmp_path_factory.mktemp("linked")
    template = template_copy(folder / "template")
    (folder / "work").mkdir()
    cruft("create", str(template), "--no-input", cwd=folder / "work")
    project = folder / "work" / "review-sentiment"
    commit(project, "Remember the template")
    (project / "nlp" / "ours.py").write_text("OURS = True\n")
    commit(project, "Our own work")
    assert cruft("check", cwd=project).returncode == 0

    ours = template / "<<cookiecutter.project>>"
    edit(ours, WORKFLOW, "timeout-minutes: 5\n", "timeout-minutes: 7\n")
    edit(ours, DOC, "Stop the harm first, understand it later.", "Stop the harm first.")
    edit(template, "src/nlp_gitops/core/errors.py", '"""', '"""Newer. ')
    package(template)
    same = commit(template, "Another package of the same version")
    edit(template, "src/nlp_gitops/__init__.py", f'"{__version__}"', '"0.99.0"')
    package(template)
    return Linked(project, template, same, commit(template, "A newer version"))


def package(template):
    run(sys.executable, "scripts/build_wheel.py", cwd=template)


@pytest.fixture
def linked(made, tmp_path):
    """A copy of the linked project, of its own."""
    project = tmp_path / "work" / "review-sentiment"
    shutil.copytree(made.project, project, symlinks=True)
    return Linked(project, made.template, made.same, made.newer)


def update(linked, commit_id):
    """Bring the template of a commit; return what cruft said."""
    said = cruft("update", "--skip-apply-ask", "--checkout", commit_id, cwd=linked.project)
    return said.stdout + said.stderr


def changed(project):
    """Return {file: state} of what differs from the last commit; a rename is two files."""
    git(project, "add", "--all")
    lines = git(project, "diff", "--cached", "--no-renames", "--name-status").splitlines()
    return dict(reversed(line.split("\t")) for line in lines)


def changed_lines(project, name):
    """Return the lines that went from a file and came into it."""
    text = git(project, "diff", "--cached", "--unified=0", "--", name)
    return ([line[1:] for line in text.splitlines() if re.match(r"-(?!--)", line)],
            [line[1:] for line in text.splitlines() if re.match(r"\+(?!\+\+)", line)])


@pytest.mark.parametrize("version", ["same", "newer"])
def test_a_newer_template_arrives_whole_with_nothing_else_and_its_package_is_installed(
        linked, version):
    project, there = linked.project, getattr(linked, version)
    wheel = OLD if version == "same" else NEWER
    assert cruft("check", "--checkout", there, cwd=project, check=False).returncode == 1
    before = said_version(project / OLD)

    update(linked, there)

    expected = {WORKFLOW: "M", DOC: "M", **dict.fromkeys(LOCKS, "M"), ".cruft.json": "M"}
    expected |= ({OLD: "M"} if version == "same" else
                 {OLD: "D", NEWER: "A", "pyproject.toml": "M"})
    assert changed(project) == expected
    assert [path.name for path in (project / "vendor").iterdir()] == [Path(wheel).name]
    for name in (WORKFLOW, DOC, wheel, *LOCKS):
        assert (project / name).read_bytes() == of_template(linked.template, there, name), name
    for name in LOCKS:
        for lines, named in zip(changed_lines(project, name), (OLD, wheel), strict=True):
            assert [line for line in lines if not line.startswith("    --hash=sha256:")] == (
                [] if version == "same" else [f"./{named} \\"])
            assert len(lines) == (1 if version == "same" else 2)
    if version == "newer":
        went, came = changed_lines(project, "pyproject.toml")
        assert [line.replace(OLD, NEWER) for line in went] == came and len(came) == 1
        named = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
        assert named["dependencies"][0].endswith(NEWER)
    assert cruft("check", "--checkout", there, cwd=project).returncode == 0

    installed = set_up(project)

    assert installed == said_version(project / wheel) != before
    assert installed.split()[1] == (__version__ if version == "same" else "0.99.0")


def of_template(template, commit_id, name):
    """Return a file as a commit of the template has it."""
    return subprocess.run(["git", "show", f"{commit_id}:<<cookiecutter.project>>/{name}"],
                          cwd=template, capture_output=True, check=True).stdout


def said_version(wheel):
    """Return what a wheel says of itself, without being installed."""
    return run(sys.executable, "-m", "nlp_gitops", "--version", cwd=wheel.parent,
               env=environment(PYTHONPATH=str(wheel))).stdout


def set_up(project):
    """Let `make` install what the project locks now; return the version that answers there."""
    run("make", "--silent", "setup", cwd=project)
    return run(project / ".venv" / "bin" / "python", "-m", "nlp_gitops", "--version",
               cwd=project).stdout


def test_an_environment_of_the_old_package_says_so_and_is_renewed_by_make(linked):
    set_up(linked.project)
    update(linked, linked.same)

    old = run(linked.project / ".venv" / "bin" / "python", "tools/check_schema.py",
              "data/dataset.yaml", cwd=linked.project, check=False)
    done = run("make", "--silent", "schema", cwd=linked.project)

    assert old.returncode == 2 and old.stderr.endswith("; type: make setup\n")
    assert Path(OLD).name in old.stderr and len(old.stderr.splitlines()) == 1
    assert done.stdout.splitlines()[-1].startswith("SCHEMA: ")


def test_a_workflow_that_a_team_changed_elsewhere_is_merged(linked):
    edit(linked.project, WORKFLOW, "timeout-minutes: 120", "timeout-minutes: 240")
    commit(linked.project, "Give the drills more time")

    update(linked, linked.newer)

    text = (linked.project / WORKFLOW).read_text("utf-8")
    assert "timeout-minutes: 240" in text and "timeout-minutes: 7\n" in text
    assert "<<<<<<<" not in text and not list(linked.project.rglob("*.rej"))
    assert changed(linked.project).keys() == {
        WORKFLOW, DOC, *LOCKS, OLD, NEWER, "pyproject.toml", ".cruft.json"}


def test_a_line_that_both_changed_is_a_visible_conflict_and_the_rest_arrives(linked):
    edit(linked.project, WORKFLOW, "timeout-minutes: 5\n", "timeout-minutes: 9\n")
    commit(linked.project, "Give the checks more time")

    said = update(linked, linked.newer)

    left = [line for line in git(linked.project, "status", "--porcelain").splitlines()
            if line.startswith("UU")]
    text = (linked.project / WORKFLOW).read_text("utf-8")
    assert re.search(r"<<<<<<< .*\n +timeout-minutes: 9\n=======\n +timeout-minutes: 7\n>>>>>>> ",
                     text)
    assert left == [f"UU {WORKFLOW}"] and WORKFLOW in said
    assert (linked.project / NEWER).is_file() and not (linked.project / OLD).exists()
    assert "Stop the harm first." in (linked.project / DOC).read_text("utf-8")
