"""A registry to practise in: a short-lived copy of the repository that holds one version twice.

The good one is a registered version; the bad one has the same model in another archive, so that it
passes every gate, and the harm is planted into its process.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nlp_gitops.core import files
from nlp_gitops.core.git import git
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.registry.connect import connect
from nlp_gitops.registry.operations import Registry, promote, register
from nlp_gitops.registry.packaging import Package, artifact, write_archive, write_package
from nlp_gitops.registry.pull import cached
from nlp_gitops.registry.reading import Snapshot

_GIVEN_BY_REGISTRY = ("version", "seq")


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
