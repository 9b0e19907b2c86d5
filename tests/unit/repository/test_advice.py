"""What is said about a file that stays as it was."""

import pytest

from nlp_gitops.repository.advice import advise

OURS = {
    "Makefile": "setup: x\n\ttrue\n\ncheck: setup\n\ntrain gate: setup\n\nclean lock:\n",
    "pyproject.toml": """\
[project]
requires-python = ">=3.11"
dependencies = [
    "nlp-gitops[github,serve] @ file:///${PROJECT_ROOT}/vendor/nlp_gitops-0.1.0-py3-none-any.whl",
]
[project.optional-dependencies]
dev = ["flake8", "pytest"]
[tool.pytest.ini_options]
pythonpath = ["."]
""",
    "requirements.txt": "x==1 --hash=sha256:aa\n",
    ".gitignore": "# what commands write\n.venv\nruns/\n/site/\n",
    ".flake8": "[flake8]\nmax-line-length = 100\n",
    ".github/workflows/ci.yml": "      run: make check\n",
    ".github/actions/gate/action.yml": "run: |\n  make setup\n  make train gate\n",
    "vendor/nlp_gitops-0.1.0-py3-none-any.whl": "",
}


@pytest.fixture
def say(tmp_path):
    """Return a function that gives the advice for a file with this text."""
    for name, text in OURS.items():
        write(tmp_path / "ours" / name, text)

    def ask(name, text=""):
        write(tmp_path / "theirs" / name, text)
        return advise(name, tmp_path / "theirs", tmp_path / "ours")

    return ask


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_makefile_is_told_the_targets_that_workflows_call(say):
    assert say("Makefile", "VERSION := 1\nsetup check: x\n\ttrue\n").endswith(
        "take them over: train gate lock")
    assert "every target" in say("Makefile", OURS["Makefile"])


def test_pyproject_is_told_the_lines_that_it_lacks(say):
    told = say("pyproject.toml", '[project]\nname = "x"\n')

    assert 'in dependencies: "nlp-gitops[github,serve] @ file:///${PROJECT_ROOT}/vendor/' in told
    assert 'dev = ["flake8", "pytest"]' in told
    assert 'requires-python = ">=3.11"' in told and 'pythonpath = ["."]' in told
    assert say("pyproject.toml", OURS["pyproject.toml"]) == ""
    assert "in dependencies" in say("pyproject.toml", "no toml [")


def test_a_list_of_packages_is_told_the_wheel(say):
    assert "./vendor/nlp_gitops-0.1.0-py3-none-any.whl[github,serve]" in say(
        "requirements.txt", "scikit-learn\n")
    assert "with its hash" in say("requirements.txt", "a==1 --hash=sha256:aa\n")
    assert say("requirements.txt", "./vendor/nlp_gitops-0.1.0-py3-none-any.whl\n") == ""


def test_gitignore_is_told_what_it_lacks(say):
    assert say(".gitignore", "runs\n.venv/\n") == "add: /site/"
    assert say(".gitignore", OURS[".gitignore"]) == ""


@pytest.mark.parametrize("name, words", [
    (".github/workflows/ci.yml", "merge its jobs into yours, or rename yours"),
    ("data/test.jsonl", "tools/import_dataset.py"), ("tests/conftest.py", "compare"),
    (".flake8", "max-line-length = 100"), ("README.md", "what is where"),
    (".github/CODEOWNERS", "vendor/"), (".editorconfig", "")])
def test_each_kind_of_file_has_its_advice(say, name, words):
    assert words in say(name, "mine\n")
    assert bool(say(name, "mine\n")) == bool(words)


def test_what_is_no_text_needs_no_reading(say, tmp_path):
    say("Makefile")
    (tmp_path / "theirs" / "Makefile").write_bytes(b"\xff\xfe")

    assert "take them over" in advise("Makefile", tmp_path / "theirs", tmp_path / "ours")
