"""The registry at 100 to 100,000 events, beside gto and plain git; archives of 1 GiB.

BENCH_PYTHON names an interpreter that has a project's packages, so that nothing is installed.
BENCH_EVENTS lists other sizes; BENCH_LEDGERS is a folder that keeps the generated ledgers, because
the largest takes a quarter of an hour. gto is asked up to 10,000 events, and stopped after three
minutes.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from benchmarks.baked import bake, interpreter
from benchmarks.ledger_maker import BRANCH, Maker, differing_states
from benchmarks.measure import Cost, cost, machine
from nlp_gitops.core.files import sha256_tree
from nlp_gitops.registry.packaging import artifact, write_archive, write_package

NAME = "review-sentiment"
MODELS = (NAME, "intent", "topic", "toxicity")
PAPERS = ("manifest.json", "metrics.json", "MODEL_CARD.md", "report.json")
SIZES = tuple(map(int, os.environ.get("BENCH_EVENTS", "100 1000 10000 100000").split()))
GTO_EVENTS, GTO_SECONDS = 10_000, 180
RUNS = 5
FIELDS = ("%(refname) %(objectname) %(*objectname) %(taggername) %(taggerdate:iso-strict) "
          "%(contents)")
# As people run the commands: compiled modules are kept.
USUAL = {"PYTHONDONTWRITEBYTECODE": "", "GIT_CONFIG_GLOBAL": os.devnull}


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory(prefix="bench-registry-") as folder:
        work = Path(folder)
        project, python = packed_project(work)
        papers = {name: (project / "dist" / NAME / name).read_bytes() for name in PAPERS}
        print(f"\n## Registry ({machine()}; median of {RUNS} runs)\n")
        print(f"The interpreter's own start: {shown(median([python, '-c', 'pass'], work))}.\n")
        print("| events | what | wall s | CPU s | peak MiB |\n|---:|---|---:|---:|---:|")
        for events in SIZES:
            ledger(work / str(events), events, project, python, papers)
        archives(work, project, python)


def packed_project(work: Path) -> tuple[Path, Path]:
    """Generate a project with one packed model; return it and the interpreter for its tools."""
    project = bake(work)
    python = interpreter(project)
    for tool in ("train", "eval_gate", "pack_model"):
        done = cost([python, f"tools/{tool}.py"], project, USUAL)
        if done.code:
            sys.exit(f"error: {tool} ended with {done.code}")
    return project, python


def ledger(folder: Path, events: int, pattern: Path, python: Path,
           papers: Mapping[str, bytes]) -> None:
    """Measure every command on a ledger of that many events."""
    bare, project = folder / "origin.git", folder / NAME
    kept = Path(os.environ.get("BENCH_LEDGERS") or folder) / f"{events}.git"
    if not kept.exists():
        generate(kept, events, papers)
    subprocess.run(["git", "clone", "--quiet", "--mirror", kept, bare], check=True)
    shutil.copytree(pattern, project, symlinks=True)
    git(project, "remote", "add", "origin", str(bare))
    git(project, "push", "--quiet", "origin", "main")

    def tool(name: str, *words: str) -> list[str | Path]:
        return [python, f"tools/{name}.py", *words, "--registry", "origin"]

    def row(what: str, used: Cost) -> None:
        note = "" if used.code == 0 else f" (exit {used.code})"
        print(f"| {events:,} | {what}{note} | {used.wall:.3f} | {used.cpu:.3f} | {used.peak:.0f} |",
              flush=True)

    row("git for-each-ref, all fields of all tags",
        median(["git", "for-each-ref", f"--format={FIELDS}", "refs/tags"], bare))
    row("first show, fetching the ledger", cost(tool("registry", "show"), project, USUAL))
    row("repeated fetch alone", median(
        ["git", "fetch", "--quiet", "--no-tags", "--refmap=", "origin", BRANCH], project))
    row("show", median(tool("registry", "show"), project))
    row("history NAME", median(tool("registry", "history", NAME), project))
    row("history NAME --all --json", cost(tool("registry", "history", NAME, "--json"), project,
                                          USUAL))
    row("push_to_registry", cost(with_champion(project, bare, tool("push_to_registry")), project,
                                 USUAL))
    row("promote", promotions(project, bare, tool))
    if events <= GTO_EVENTS:
        gto(bare, folder, row)
    shutil.rmtree(folder)


def generate(bare: Path, events: int, papers: Mapping[str, bytes]) -> None:
    """Write a ledger into a new bare repository."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", bare], check=True)
    Maker(bare, MODELS, papers).write(events)
    if list(differing_states(bare, MODELS)):
        sys.exit("error: the generated ledger is not what the registry writes")


def with_champion(project: Path, bare: Path, command: Sequence[str | Path]) -> Sequence[str | Path]:
    """Let the packed model's report compare with the generated champion; return the command."""
    dist = project / "dist" / NAME
    (dist / "report.json").write_text(json.dumps(evidence(project, bare)))
    sums = (dist / "SHA256SUMS").read_text().splitlines()
    digest = sha256((dist / "report.json").read_bytes()).hexdigest()
    (dist / "SHA256SUMS").write_text("".join(
        f"{digest}  report.json\n" if line.endswith("  report.json") else f"{line}\n"
        for line in sums))
    return command


def evidence(project: Path, bare: Path) -> dict[str, object]:
    """Return the packed model's report as if its gate had met the ledger's champion."""
    report = json.loads((project / "dist" / NAME / "report.json").read_text())
    state = json.loads(git(bare, "show", f"{BRANCH}:models/{NAME}/state.json"))
    tag = state["stages"]["production"]
    champion = next(item for item in state["versions"] if item["version"] == tag)
    report["lineage"].update(champion=tag, champion_sha256=champion["archive_sha256"])
    return report


def promotions(project: Path, bare: Path, tool: Callable[..., list[str | Path]]) -> Cost:
    """Return the median cost of promoting the registered model through its stages and back."""
    state = json.loads(git(bare, "show", f"{BRANCH}:models/{NAME}/state.json"))
    ref = f"{NAME}@{state['stages']['staging']}"
    stages = ("shadow", "archived", "staging", "shadow", "production")
    return middle([cost(tool("promote", ref, "--to", stage), project, USUAL) for stage in stages])


def gto(bare: Path, folder: Path, row: Callable[[str, Cost], None]) -> None:
    """Measure gto on a clone that has all tags."""
    clone = folder / "gto"
    git(folder, "clone", "--quiet", "--no-checkout", str(bare), str(clone))
    git(clone, "fetch", "--quiet", "--tags", "origin")
    git(clone, "pack-refs", "--all")
    for words in (("show",), ("history", NAME)):
        command = ["timeout", str(GTO_SECONDS), Path(sys.executable).with_name("gto"), *words]
        row(f"gto {' '.join(words)}".replace(NAME, "NAME"), cost(command, clone, USUAL))


def archives(work: Path, project: Path, python: Path) -> None:
    """Measure registering and pulling 1 GiB, beside sha256sum and cp of the same file."""
    print("\n### An archive of 1 GiB in the folder store\n")
    print("| what | wall s | CPU s | peak MiB |\n|---|---:|---:|---:|")
    archive = large_package(work, project)
    plain = f"sha256sum {archive} && cp {archive} copy.bin && sync copy.bin"
    commands = {
        "sha256sum + cp + sync": ["sh", "-c", plain],
        "push_to_registry": [python, "tools/push_to_registry.py"],
        "registry.py pull": [python, "tools/registry.py", "pull", f"{NAME}@v1.0.0"]}
    rows: dict[str, list[Cost]] = {what: [] for what in commands}
    for _ in range(3):
        for made in (".registry", "pulled", "copy.bin"):
            subprocess.run(["rm", "-rf", project / made], check=True)
        for what, command in commands.items():
            rows[what].append(cost(command, project, USUAL))
    for what, costs in rows.items():
        used = middle(costs)
        note = "" if used.code == 0 else f" (exit {used.code})"
        print(f"| {what}{note} | {used.wall:.2f} | {used.cpu:.2f} | {used.peak:.0f} |", flush=True)


def large_package(work: Path, project: Path) -> Path:
    """Give the packed model an archive of 1 GiB; return the archive."""
    dist = project / "dist" / NAME
    manifest, report = (json.loads((dist / name).read_text())
                        for name in ("manifest.json", "report.json"))
    (work / "model").mkdir()
    with open(work / "model" / "weights.bin", "wb") as stream:
        for _ in range(1024):
            stream.write(os.urandom(1 << 20))
    digest = sha256_tree(work / "model")
    report["lineage"]["model_sha256"] = digest

    def fill(draft: Path) -> dict[str, object]:
        archive = draft / f"{NAME}.tar"
        write_archive({"class": "external"}, work / "model", archive)
        (draft / "report.json").write_text(json.dumps(report))
        return {**manifest, "model_sha256": digest, "artifacts": [artifact(archive)]}

    write_package(project, NAME, fill)
    shutil.rmtree(work / "model")
    return dist / f"{NAME}.tar"


def median(command: Sequence[str | Path], cwd: Path) -> Cost:
    """Return the middle cost of several runs; the first one compiles modules and is left out."""
    return middle([cost(command, cwd, USUAL) for _ in range(RUNS + 1)][1:])


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the medians of wall, CPU and peak; any failure shows in the exit code."""
    return Cost(*(statistics.median(getattr(item, name) for item in costs)
                  for name in ("wall", "cpu", "peak")), max(item.code for item in costs))


def shown(used: Cost) -> str:
    """Return a cost as text."""
    return f"{used.wall:.3f} s wall, {used.cpu:.3f} s CPU, {used.peak:.0f} MiB"


def git(folder: Path, *words: str) -> str:
    """Run git and return what it prints."""
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True,
                          text=True).stdout


if __name__ == "__main__":
    main()
