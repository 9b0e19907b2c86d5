"""Prompts: rows a second by workers, what our client adds to a bare call, and what a resume costs.

The figures are computed in a baked project with its own packages and `openai`. BENCH_PYTHON names
an interpreter that has them already, so that nothing is installed.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.baked import ROOT, bake, interpreter
from benchmarks.measure import machine

INSIDE = Path(__file__).with_name("prompts_inside.py")


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        project = bake(Path(folder))
        python = interpreter(project, "openai")
        print(f"\n## Prompt pipelines ({machine()})\n", flush=True)
        subprocess.run([python, INSIDE], cwd=project, check=True, env={
            **os.environ, "OPENAI_API_KEY": "any",
            "PYTHONPATH": f"{project}:{ROOT / 'tests' / 'support'}"})


if __name__ == "__main__":
    main()
