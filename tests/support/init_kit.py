"""What the tests of `nlp-gitops init` share: repositories of different make, and the command."""

import sys

from baking import commit, environment, git, run

# A scikit-learn project with its own packages and workflow, and no Makefile.
SCIKIT_LEARN = {
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
    "churn/train.py": "from sklearn.svm import SVC\n\nprint(SVC)\n",
    "notebooks/look.ipynb": "{}\n",
}
# A package below src/ with its own Makefile, README and tests.
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
