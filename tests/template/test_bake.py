"""Generation: every option gives a whole, clean project."""

import fnmatch
import hashlib
import json
import re
import sys
import tomllib

import pytest
import yaml
from baking import ROOT, TEMPLATE, bake, cookiecutter, environment, generate, git, run

CONTEXT = json.loads((ROOT / "cookiecutter.json").read_text())
VERBATIM = CONTEXT["_copy_without_render"]
RENDERED = {"README.md", "pyproject.toml", "project.yaml", ".github/CODEOWNERS"}
# Cut by the hook where no model is a prompt.
CUT = "gates.yaml"
LOCKS = ("requirements.txt", "deploy/requirements.txt")
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
KINDS = {"text": {}, "prompt": {"task": "prompt-classification"},
         "kubernetes": {"kubernetes": "yes"}}


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    return bake(tmp_path_factory.mktemp("default") / "out")


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory):
    """A bake of every kind that has other files."""
    return bake(tmp_path_factory.mktemp(request.param) / "out", **KINDS[request.param])


def tracked(folder):
    return git(folder, "ls-files", "-z").strip("\0").split("\0")


def test_there_are_nine_questions_with_a_prompt_each():
    asked = [key for key in CONTEXT if not key.startswith("_")]

    assert asked == ["project", "description", "owner", "github_owner", "task", "language",
                     "license", "python_version", "kubernetes"]
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


def test_a_project_is_at_most_100_files_and_6000_lines_that_a_team_could_read(kind):
    names = tracked(kind)
    read = [name for name in names if name not in LOCKS and not name.endswith((".jsonl", ".whl"))]

    assert len(names) <= 100
    assert sum(len((kind / name).read_text("utf-8").splitlines()) for name in read) <= 6000


def test_no_python_is_in_a_project_but_the_teams_own_and_the_doors(kind):
    folders = {name.partition("/")[0] for name in tracked(kind) if name.endswith((".py", ".ipynb"))
               or re.match(rb"#!.*python", (kind / name).read_bytes())}

    assert folders == {"nlp", "tools", "tests"}


def test_each_task_has_its_own_kind_of_model_and_nothing_of_the_other(default, tmp_path):
    prompt = bake(tmp_path / "out", task="prompt-classification")

    of_text = {"nlp/classifiers.py", "tests/test_classifiers.py"}
    of_prompts = {"nlp/prompted.py", "tests/injection.yaml", "tests/test_prompts.py",
                  "prompts/classify_sentiment/prompt_v0.3.1.txt"}
    assert of_text <= set(tracked(default)) and of_prompts <= set(tracked(prompt))
    assert set(tracked(default)) ^ set(tracked(prompt)) == of_text | of_prompts
    assert not (default / "prompts").exists()
    assert "prompt-classification" not in (default / "gates.yaml").read_text("utf-8")
    assert "prompt-classification" in (prompt / "gates.yaml").read_text("utf-8")


def test_there_is_nothing_about_kubernetes_unless_it_is_wanted(default, tmp_path):
    wanted = bake(tmp_path / "out", kubernetes="yes")
    manifests = {path.relative_to(TEMPLATE).as_posix()
                 for path in (TEMPLATE / "deploy" / "kubernetes").rglob("*.yaml")}

    assert not (default / "deploy" / "kubernetes").exists()
    assert set(tracked(wanted)) - set(tracked(default)) == manifests and len(manifests) > 5


def test_the_machinery_is_one_wheel_with_the_hash_that_both_locks_name(kind):
    wheel, = (kind / "vendor").iterdir()
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    about = tomllib.loads((kind / "pyproject.toml").read_text("utf-8"))["project"]

    for name in LOCKS:
        named = re.findall(r"^\S*nlp[-_.]gitops.*?(?=^\S)", (kind / name).read_text("utf-8"),
                           re.MULTILINE | re.DOTALL)
        assert [line.split() for line in named] == [
            [f"./vendor/{wheel.name}", "\\", f"--hash=sha256:{digest}"]], name
    ours = [line for line in about["dependencies"] if line.startswith("nlp-gitops")]
    assert [line.partition(" @ ")[2] for line in ours] == [
        f"file:///${{PROJECT_ROOT}}/vendor/{wheel.name}"]


def test_the_wheel_is_what_src_gives():
    run(sys.executable, "scripts/build_wheel.py", "--check", cwd=ROOT)


def test_no_template_marker_is_left(kind):
    for name in tracked(kind):
        if name.endswith(".whl"):
            continue
        text = (kind / name).read_text(encoding="utf-8")
        assert "cookiecutter." not in text.replace("cookiecutter.cruft", ""), name
        if name in RENDERED:
            assert not re.search(r"<<|>>|<%|%>|<#|#>", text), name


def test_everything_but_the_few_rendered_files_comes_out_byte_for_byte(kind):
    names = set(tracked(kind))
    # A card's name is that of its model.
    source = {name.removeprefix(f"{TEMPLATE.name}/").replace(TEMPLATE.name, kind.name): name
              for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard",
                              TEMPLATE.name).strip("\0").split("\0")}

    assert names <= source.keys()
    for name in names - RENDERED - {CUT}:
        assert (kind / name).read_bytes() == (ROOT / source[name]).read_bytes(), name
    for name in RENDERED:
        assert (kind / name).read_bytes() != (TEMPLATE / name).read_bytes(), name
    cut, whole = (folder / CUT for folder in (kind, TEMPLATE))
    assert whole.read_text("utf-8").startswith(cut.read_text("utf-8").rstrip())


def test_a_verbatim_pattern_never_matches_a_folder():
    folders = [path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.rglob("*")
               if path.is_dir()]

    assert "vendor/*.whl" in VERBATIM
    for pattern in VERBATIM:
        assert not [name for name in folders if fnmatch.fnmatch(name, pattern)], pattern


def test_every_verbatim_pattern_matches_something():
    files = [path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.rglob("*")
             if path.is_file()]

    for pattern in VERBATIM:
        assert [name for name in files if fnmatch.fnmatch(name, pattern)], pattern


def test_generating_over_a_project_with_force_keeps_the_teams_own_files(tmp_path):
    folder = generate(tmp_path / "out")
    names = ("nlp/ours.py", "vendor/ours.txt", "deploy/kubernetes/ours/patch.yaml",
             "prompts/ours/prompt_v1.0.0.txt")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("OURS = True\n")

    assert cookiecutter(tmp_path / "out", "-f").returncode == 0

    for name in names:
        assert (folder / name).read_text() == "OURS = True\n"
    left = [path for part in ("prompts", "deploy/kubernetes") for path in (folder / part).rglob("*")
            if path.is_file()]
    assert sorted(left) == sorted(folder / name for name in names[2:])


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
    cache.mkdir(exist_ok=True)
    (cache / "x.cpython-311.pyc").write_bytes(b"\0")
    try:
        folder = generate(tmp_path / "out")
    finally:
        (cache / "x.cpython-311.pyc").unlink()

    assert not list(folder.rglob("__pycache__"))


def test_the_baked_project_is_clean_for_flake8_and_yamllint(kind):
    run("flake8", cwd=kind)
    run("yamllint", "--strict", "-c", ROOT / ".yamllint", ".", cwd=kind)


def test_a_readme_has_at_most_110_lines(kind):
    for readme in (ROOT / "README.md", kind / "README.md"):
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


def test_a_cookiecutter_with_nothing_beside_it_makes_a_whole_project(tmp_path):
    alone = tmp_path / "alone" / "bin" / "python"
    run("uv", "venv", "--quiet", "--python", sys.executable, "alone", cwd=tmp_path)
    run("uv", "pip", "install", "--quiet", "--python", alone, "cookiecutter", cwd=tmp_path)

    done = run(alone, "-m", "cookiecutter", "--no-input", ROOT, "-o", tmp_path, cwd=tmp_path,
               env=environment(HOME=str(tmp_path)))

    assert done.stderr == ""
    assert git(tmp_path / "review-sentiment", "rev-list", "--count", "registry") == "1"
