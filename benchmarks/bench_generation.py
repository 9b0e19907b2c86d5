"""How long generation, `make check` and `make pipeline` take, after installation."""

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Cost, cost, machine, median

ROOT = Path(__file__).resolve().parent.parent
GOALS = {"generation": "wall < 2 s", "make check": "wall < 20 s", "make pipeline": "CPU < 20 s"}


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        figures = {"generation": generation(work)}
        project = work / "out-0" / "review-sentiment"
        cost(["make", "setup"], project)
        figures["make check"] = median([cost(["make", "check"], project) for _ in range(3)])
        figures["make pipeline"] = median([fresh_pipeline(project) for _ in range(3)])
    print(f"\n## Generation and pipeline ({machine()}; median of the runs)\n")
    print("| what | wall s | CPU s | peak MiB | exit | goal |\n|---|---:|---:|---:|---:|---|")
    for name, item in figures.items():
        print(f"| {name} | {item.wall:.2f} | {item.cpu:.2f} | {item.peak:.0f} | {item.code} "
              f"| {GOALS[name]} |")


def generation(work: Path) -> Cost:
    """Return the cost of `cookiecutter --no-input`, the first of six runs not counted."""
    runs = [cost([sys.executable, "-m", "cookiecutter", "--no-input", ROOT,
                  "-o", work / f"out-{number}"], work, {"HOME": str(work)}) for number in range(6)]
    return median(runs[1:])


def fresh_pipeline(project: Path) -> Cost:
    """Return the cost of `make pipeline` with an empty registry and no runs."""
    cost(["rm", "-rf", ".registry", "runs", "dist", "reports"], project)
    return cost(["make", "pipeline"], project)
