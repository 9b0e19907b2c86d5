"""What all tests share: an environment without a caller's git, and what is made once for a run."""

import os
from pathlib import Path

import pytest
from baking import baked, locked_environment, shared, template_copy

# From the fastest folder to the slowest, so that a plain fault shows in seconds.
ORDER = ("unit", "template", "docs", "integration", "workflows", "drills")
HERE = Path(__file__).resolve().parent
# The workers fill the cores already, and thousands of repositories need no sample hooks.
ECONOMY = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "GIT_TEMPLATE_DIR": ""}


def pytest_configure() -> None:
    """Make the shared folder before there are workers, and the environment of all processes.

    A git hook that runs the tests names its repository; no git of theirs may find that one.
    Without compiled files every command that a test starts would compile the package again.
    """
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    os.environ.update(ECONOMY)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    shared()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run unit tests first; of the others what takes long, so that all workers end together."""
    def rank(item: pytest.Item) -> tuple[bool, bool, int]:
        folder = item.path.relative_to(HERE).parts[0]
        takes_long = any(item.iter_markers("long")) or any(item.iter_markers("xdist_group"))
        return folder != "unit", not takes_long, ORDER.index(folder)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def venv() -> Path:
    """An environment with exactly what a generated project's lock file names."""
    return locked_environment()


@pytest.fixture
def project(tmp_path: Path, venv: Path) -> Path:
    """A fresh bake whose environment is set up."""
    return baked(tmp_path / "out", venv)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A copy of the template in a repository of its own, so that it can move on."""
    return template_copy(tmp_path / "template")
