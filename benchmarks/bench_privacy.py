"""Masking of personal data: speed, recall and precision, beside presidio and scrubadub.

The peers get an environment of their own, made by uv. Presidio's recognisers by pattern are used:
its default also needs a language model, which is slower by an order of magnitude. BENCH_PYTHON
names an interpreter that has the packages of a generated project, so that nothing is installed.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.measure import machine

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).parent
PEERS = ("presidio-analyzer==2.2.366", "scrubadub==2.0.1", "setuptools<81")
TEXTS = 20_000


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _run([_project_python(folder), HERE / "privacy_inside.py", str(TEXTS)], folder,
             PYTHONPATH=str(ROOT / "tests" / "support"))
        _run(["uv", "venv", "--quiet", "--python", sys.executable, "peers"], folder)
        _run(["uv", "pip", "install", "--quiet", "--python", "peers/bin/python", *PEERS], folder)
        _run(["peers/bin/python", HERE / "privacy_peers.py"], folder)
        _print(folder)


def _project_python(folder: Path) -> str:
    python = os.environ.get("BENCH_PYTHON")
    if python:
        return python
    _run(["uv", "venv", "--quiet", "--python", sys.executable, "ours"], folder)
    _run(["uv", "pip", "install", "--quiet", "--python", folder / "ours/bin/python",
          "--require-hashes", "-r", "requirements.txt"], ROOT / "<<cookiecutter.project>>")
    return str(folder / "ours" / "bin" / "python")


def _run(command: list[str | Path], folder: Path, **env: str) -> None:
    subprocess.run(list(map(str, command)), cwd=folder, check=True, env={**os.environ, **env})


def _print(folder: Path) -> None:
    rows = json.loads((folder / "labelled.json").read_text())
    tools = {**json.loads((folder / "ours.json").read_text()),
             **json.loads((folder / "peers.json").read_text())}
    print(f"\n## Masking ({machine()}; {len(rows):,} texts, peers on the first "
          f"{len(tools['scrubadub']['masked']):,}, CPU time)\n")
    kinds = sorted({kind for row in rows for kind, _ in row["planted"]})
    print("| tool | MB/s | recall | " + " | ".join(kinds) + " | adversarial | precision | "
          "look-alikes altered |\n|---|---:|" + "---:|" * (len(kinds) + 4))
    for name, found in tools.items():
        size = sum(len(row["text"].encode()) for row, _ in zip(rows, found["masked"]))
        print(f"| {name} | {size / 1e6 / found['seconds']:.2f} | "
              + " | ".join(_shares(rows, found["masked"], kinds)) + " |", flush=True)


def _shares(rows: list[dict], masked: list[str], kinds: list[str]) -> list[str]:
    """Return the cells of a tool: shares of identifiers removed, precision, look-alikes altered."""
    seen, removed, alike, altered = Counter(), Counter(), 0, 0
    for row, text in zip(rows, masked):
        for kind, value in row["planted"]:
            key = kind if row["group"] == "plain" else "adversarial"
            seen[key] += 1
            removed[key] += value not in text
        alike += bool(row["alike"])
        altered += any(value not in text for value in row["alike"])
    plain = sum(removed[kind] for kind in kinds)
    cells = [plain / sum(seen[kind] for kind in kinds), *(removed[kind] / seen[kind]
                                                          for kind in (*kinds, "adversarial")),
             plain / (plain + altered), altered / alike]
    return [f"{cell:.3f}" for cell in cells]


if __name__ == "__main__":
    main()
