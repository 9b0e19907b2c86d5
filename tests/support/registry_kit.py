"""Registries for drills: a team's bake with a bare origin, and versions that cost no training.

Versions are made elsewhere: a tiny file as the model, and perfect answers to the test split. The
gate judges the first one; the reports of the others are that report with their own digests in it.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from baking import bake, environment, git, once, run, tool, with_venv

from nlp_gitops.core.files import sha256_bytes, sha256_file, sha256_tree
from nlp_gitops.registry.packaging import checksums

NAME = "review-sentiment"
GATES = """\
gates_version: 1
gates:
  - {id: quality, metric: f1_macro, min: 0.8, why: stored answers have no latency}
"""


def team(folder: Path, venv: Path) -> Path:
    """Return a bake whose origin is a bare repository made by `init-remote`, in the same folder."""
    def make(first: Path) -> None:
        project = with_venv(bake(first), venv)
        tool(project, "registry", "init-remote", str(first / "origin.git"))
        git(project, "remote", "add", "origin", str(first / "origin.git"))
        git(project, "push", "--quiet", "origin", "main", "registry")

    return with_venv(copied(once("team", make), folder), venv)


def copied(folder: Path, target: Path) -> Path:
    """Copy a team's folder with everything in it; return the project in the copy."""
    shutil.copytree(folder, target, symlinks=True, dirs_exist_ok=True)
    project = target / NAME
    git(project, "remote", "set-url", "origin", str(target / "origin.git"))
    return project


def team_with_models(venv: Path) -> Path:
    """Return the folder, to be copied, of a team with two models made elsewhere."""
    def make(folder: Path) -> None:
        project = team(folder, venv)
        for number in range(2):
            elsewhere(project, number)

    return once("team-with-models", make)


def team_with_a_version(venv: Path) -> Path:
    """Return the folder, to be copied, of a team with v1.0.0 in staging and a model that waits."""
    def make(folder: Path) -> None:
        project = team(folder, venv)
        register(project, 0)
        elsewhere(project, 1)

    return once("team-with-a-version", make)


def team_with_two_versions(venv: Path) -> Path:
    """Return the folder, to be copied, of a team with v1.0.0 in production, v1.0.1 in staging.

    These are events 1 to 5.
    """
    def make(folder: Path) -> None:
        project = team(folder, venv)
        register(project, 0)
        tool(project, "promote", "@staging", "--to", "production", "--registry", "origin")
        register(project, 1)
        assert verify(project) == []

    return once("team-with-two-versions", make)


def elsewhere(project: Path, number: int) -> Path:
    """Return a folder with a model made elsewhere; each number is another model."""
    folder = project.parent / f"made-{number}"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights.bin").write_text(f"model {number}\n" * 100)
    rows = [json.loads(line) for line in (project / "data" / "test.jsonl").read_text().splitlines()]
    (folder / "predictions.jsonl").write_text("".join(
        json.dumps({"id": row["id"], "label": row["label"], "prediction": row["label"]}) + "\n"
        for row in rows))
    (folder / "manifest.json").write_text(json.dumps({
        "name": NAME, "description": "made elsewhere", "task": "text-classification",
        "language": "en", "license": "internal", "owner": "drill",
        "labels": ["negative", "neutral", "positive"], "dataset_version": "elsewhere-v1",
        "dataset_sha256": "0" * 64, "prompt_version": "n/a", "tags": {"n": str(number)},
        "source_commit": git(project, "rev-parse", "HEAD")}))
    _evaluate(project, folder)
    return folder


def _evaluate(project: Path, folder: Path) -> None:
    """Let the gate judge the first folder of a project, and tell its verdict of the others."""
    first = project.parent / "first-report.json"
    if not first.exists():
        gates = project.parent / "gates.yaml"
        gates.write_text(GATES)
        tool(project, "eval_gate", "--from", str(folder), "--champion", "none",
             "--gates", str(gates))
        shutil.copy(folder / "evaluation" / "report.json", first)
    (folder / "evaluation").mkdir(exist_ok=True)
    report = about(json.loads(first.read_text()), sha256_tree(folder / "model"), None)
    (folder / "evaluation" / "report.json").write_text(json.dumps(report))


def about(report: dict, model_sha256: str, champion_sha256: str | None) -> dict:
    """Return a report as the gate would write it about another model and champion."""
    lineage = {**report["lineage"], "model_sha256": model_sha256,
               "champion": "champion" if champion_sha256 else None,
               "champion_sha256": champion_sha256}
    return {**report, "lineage": lineage}


def against_champion(project: Path, report: Path, registry: str = "origin") -> None:
    """Let a report compare with the version that is in production now."""
    value = json.loads(report.read_text())
    value = about(value, value["lineage"]["model_sha256"], champion_sha256(project, registry))
    report.write_text(json.dumps(value))


def champion_sha256(project: Path, registry: str = "origin") -> str | None:
    """Return the digest of the archive in production, read from the ledger with plain git."""
    bare = origin(project) if registry == "origin" else project / ".registry" / "registry.git"
    shown = run("git", "show", f"registry:models/{NAME}/state.json", cwd=project,
                env=environment(GIT_DIR=str(bare)), check=False)
    if shown.returncode:
        return None
    state = json.loads(shown.stdout)
    held = state["stages"].get("production")
    return next((item["archive_sha256"] for item in state["versions"]
                 if item["version"] == held), None)


def register(project: Path, number: int, registry: str = "origin") -> str:
    """Register a model made elsewhere; return its version."""
    folder = elsewhere(project, number)
    against_champion(project, folder / "evaluation" / "report.json", registry)
    done = tool(project, "push_to_registry", "--from", str(folder), "--registry", registry,
                "--json")
    return json.loads(done.stdout)["version"]


def register_archive(project: Path, archive: Path, model: dict[str, bytes]) -> str:
    """Register an archive just as it is, with a manifest and digests that fit it.

    `model` says which files the manifest claims to be in it. This is what an attacker can do who
    may write to the registry.
    """
    elsewhere(project, 9000)
    folder, dist = project.parent / "made-9000", project / "dist" / NAME
    against_champion(project, folder / "evaluation" / "report.json")
    tool(project, "push_to_registry", "--from", str(folder), "--registry", "local")
    manifest = json.loads((dist / "manifest.json").read_text())
    claimed = project.parent / "claimed"
    for name, data in model.items():
        (claimed / name).parent.mkdir(parents=True, exist_ok=True)
        (claimed / name).write_bytes(data)
    manifest["model_sha256"] = sha256_tree(claimed)
    shutil.copy(archive, dist / f"{NAME}.tar")
    manifest["artifacts"] = [{"name": f"{NAME}.tar", "size": archive.stat().st_size,
                              "sha256": sha256_file(archive)}]
    report = json.loads((dist / "report.json").read_text())
    (dist / "report.json").write_text(json.dumps(about(
        report, manifest["model_sha256"], champion_sha256(project))))
    (dist / "manifest.json").write_text(json.dumps(manifest))
    names = [path.name for path in dist.iterdir() if path.name != "SHA256SUMS"]
    (dist / "SHA256SUMS").write_text(checksums(
        {name: sha256_bytes((dist / name).read_bytes()) for name in names}))
    return json.loads(tool(project, "push_to_registry", "--registry", "origin",
                           "--json").stdout)["version"]


def origin(project: Path) -> Path:
    """Return the bare repository of a team."""
    return project.parent / "origin.git"


def artifacts(project: Path) -> Path:
    """Return the artifact folder of a team."""
    return project.parent / "origin-artifacts"


def stages(project: Path, registry: str = "origin") -> dict[str, str]:
    """Return which version is in which stage."""
    shown = json.loads(tool(project, "registry", "show", "--json", "--registry", registry).stdout)
    return shown[NAME]["stages"] if shown else {}


def verify(project: Path, *options: str, registry: str = "origin") -> list[dict]:
    """Return the faults that `registry.py verify` finds; its exit code must say the same."""
    done = tool(project, "registry", "verify", "--json", "--registry", registry, *options,
                check=False)
    assert done.stderr == "" and done.returncode in (0, 1), done.stderr
    faults = json.loads(done.stdout)["faults"]
    assert done.returncode == bool(faults)
    return faults


def codes(faults: Iterable[dict]) -> list[str]:
    """Return the codes of faults in their order, each once."""
    return list(dict.fromkeys(fault["code"] for fault in faults))


def rewrite(project: Path, work: Path, *commands: str) -> None:
    """Change the ledger behind the hook's back: shell commands in a clone, then straight in."""
    clone = work / "ledger"
    run("git", "clone", "--quiet", "--branch", "registry", origin(project), clone, cwd=work)
    git(clone, "config", "user.name", "mallory")
    git(clone, "config", "user.email", "mallory@localhost")
    # Whoever forges well also keeps the time.
    env = environment(GIT_COMMITTER_DATE=git(clone, "log", "-1", "--format=%cI"))
    for command in commands:
        run("sh", "-ec", command, cwd=clone, env=env)
    git(origin(project), "fetch", "--quiet", "--no-tags", str(clone), "+registry:registry")


def annotated(project: Path, name: str, target: str, message: str) -> None:
    """Put an annotated tag straight into the bare repository."""
    git(origin(project), "-c", "user.name=mallory", "-c", "user.email=m@localhost", "tag", "-f",
        "-a", name, target, "-m", message)
