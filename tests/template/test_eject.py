"""`nlp-gitops eject`: the machinery's source comes into the repository, and everything runs."""

import json
import re
import tomllib
import zipfile

import baking
import pytest
from baking import bake, baked, commit, environment, git, run, tool, with_venv

pytestmark = [pytest.mark.xdist_group("eject"), pytest.mark.long]


def eject(project, *arguments, check=True, cwd=None):
    """Eject with the shared environment, whose package is the wheel of the project."""
    return run(project / ".venv" / "bin" / "nlp-gitops", "eject", *arguments,
               cwd=cwd or project, check=check)


def python(project, *arguments, **options):
    return run(project / ".venv" / "bin" / "python", *arguments, cwd=project, **options)


@pytest.fixture(scope="module", autouse=True)
def bytecode():
    """Let commands keep what they compile: here `make setup` makes the environment, uncompiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(baking.CLEAN, "PYTHONDONTWRITEBYTECODE", "")
        yield


@pytest.fixture(scope="module")
def ejected(tmp_path_factory, venv):
    """A bake that was ejected, set up by itself, and committed."""
    project = baked(tmp_path_factory.mktemp("ejected") / "out", venv)
    eject(project)
    (project / ".venv").unlink()
    run("make", "setup", cwd=project)
    commit(project, "The machinery is our code now")
    return project


@pytest.fixture
def copy(ejected, tmp_path):
    """A clone of the ejected project that may be changed."""
    run("git", "clone", "--quiet", ejected, tmp_path / "copy", cwd=tmp_path)
    return with_venv(tmp_path / "copy", ejected / ".venv")


@pytest.fixture
def fresh(tmp_path, venv):
    return baked(tmp_path / "out", venv)


def test_every_file_of_the_wheel_lies_in_the_repository_and_in_git(ejected):
    wheel, = (bake(ejected.parent / "whole") / "vendor").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        expected = {name: archive.read(name) for name in archive.namelist()
                    if name.startswith("nlp_gitops/")}

    tracked = git(ejected, "ls-files", "nlp_gitops").splitlines()

    assert {name: (ejected / name).read_bytes() for name in tracked} == expected
    assert {"nlp_gitops/LICENSE", "nlp_gitops/schemas/project.schema.json",
            "nlp_gitops/reference/gates.md", "nlp_gitops/reporting/templates/style.css"} <= (
                expected.keys())


def test_the_wheel_and_its_lock_lines_are_gone_and_all_else_stays_locked(ejected, tmp_path):
    before = bake(tmp_path / "out")

    assert not (ejected / "vendor").exists()
    for lock in ("requirements.txt", "deploy/requirements.txt"):
        lines = (before / lock).read_text().splitlines()
        number = next(i for i, line in enumerate(lines) if line.startswith("./vendor/"))
        assert (ejected / lock).read_text().splitlines() == lines[:number] + lines[number + 2:]


def test_pyproject_names_what_the_package_imports(ejected):
    text = (ejected / "pyproject.toml").read_text()
    found = tomllib.loads(text)["project"]["dependencies"]

    assert {"jsonschema", "scikit-learn>=1.5", "pygithub>=2.10", "fastapi",
            "uvloop; sys_platform != 'win32'"} <= set(found)
    assert len(found) == len(set(found))
    assert "nlp-gitops" not in text and "vendor" not in text


def test_nothing_names_the_wheel_but_papers_which_are_listed(fresh):
    told = eject(fresh).stdout

    for line in git(fresh, "grep", "-nIF", "vendor/", "--", ":!Makefile").splitlines():
        where = ":".join(line.split(":", 2)[:2])
        assert where.split(":")[0].endswith(".md"), line
        assert f"left for you: {where}: names vendor/ still" in told
    assert re.search(r"^/nlp_gitops/ +@", (fresh / ".github/CODEOWNERS").read_text(), re.MULTILINE)
    assert "!nlp_gitops\n" in (fresh / "deploy/Dockerfile.dockerignore").read_text()
    image = (fresh / "deploy/Dockerfile").read_text()
    assert "vendor" not in image
    assert image.index("WORKDIR /srv/service") < image.index("COPY nlp_gitops nlp_gitops")


def test_checks_and_the_whole_pipeline_pass(ejected):
    done = run("make", "check", "pipeline", cwd=ejected)

    assert "GATE: PASS" in done.stdout
    assert "production, staging" in done.stdout.splitlines()[-1]


def test_a_changed_line_takes_effect_by_every_way_in(copy):
    about = copy / "nlp_gitops" / "__init__.py"
    about.write_text(about.read_text().replace('__version__ = "', '__version__ = "99.'))
    settings = copy / "nlp_gitops" / "core" / "project.py"
    settings.write_text(settings.read_text().replace("run this inside the repository", "OUR WORDS"))

    assert python(copy, "-m", "nlp_gitops", "--version").stdout.startswith("nlp-gitops 99.")
    (copy / "project.yaml").unlink()
    done = tool(copy, "registry", "show", check=False)
    assert (done.returncode, "OUR WORDS" in done.stderr) == (2, True)


def test_the_console_script_runs_the_source_from_any_folder(ejected):
    script = ejected / ".venv" / "bin" / "nlp-gitops"

    versions = {run(script, "--version", cwd=folder).stdout
                for folder in (ejected, ejected / "data")}

    assert versions == {python(ejected, "-m", "nlp_gitops", "--version").stdout}
    assert "# Gates" in run(script, "help", "gates", cwd=ejected / "data").stdout


def test_the_digest_of_the_source_is_that_of_the_wheel(ejected, venv):
    assert python(ejected, "-m", "nlp_gitops", "--version").stdout == run(
        venv / "bin" / "nlp-gitops", "--version", cwd=ejected.parent).stdout


def test_a_change_of_the_machinery_is_a_change_of_the_code_that_trains(copy):
    program = ("from nlp_gitops.tracking.lineage import inputs; "
               "from nlp_gitops.core.project import load_project;"
               "from nlp_gitops.data.manifest import load_manifest as load; p = load_project();"
               "print(inputs(p, p.model(), load(p.dataset)).code)")

    before = python(copy, "-c", program).stdout
    (copy / "nlp_gitops" / "training" / "__init__.py").open("a").write("\n# ours\n")

    assert python(copy, "-c", program).stdout != before


def test_changed_finds_the_folder_before_packages_are_installed(copy):
    (copy / ".venv").unlink()

    done = run("make", "changed", cwd=copy)

    assert re.fullmatch(r"code=false\nkey=gate-[0-9a-f]{40}\n", done.stdout)


def test_locking_again_keeps_what_only_github_needs_out_of_the_image(copy, tmp_path):
    """uv is stood in for: it copies what it was asked to lock."""
    stand_in = tmp_path / "bin" / "uv"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\nfor word; do case "$word" in *pyproject.toml) from=$word ;; '
                        '*requirements.txt) to=$word ;; esac; done\ncp "$from" "$to"\n')
    stand_in.chmod(0o755)

    run("make", "lock", cwd=copy,
        env=environment(PATH=f"{stand_in.parent}:{environment()['PATH']}"))

    locked = {name: tomllib.loads((copy / name).read_text())["project"]["dependencies"]
              for name in ("requirements.txt", "deploy/requirements.txt")}
    assert set(locked["requirements.txt"]) - set(locked["deploy/requirements.txt"]) == {
        "pygithub>=2.10"}


def test_it_says_as_json_what_it_did(fresh):
    found = json.loads(eject(fresh, "--json", cwd=fresh / "data").stdout)

    changed = git(fresh, "status", "--porcelain", "--no-renames").splitlines()
    assert found["unpacked"]["folder"] == "nlp_gitops"
    assert sorted([*found["rewritten"], *found["removed"], "nlp_gitops/"]) == sorted(
        line.split()[1] for line in changed)
    assert found["next"][0] == "make setup"


def test_updates_of_the_template_leave_the_wheel_and_the_locks_alone(fresh):
    (fresh / ".cruft.json").write_text('{"template": "t", "skip": [".git"]}\n')
    commit(fresh, "Remember the template")

    eject(fresh)

    assert json.loads((fresh / ".cruft.json").read_text())["skip"] == [
        ".git", "vendor", "requirements.txt", "deploy/requirements.txt"]


def test_rules_of_other_files_about_vendor_follow(fresh):
    hooks = fresh / ".pre-commit-config.yaml"
    hooks.write_text(hooks.read_text().replace("files: ^data/", "exclude: ^vendor/"))
    commit(fresh, "A rule about the wheel")

    eject(fresh)

    assert "exclude: ^nlp_gitops/" in hooks.read_text()


def test_a_vendor_folder_with_other_things_in_it_stays(fresh):
    (fresh / "vendor" / "theirs.txt").write_text("ours\n")
    commit(fresh, "Something else is vendored")

    eject(fresh)

    assert [path.name for path in (fresh / "vendor").iterdir()] == ["theirs.txt"]


def refused(project, code, words, cwd=None):
    before = git(project, "status", "--porcelain"), (project / "requirements.txt").read_bytes()
    done = eject(project, check=False, cwd=cwd)

    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
    assert words in done.stderr
    assert before == (git(project, "status", "--porcelain"),
                      (project / "requirements.txt").read_bytes())


def test_outside_a_repository_it_says_so(fresh, tmp_path):
    refused(fresh, 2, "no project.yaml here or above", cwd=tmp_path)


def test_without_git_nothing_could_be_undone_so_nothing_is_done(fresh):
    run("mv", ".git", "../kept", cwd=fresh)
    done = eject(fresh, check=False)
    run("mv", "../kept", ".git", cwd=fresh)

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "not a git repository" in done.stderr
    assert git(fresh, "status", "--porcelain") == ""


def test_it_is_done_once(fresh):
    (fresh / "nlp_gitops").mkdir()

    refused(fresh, 4, "nlp_gitops: there already")


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.txt", ".github/CODEOWNERS"])
def test_a_file_that_is_not_committed_is_not_rewritten(fresh, name):
    (fresh / name).open("a").write("\n# mine\n")

    refused(fresh, 4, f"{name}: not committed, and would be rewritten")


def test_other_changes_in_the_work_tree_stay_as_they_are(fresh):
    (fresh / "nlp" / "mine.py").write_text("MINE = True\n")
    (fresh / "README.md").open("a").write("mine\n")

    eject(fresh)

    assert {" M README.md", "?? nlp/mine.py"} <= set(
        run("git", "status", "--porcelain", cwd=fresh).stdout.splitlines())
