"""Checking 1,000,000 rows (292 MB, 100 planted faults), side by side with peers and with the limit.

Rows have {id, text, label, domain}; texts have 20 to 400 characters, some of them not ASCII. The
data are generated from a seed into a temporary folder. Peers run in an environment of their own,
which is made below build/ the first time.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Cost, machine, median

ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT / "<<cookiecutter.project>>" / "tools" / "check_schema.py"
PEERS = ROOT / "build" / "bench-peers"
PACKAGES = ("jsonschema==4.26.0", "pandas", "pandera==0.35.0", "frictionless[json]==5.21.0")
ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
GROWTH = (10_000, 100_000, 1_000_000, 5_000_000)
JSONSCHEMA_SHARE = 10
LABELS = ("negative", "neutral", "positive")
DOMAINS = ("books", "clothing", "electronics", "kitchen", "software", "toys")
FAULTS = ("null text", "number as text", "wrong label", "id twice", "text twice")

# Structure, ids, exact duplicates, lengths, digest: what the goal is about.
CORE = "{D031: off, D032: off, D033: off, D051: off}"
NO_NEAR = "{D032: off}"
MANIFEST = """\
name: bench
version: 1.0.0
license: internal
schema:
  id: string
  text: {{type: string, max_length: 400}}
  label: {{enum: [negative, neutral, positive]}}
  domain: {{enum: [books, clothing, electronics, kitchen, software, toys]}}
quality_checks: {{severity: {severity}}}
splits: {{train: train.jsonl, test: test.jsonl}}
"""

READ = """
import sys
for path in sys.argv[1:]:
    for line in open(path, "rb"):
        pass
"""
JSONSCHEMA = """
import json, sys
import jsonschema
string = {"type": "string", "minLength": 1}
schema = {"type": "object", "required": ["id", "text", "label", "domain"], "properties": {
    "id": string, "text": {**string, "maxLength": 400},
    "label": {"enum": ["negative", "neutral", "positive"]}, "domain": string}}
validator = jsonschema.Draft202012Validator(schema)
share, found = int(sys.argv[1]), 0
for path in sys.argv[2:]:
    for number, line in enumerate(open(path, "rb")):
        if number % share == 0:
            found += len(list(validator.iter_errors(json.loads(line))))
print(found)
"""
PANDERA = """
import sys
import pandas as pd
import pandera.pandas as pa
frame = pd.concat([pd.read_json(path, lines=True, dtype=False) for path in sys.argv[1:]],
                  ignore_index=True)
text = pa.Column(str, [pa.Check(lambda s: s.map(lambda v: isinstance(v, str))),
                       pa.Check.str_length(1, 400)], unique=True, report_duplicates="exclude_first")
schema = pa.DataFrameSchema({
    "id": pa.Column(str, unique=True, report_duplicates="exclude_first"), "text": text,
    "label": pa.Column(str, pa.Check.isin(["negative", "neutral", "positive"])),
    "domain": pa.Column(str)})
try:
    schema.validate(frame, lazy=True)
    print(0)
except pa.errors.SchemaErrors as error:
    print(error.failure_cases["index"].dropna().nunique())
"""
FRICTIONLESS = """
import sys
from frictionless import Resource, Schema
required = {"required": True}
schema = Schema.from_descriptor({"fields": [
    {"name": "id", "type": "string", "constraints": {**required, "unique": True}},
    {"name": "text", "type": "string", "constraints": {**required, "maxLength": 400}},
    {"name": "label", "type": "string",
     "constraints": {**required, "enum": ["negative", "neutral", "positive"]}},
    {"name": "domain", "type": "string", "constraints": required}]})
rows = set()
for path in sys.argv[1:]:
    resource = Resource(path=path.rsplit("/", 1)[1], basepath=path.rsplit("/", 1)[0],
                        format="jsonl", schema=schema)
    report = resource.validate(limit_errors=1000000)
    for task in report.tasks:
        rows.update((path, error.row_number) for error in task.errors
                    if hasattr(error, "row_number"))
print(len(rows))
"""
_RUNNER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, done.returncode)
print(done.stdout)
"""


@dataclass(frozen=True)
class Result:
    """What a tool cost and printed."""

    cost: Cost
    output: str


def main() -> None:
    """Print the tables."""
    peers = peer_python()
    with tempfile.TemporaryDirectory(prefix="bench-dataset-") as name:
        folder = Path(name)
        planted = generate(folder, ROWS)
        size = sum(path.stat().st_size for path in folder.glob("*.jsonl")) / 1e6
        print(f"\n## Checking {ROWS:,} rows, {size:.0f} MB, 100 planted faults ({machine()})\n")
        print("CPU seconds and peak memory of the whole process; median of three, peers once.\n")
        print("| tool | CPU s | rows per CPU s | peak MiB | faulty rows found of 100 "
              "| false alarms |\n|---|---:|---:|---:|---:|---:|")
        side_by_side(folder, peers, planted)
    growth()


def side_by_side(folder: Path, peers: Path, planted: set[tuple[str, int]]) -> None:
    """Print a line for each tool."""
    files = [folder / "train.jsonl", folder / "test.jsonl"]
    line("*reading the lines alone (the limit)*", repeated([sys.executable, "-c", READ, *files]))
    for what, severity in (("**check_schema: structure, ids, duplicates, lengths, digest** "
                            "(goal 3.5 s, 150 MiB)", CORE),
                           ("check_schema, also normalised leaks, groups, odd characters", NO_NEAR),
                           ("check_schema, also near leaks (all checks)", "{}")):
        (folder / "dataset.yaml").write_text(MANIFEST.format(severity=severity))
        result = repeated(ours(folder), 1 if severity == "{}" else 3)
        found = {(item["file"].rsplit("/", 1)[-1], item["line"])
                 for item in json.loads(result.output)["findings"]
                 if item["code"] < "D040" and item["line"]}
        line(what, result, len(found & planted), len(found - planted))
    sample = measured([peers, "-c", JSONSCHEMA, str(JSONSCHEMA_SHARE), *files])
    scaled = Cost(0, sample.cost.cpu * JSONSCHEMA_SHARE, sample.cost.peak, sample.cost.code)
    print(f"| jsonschema, structure only: 1 row in {JSONSCHEMA_SHARE}, time scaled "
          f"| {scaled.cpu:.1f} | {ROWS / scaled.cpu:,.0f} | {scaled.peak:.0f} | "
          f"{int(sample.output or 0)} of the sample | |")
    for name, script, checks in (("pandera (pandas)", PANDERA, "structure, ids, duplicates"),
                                 ("frictionless", FRICTIONLESS, "structure, ids")):
        result = measured([peers, "-c", script, *files])
        found_rows = result.output.strip()
        line(f"{name}: {checks}", result, int(found_rows) if found_rows.isdigit() else None)


def line(name: str, result: Result, found: int | None = None, false: int | None = None) -> None:
    """Print one line of the table."""
    used = result.cost
    shown = ["" if value is None else str(value) for value in (found, false)]
    print(f"| {name} | {used.cpu:.2f} | {ROWS / used.cpu:,.0f} | {used.peak:.0f} | {shown[0]} "
          f"| {shown[1]} |", flush=True)


def growth() -> None:
    """Print how the cost grows with the number of rows."""
    print("\n## Growth: structure, ids, duplicates, lengths, digest\n")
    print("| rows | CPU s | microseconds a row | peak MiB |\n|---:|---:|---:|---:|")
    for rows in GROWTH:
        with tempfile.TemporaryDirectory(prefix="bench-dataset-") as name:
            folder = Path(name)
            generate(folder, rows)
            (folder / "dataset.yaml").write_text(MANIFEST.format(severity=CORE))
            used = repeated(ours(folder), 3 if rows <= 1_000_000 else 1).cost
            print(f"| {rows:,} | {used.cpu:.2f} | {used.cpu / rows * 1e6:.2f} | {used.peak:.0f} |",
                  flush=True)


def ours(folder: Path) -> list[str | Path]:
    """Return the command of this template."""
    return [sys.executable, "-B", TOOL, folder / "dataset.yaml", "--json"]


def repeated(command: Sequence[str | Path], times: int = 3) -> Result:
    """Run a command several times; return the run whose CPU time is the middle one."""
    results = [measured(command) for _ in range(times)]
    middle = median([result.cost for result in results])
    return next(result for result in results if result.cost is middle)


def measured(command: Sequence[str | Path]) -> Result:
    """Run a command once; return its cost and what it printed."""
    done = subprocess.run([sys.executable, "-c", _RUNNER, *map(str, command)], text=True,
                          capture_output=True, check=True)
    first, _, output = done.stdout.partition("\n")
    cpu, peak, code = first.split()
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Result(Cost(0, float(cpu), float(peak) / unit, int(code)), output)


def peer_python() -> Path:
    """Return the Python of the peers' environment; make it where it is absent."""
    python = PEERS / "bin" / "python"
    if not (PEERS / ".ready").exists():
        venv.create(PEERS, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check",
                        *PACKAGES], check=True)
        (PEERS / ".ready").touch()
    return python


def generate(folder: Path, rows: int) -> set[tuple[str, int]]:
    """Write train (90 %) and test; return (file, line) of the 100 faults planted in train."""
    rng = random.Random(20240613)
    train = rows - rows // 10
    faulty = {line: FAULTS[number % len(FAULTS)]
              for number, line in enumerate(sorted(rng.sample(range(train // 100, train), 100)))}
    words = vocabulary(rng)
    earlier: list[dict[str, object]] = []
    with open(folder / "train.jsonl", "w", encoding="utf-8") as stream:
        for number in range(train):
            row = make_row(rng, words, number)
            if number < 20:
                earlier.append(row)
            if number in faulty:
                row = spoiled(row, faulty[number], earlier[number % 20])
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    with open(folder / "test.jsonl", "w", encoding="utf-8") as stream:
        for number in range(train, rows):
            stream.write(json.dumps(make_row(rng, words, number), ensure_ascii=False) + "\n")
    return {("train.jsonl", number + 1) for number in faulty}


def vocabulary(rng: random.Random) -> list[str]:
    """Return 4,000 words, a twentieth of them not ASCII."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(3800)]
    return words + [word + rng.choice(("é", "ü", "ñ", "ł", "ж", "日", "😀")) for word in words[:200]]


def make_row(rng: random.Random, words: Sequence[str], number: int) -> dict[str, object]:
    """Return a good row."""
    length = rng.randint(20, 400)
    text = " ".join(rng.choices(words, k=length // 6 + 1))[:length].strip()
    return {"id": f"r-{number:08d}", "text": text, "label": LABELS[number % 3],
            "domain": DOMAINS[number % 6]}


def spoiled(row: dict[str, object], fault: str,
            earlier: dict[str, object]) -> dict[str, object]:
    """Return a row with one fault."""
    return {**row, **{
        "null text": {"text": None}, "number as text": {"text": 123},
        "wrong label": {"label": "postive"}, "id twice": {"id": earlier["id"]},
        "text twice": {"text": earlier["text"], "label": earlier["label"]}}[fault]}


if __name__ == "__main__":
    main()
