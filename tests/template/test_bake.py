"""Generation: every option gives a whole, clean project."""

import fnmatch
import json
import re
import tomllib

import pytest
import yaml
from baking import ROOT, TEMPLATE, cookiecutter, environment, generate, git, run

CONTEXT = json.loads((ROOT / "cookiecutter.json").read_text())
VERBATIM = CONTEXT["_copy_without_render"]
RENDERED = {"README.md", "pyproject.toml", "project.yaml", ".github/CODEOWNERS"}
OPTIONS = [
    {"project": "ner-2"},
    {"description": "It's \"quoted\", 100 % café 😀 \\ & <b> #: {{ x }} ${{ y }} $(id)"},
    {"owner": "NLP Team_1.2"},
    {"github_owner": "my-company"},
    {"task": "prompt-classification"},
    {"language": "pt-BR"},
    {"license": "Apache-2.0"},
    {"python_version": "3.13"},
]


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("default") / "out")


def tracked(folder):
    return git(folder, "ls-files", "-z").strip("\0").split("\0")


def test_there_are_eight_questions_with_a_prompt_each():
    asked = [key for key in CONTEXT if not key.startswith("_")]

    assert asked == ["project", "description", "owner", "github_owner", "task", "language",
                     "license", "python_version"]
    assert set(asked) == set(CONTEXT["__prompts__"])


def test_a_default_bake_is_one_clean_commit_on_main_and_a_ledger_root(default):
    assert git(default, "branch", "--format=%(refname:short)").split() == ["main", "registry"]
    assert git(default, "status", "--porcelain") == ""
    assert git(default, "rev-list", "--count", "main") == "1"
    assert git(default, "ls-tree", "-r", "--name-only", "registry").split() == [
        ".github/workflows/on-release.yml", ".github/workflows/on-tag.yml", "README.md"]
    assert run("git", "merge-base", "main", "registry", cwd=default, check=False).returncode == 1


def test_without_a_git_identity_the_owner_commits(default):
    assert git(default, "log", "-1", "--format=%an <%ae>", "main") == (
        "nlp-platform <nlp-gitops@localhost>")


@pytest.mark.parametrize("answers", OPTIONS, ids=lambda answers: next(iter(answers)))
def test_every_option_reaches_the_settings_as_data(tmp_path, answers):
    folder = generate(tmp_path / "out", **answers)

    settings = yaml.safe_load((folder / "project.yaml").read_text(encoding="utf-8"))
    key, value = next(iter(answers.items()))
    assert settings["name" if key == "project" else key] == value
    about = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert about["description"] == settings["description"]
    assert list(settings["models"]) == [settings["name"]]


@pytest.mark.parametrize("answers", [{}, {"task": "prompt-classification"}],
                         ids=["text", "prompt"])
def test_no_template_marker_is_left(tmp_path, answers):
    folder = generate(tmp_path / "out", **answers)

    for name in tracked(folder):
        text = (folder / name).read_text(encoding="utf-8")
        assert "cookiecutter." not in text.replace("cookiecutter.cruft", ""), name
        if name in RENDERED:
            assert not re.search(r"<<|>>|<%|%>|<#|#>", text), name


def test_everything_but_the_few_rendered_files_comes_out_byte_for_byte(default):
    names = set(tracked(default))
    # A card's name is that of its model.
    source = {name.removeprefix(f"{TEMPLATE.name}/").replace(TEMPLATE.name, default.name): name
              for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard",
                              TEMPLATE.name).strip("\0").split("\0")}

    assert names == source.keys()
    for name in names - RENDERED:
        assert (default / name).read_bytes() == (ROOT / source[name]).read_bytes(), name
    for name in RENDERED:
        assert (default / name).read_bytes() != (TEMPLATE / name).read_bytes(), name


def test_a_verbatim_pattern_never_matches_a_folder():
    folders = [path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.rglob("*")
               if path.is_dir()]

    for pattern in VERBATIM:
        assert not [name for name in folders if fnmatch.fnmatch(name, pattern)], pattern


def test_every_verbatim_pattern_matches_something():
    files = [path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.rglob("*")
             if path.is_file()]

    for pattern in VERBATIM:
        assert [name for name in files if fnmatch.fnmatch(name, pattern)], pattern


def test_generating_over_a_project_with_force_keeps_the_teams_own_files(tmp_path):
    folder = generate(tmp_path / "out")
    own = folder / "nlp" / "ours.py"
    own.write_text("OURS = True\n")

    assert cookiecutter(tmp_path / "out", "-f").returncode == 0

    assert own.read_text() == "OURS = True\n"


def test_an_existing_folder_is_refused_and_left_alone(tmp_path):
    folder = generate(tmp_path / "out")
    (folder / "README.md").write_text("mine")

    done = cookiecutter(tmp_path / "out")

    assert done.returncode == 1
    assert "already exists" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert (folder / "README.md").read_text() == "mine"


def test_python_caches_in_the_template_folder_do_not_reach_a_project(tmp_path):
    cache = TEMPLATE / "nlp" / "__pycache__"
    cache.mkdir()
    try:
        (cache / "x.cpython-311.pyc").write_bytes(b"\0")
        folder = generate(tmp_path / "out")
    finally:
        (cache / "x.cpython-311.pyc").unlink()
        cache.rmdir()

    assert not list(folder.rglob("__pycache__"))


def test_the_baked_project_is_clean_for_flake8_and_yamllint(default):
    run("flake8", cwd=default)
    run("yamllint", "--strict", "-c", ROOT / ".yamllint", ".", cwd=default)


@pytest.mark.parametrize("readme", [ROOT / "README.md", TEMPLATE / "README.md"])
def test_a_readme_has_at_most_110_lines(readme):
    assert len(readme.read_text(encoding="utf-8").splitlines()) <= 110


def test_a_failed_git_step_loses_nothing(tmp_path):
    broken = tmp_path / "bin"
    broken.mkdir()
    fake = broken / "git"
    fake.write_text("#!/bin/sh\necho 'disk is full' >&2\nexit 128\n")
    fake.chmod(0o755)

    done = cookiecutter(tmp_path / "out",
                        env=environment(PATH=f"{broken}:{environment()['PATH']}"))

    assert done.returncode == 0
    assert "first commit failed (disk is full)" in done.stderr
    assert (tmp_path / "out" / "review-sentiment" / "tools" / "train.py").is_file()
