"""A generated project to measure in, and an interpreter that has its packages."""

import os
import sys
from pathlib import Path

from benchmarks.measure import cost

ROOT = Path(__file__).resolve().parent.parent


def bake(folder: Path) -> Path:
    """Generate a project and return its folder."""
    cost([sys.executable, "-m", "cookiecutter", "--no-input", ROOT, "-o", folder], folder,
         {"HOME": str(folder)})
    return folder / "review-sentiment"


def interpreter(project: Path, *more: str) -> Path:
    """Return what BENCH_PYTHON names, else the project's own with its packages and some more."""
    given = os.environ.get("BENCH_PYTHON")
    if given:
        return Path(given)
    cost(["make", "setup"], project)
    python = project / ".venv" / "bin" / "python"
    if more:
        cost(["uv", "pip", "install", "--python", python, *more], project)
    return python
