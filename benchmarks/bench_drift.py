"""Drift: cost by the number of lines, beside evidently, and how often verdicts err.

BENCH_DATA names JSONL files of labelled texts (`text`, `label`, perhaps `domain`), the first for
traffic, the second for a new topic; without it the starter data are used, and the truth of verdicts
is not measured. BENCH_LINES are the sizes of logs. evidently gets a virtual environment of its own.
"""

import json
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from benchmarks.baked import bake
from benchmarks.measure import Cost, cost, machine

HERE = Path(__file__).resolve().parent
EVIDENTLY = ("evidently==0.7.23", "pandas<3")
SIDE = 50_000
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main() -> None:
    """Print the tables."""
    data = [Path(name).resolve() for name in os.environ.get("BENCH_DATA", "").split()]
    sizes = [int(word) for word in os.environ.get("BENCH_LINES", "10000 100000 1000000").split()]
    parts = os.environ.get("BENCH_DRIFT", "cost evidently truth").split()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = bake(folder)
        cost(["make", "setup"], project)
        print(f"\n## Drift ({machine()})\n", flush=True)
        if "cost" in parts or "evidently" in parts:
            cost(["make", "pipeline"], project)
            rows = list(_rows(data[:1] or [project / "data" / "test.jsonl"]))
        if "cost" in parts:
            growth(project, folder, rows, sizes)
        if "evidently" in parts:
            beside_evidently(project, folder, rows)
        if "truth" in parts and data:
            truth(project, folder, data)


def growth(project: Path, folder: Path, rows: Sequence[dict], sizes: Sequence[int]) -> None:
    """Print what a report takes, of logs of several sizes against the packed reference."""
    print("### A report: JSON lines in, verdict out; texts embedded, every statistic and slice\n")
    print("| lines | MB | wall s | CPU s | microseconds of CPU a line | peak MiB | exit |\n"
          "|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for size in sizes:
        log = folder / "log"
        _write(log, rows, size, 7)
        item = _report(project, "--current", log)
        megabytes = sum(path.stat().st_size for path in log.rglob("*.jsonl")) / 1e6
        print(f"| {size:,} | {megabytes:.0f} | {item.wall:.1f} | {item.cpu:.1f} | "
              f"{item.cpu / size * 1e6:.1f} | {item.peak:.0f} | {item.code} |", flush=True)
        shutil.rmtree(log)


def beside_evidently(project: Path, folder: Path, rows: Sequence[dict]) -> None:
    """Print both tools on the same two windows. Evidently is handed the embeddings ready-made."""
    logs = [folder / name for name in ("before", "now")]
    for seed, log in enumerate(logs):
        _write(log, rows, SIDE, 7, seed, 28 * seed)
    python = project / ".venv" / "bin" / "python"
    subprocess.run([python, HERE / "drift_inside.py", "--export", folder / "table.npz", *logs],
                   cwd=project, check=True,
                   env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(project)})
    theirs_python = _evidently(folder)
    subprocess.run([python, "-m", "compileall", "-q", "nlp", "tools", ".venv"],
                   cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ours = _report(project, "--reference", logs[0], "--current", logs[1])
    page = (project / "reports" / "drift" / "report.html").stat().st_size
    profiles = [folder / f"{log.name}.profile.npz" for log in logs]
    for log, profile in zip(logs, profiles):
        cost([python, "tools/drift_report.py", "profile", "--current", log, "--out", profile],
             project)
    summed = _report(project, "--reference", profiles[0], "--current", profiles[1])
    same = cost([python, HERE / "drift_ours.py", folder / "table.npz", folder / "same.html"],
                project, {**ONE_THREAD, "PYTHONPATH": str(project)})
    theirs = cost([theirs_python, HERE / "drift_evidently.py", folder / "table.npz",
                   folder / "theirs.html"], folder, ONE_THREAD)
    print(f"\n### {SIDE:,} and {SIDE:,} lines, beside {EVIDENTLY[0]}\n")
    print("| tool | wall s | CPU s | peak MiB | HTML KB | exit |\n|---|---:|---:|---:|---:|---:|")
    for name, item, size in (
            ("drift_report.py: reads the logs, embeds, tests every slice", ours, page),
            ("drift_report.py: from profiles, as the service writes them", summed, page),
            ("ours on the same data: embeddings and labels ready-made, every test of them", same,
             (folder / "same.html").stat().st_size),
            ("evidently: embeddings and label columns ready-made, cosine distance, label drift",
             theirs, (folder / "theirs.html").stat().st_size)):
        print(f"| {name} | {item.wall:.1f} | {item.cpu:.2f} | {item.peak:.0f} | {size / 1e3:.0f} | "
              f"{item.code} |", flush=True)


def truth(project: Path, folder: Path, data: Sequence[Path]) -> None:
    """Print how often both tools err, on the same windows of real texts."""
    subprocess.run([project / ".venv" / "bin" / "python", HERE / "drift_inside.py",
                    folder / "samples.npz", *data], cwd=project, check=True,
                   env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(project)})
    subprocess.run([_evidently(folder), HERE / "drift_truth_evidently.py",
                    folder / "samples.npz"], check=True, env={**os.environ, **ONE_THREAD})


def _evidently(folder: Path) -> Path:
    """Return the interpreter of an environment with evidently, as ready to start as ours."""
    python = folder / "evidently" / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "--quiet", folder / "evidently"], check=True)
        subprocess.run(["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python",
                        python, *EVIDENTLY], check=True)
    return python


def _report(project: Path, *arguments: str | Path) -> Cost:
    return cost([project / ".venv" / "bin" / "python", "tools/drift_report.py", *arguments],
                project, ONE_THREAD)


def _rows(paths: Sequence[Path]) -> Iterator[dict]:
    for path in paths:
        with open(path, encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line)


def _write(folder: Path, rows: Sequence[dict], size: int, days: int, seed: int = 0,
           first: int = 0) -> None:
    """Write a log of `size` lines over some days, with texts drawn from the rows."""
    drawn = random.Random(seed)
    for day in range(days):
        at = datetime(2026, 3, 1, tzinfo=timezone.utc) + timedelta(days=first + day)
        path = folder / f"dt={at:%Y-%m-%d}" / "log.jsonl"
        path.parent.mkdir(parents=True)
        lines = size // days + (day < size % days)
        with open(path, "w", encoding="utf-8") as stream:
            for number in range(lines):
                row = drawn.choice(rows)
                moment = at + timedelta(seconds=86399 * number / lines)
                stream.write(json.dumps({
                    "schema": "nlp-gitops/prediction/1", "request_id": f"{seed}-{day}-{number}",
                    "at": moment.isoformat(timespec="milliseconds"), "model": "review-sentiment",
                    "version": "v1.0.0", "variant": "stable", "shadow": False, "status": 200,
                    "latency_ms": round(drawn.expovariate(0.2), 3), "row": 0,
                    "label": drawn.choice(("negative", "neutral", "positive")),
                    "score": round(drawn.betavariate(6, 2), 6), "characters": len(row["text"]),
                    "fields": {"domain": row.get("domain")}, "text": row["text"]}) + "\n")


if __name__ == "__main__":
    main()
