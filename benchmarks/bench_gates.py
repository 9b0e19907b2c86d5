"""The gate: speed of its bootstrap, how often it errs, and what a run on stored answers costs.

The figures are computed in a baked project with its own packages. BENCH_PYTHON names an interpreter
that has them already, so that nothing is installed.
"""

import json
import os
import random
import subprocess
import tempfile
from pathlib import Path

from benchmarks.baked import bake, interpreter
from benchmarks.measure import cost, machine, median

INSIDE = Path(__file__).with_name("gates_inside.py")
LABELS = ("negative", "neutral", "positive")


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        project = bake(Path(folder))
        python = interpreter(project)
        print(f"\n## Gates ({machine()})\n", flush=True)
        subprocess.run([python, INSIDE, *os.environ.get("BENCH_GATES", "").split()], cwd=project,
                       check=True, env={**os.environ, "PYTHONPATH": str(project),
                                        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
        stored_predictions(project, python)


def stored_predictions(project: Path, python: Path) -> None:
    """Print what `eval_gate.py --predictions` takes, champion included."""
    print("\n### `eval_gate.py` on stored predictions, all rules of gates.yaml (goal: 0.6 CPU s)\n")
    print("| rows | wall s | CPU s | peak MiB | exit |\n|---:|---:|---:|---:|---:|")
    for rows in (600, 10_000):
        for name, errors in (("new", 0.13), ("old", 0.14)):
            write(project / f"{name}.jsonl", rows, errors)
        command = [python, "tools/eval_gate.py", "--predictions", "new.jsonl",
                   "--champion-predictions", "old.jsonl"]
        cost(command, project)  # the first run compiles the project's modules
        item = median([cost(command, project) for _ in range(5)])
        print(f"| {rows:,} | {item.wall:.2f} | {item.cpu:.2f} | {item.peak:.0f} | {item.code} |",
              flush=True)


def write(path: Path, rows: int, errors: float) -> None:
    """Write answers of which a share is wrong; the rows that a better model has wrong are among
    those of a worse one.
    """
    with open(path, "w", encoding="utf-8") as stream:
        for number in range(rows):
            generator = random.Random(number)
            wrong = generator.random() < errors
            stream.write(json.dumps({
                "id": f"b-{number}", "label": LABELS[number % 3], "text": "x" * (20 + number % 300),
                "domain": f"d{number // 3 % 6}", "latency_ms": 2 + generator.random(),
                "prediction": LABELS[(number + wrong) % 3]}) + "\n")


if __name__ == "__main__":
    main()
