"""The incident drill: a bad version is in production of a scratch registry; find it, go back.

The good one is a registered version; the bad one has the same model in another archive, so that it
passes every gate, and the harm is planted into its process.

All of it happens in a copy of the repository with a registry of its own, on this machine.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nlp_gitops.core import files
from nlp_gitops.core.errors import CheckFailed
from nlp_gitops.core.git import git
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.deploy import care, command, processes, report, state
from nlp_gitops.deploy.counts import of_service
from nlp_gitops.deploy.drill import Traffic, answers_only, wait_for
from nlp_gitops.deploy.judge import Course, decide, look
from nlp_gitops.deploy.place import folder_of
from nlp_gitops.incidents import facts, pages
from nlp_gitops.registry.operations import Registry, promote, register, rollback
from nlp_gitops.registry.packaging import Package, artifact, write_archive, write_package
from nlp_gitops.registry.pull import cached
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import connect

_GIVEN_BY_REGISTRY = ("version", "seq")
FAULT = "errors=0.3"
_CALM_ANSWERS = 200
_LOOK_SECONDS, _PATIENCE_SECONDS = 0.5, 60.0
_PAUSE_SECONDS = 0.01


@contextmanager
def copied(project: Project) -> Iterator[Project]:
    """Yield the project as it is committed, in a folder that vanishes, with no registry yet."""
    with TemporaryDirectory(prefix="drill-") as name:
        root = Path(name) / "repository"
        git(project.root, "clone", "--quiet", "--no-tags", str(project.root), str(root))
        Path(name).chmod(0o755)
        found = load_project(root)
        # A copy has no protected branch, and nobody's promotions are frozen here.
        yield replace(found, registry=replace(found.registry, protected_branch=None, sign=False,
                                              frozen=None))


def stocked(project: Project, scratch: Project, snapshot: Snapshot,
            ref: ModelRef, registry: str | None) -> tuple[Registry, ModelRef]:
    """Return the scratch registry with the version in production, and that version's name there."""
    store = connect(project, registry).store
    source = cached(store, snapshot, ref, project.root / ".cache" / "models")
    papers = snapshot.papers(ref)
    report = json.loads(papers["report.json"])
    found = connect(scratch, "local")
    good = _added(scratch, found, source, json.loads(papers["manifest.json"]), report, {})
    return found, good


def with_bad(scratch: Project, registry: Registry, good: ModelRef) -> ModelRef:
    """Register the same model again in another archive, put it into production, return it."""
    snapshot = registry.snapshot()
    source = cached(registry.store, snapshot, good, scratch.root / ".cache" / "models")
    papers = snapshot.papers(good)
    report = json.loads(papers["report.json"])
    report["lineage"] |= {"champion": str(good),
                          "champion_sha256": snapshot.version(good).archive_sha256}
    note = scratch.root / "drill.txt"
    note.write_text("the bad version of a drill\n", encoding="utf-8")
    return _added(scratch, registry, source, json.loads(papers["manifest.json"]), report,
                  {"drill.txt": note})


def _added(scratch: Project, registry: Registry, source: Path, manifest: dict[str, Any],
           report: dict[str, Any], more: dict[str, Path]) -> ModelRef:
    package = _package(scratch.root, source, manifest, report, more)
    test_sha256 = report["lineage"]["test_sha256"]
    done = register(registry, package, test_sha256)
    ref = ModelRef.parse(f"{manifest['name']}@{done.version}")
    promote(registry, ref, "production", test_sha256)
    return ref


def _package(root: Path, source: Path, manifest: dict[str, Any], report: dict[str, Any],
             more: dict[str, Path]) -> Package:
    kept = {key: value for key, value in manifest.items() if key not in _GIVEN_BY_REGISTRY}

    def fill(draft: Path) -> dict[str, Any]:
        archive = draft / f"{manifest['name']}.tar"
        about = json.loads((source / "model.json").read_text(encoding="utf-8"))
        write_archive(about, source / "model", archive, more)
        files.write_json(draft / "report.json", report)
        return {**kept, "artifacts": [artifact(archive)]}

    shutil.rmtree(root / "dist", ignore_errors=True)
    return write_package(root, manifest["name"], fill)


@dataclass(frozen=True)
class Noticed:
    """When the first answer failed, when that was noticed, and by what."""

    first: datetime
    at: datetime
    why: str

    @property
    def seconds(self) -> float:
        """Return the time to detect."""
        return (self.at - self.first).total_seconds()


class Stage:
    """The copy in which the drill happens; its deploys leave reports as real ones do."""

    def __init__(self, project: Project, say: Callable[[str], None]) -> None:
        self.project, self.say = project, say
        self.port = processes.free_port()
        self._number = 0

    def deploy(self, fault: str | None = None) -> None:
        """Deploy what the registry says; raise CheckFailed if that does not work."""
        order = command.Order("production", stage="production", registry="local", port=self.port,
                              fault=fault, records=True)
        found = command.carry_out(self.project, order, command.Story(self.say))
        self._number += 1
        files.write_json(self.project.root / "reports" / f"{self._number}.json", found)
        if found["verdict"] != "PASS":
            raise CheckFailed(f"the drill could not deploy: {found['why']}")

    def traffic(self) -> Traffic:
        """Return load through the proxy, with the texts of the test split."""
        return Traffic(f"http://127.0.0.1:{self.port}", command.texts(self.project),
                       pause=_PAUSE_SECONDS)

    def slots(self) -> tuple[str, str]:
        """Return the addresses of the process that was replaced, and of the one in service."""
        now = state.load(folder_of(self.project, "production"))
        assert now and now.serving
        return now.slots[now.spare()].url, now.slots[now.serving].url


@contextmanager
def _stage(project: Project, say: Callable[[str], None]) -> Iterator[Stage]:
    with copied(project) as copy:
        try:
            yield Stage(copy, say)
        finally:
            care.stop(copy, "production", say)


def drill(project: Project, version: str | None, registry: str | None,
          say: Callable[[str], None]) -> dict[str, Any]:
    """Run it with a registered version; return what was measured, and where the pages are.

    Raises CheckFailed if nobody noticed within a minute.
    """
    began = time.monotonic()
    snapshot = connect(project, registry).snapshot()
    ref = command.drilled(snapshot, version, project.model().name)
    with _stage(project, say) as stage:
        ledger, good = stocked(project, stage.project, snapshot, ref, registry)
        stage.deploy()
        with stage.traffic() as traffic:
            wait_for(lambda: traffic.tally.answered >= _CALM_ANSWERS)
        bad = with_bad(stage.project, ledger, good)
        say(f"injected: {bad} passed every gate; its answers begin to fail ({FAULT})")
        stage.deploy(FAULT)
        with stage.traffic() as traffic:
            noticed = _noticed(stage, traffic)
            say(f"noticed {noticed.seconds:.1f} s after the first failed answer: {noticed.why}")
            restored = _back(stage, ledger, good, noticed)
            is_over = answers_only(traffic)
        say(f"back on {good} {restored:.1f} s later")
        tally = traffic.tally.record()
        measured = (f"noticed {noticed.seconds:.1f} s after the first failed answer",
                    f"restored {restored:.1f} s after that",
                    f"{tally['failed']} of {tally['failed'] + tally['answered']} requests failed")
        paths = _written(project, stage.project, good, noticed, measured, say)
    return {"schema": report.DRILL_SCHEMA, "kind": "incident", "version": str(ref),
            "verdict": "PASS" if is_over else "FAIL", "seconds": round(time.monotonic() - began, 1),
            "detect_seconds": round(noticed.seconds, 2), "restore_seconds": round(restored, 2),
            "requests": tally, **{name: str(path) for name, path in paths.items()}}


def _noticed(stage: Stage, traffic: Traffic) -> Noticed:
    """Look at the new version beside the one it replaced, as `tools/canary.py --once` does."""
    old, new = stage.slots()
    wait_for(lambda: bool(traffic.tally.failed), _PATIENCE_SECONDS)
    first = _now()
    while _now() - first < timedelta(seconds=_PATIENCE_SECONDS):
        time.sleep(_LOOK_SECONDS)
        _, decision = decide(look(Course(), of_service(old), of_service(new)))
        if decision.verdict == "FAIL":
            return Noticed(first, _now(), decision.why)
    raise CheckFailed(f"nobody noticed {FAULT} within {_PATIENCE_SECONDS:g} s")


def _back(stage: Stage, registry: Registry, good: ModelRef, noticed: Noticed) -> float:
    """Roll back in the registry, deploy what it says; return the seconds that it took."""
    began = time.monotonic()
    for event in rollback(registry, good.name, f"drill: {noticed.why}").events:
        stage.say(f"ledger #{event.seq}: {event.subject}")
    stage.deploy()
    return time.monotonic() - began


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _written(project: Project, copy: Project, good: ModelRef, noticed: Noticed,
             measured: tuple[str, ...], say: Callable[[str], None]) -> dict[str, Path]:
    known = facts.gather(copy, "local", good.name, [copy.root / "reports"],
                         _now() - timedelta(hours=1), _now())
    known = replace(known, seen=((noticed.first, "the first answer failed"),
                                 (noticed.at, f"noticed: {noticed.why}")))
    found = {
        "incident": pages.incident(project, known, None, f"drill: {noticed.why}", "SEV4", None),
        "post_mortem": pages.post_mortem(project, known, measured)}
    paths = {}
    for name, page in found.items():
        paths[name] = project.root / "reports" / "drill" / f"{name.replace('_', '-')}.md"
        files.write_atomic(paths[name], f"# {page.title}\n\n{page.text}")
        say(f"{page.title.partition(':')[0].lower()}: {paths[name].relative_to(project.root)}")
    for moment in facts.moments(known, str):
        say("  " + moment.line[2:].replace("`", "").replace("**", ""))
    return paths
