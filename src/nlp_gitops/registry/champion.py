"""Registered versions that can be run again: the champion, and a named candidate.

No version in production is a fact (NONE). A version that is there and cannot be had is NotMeasured:
a comparison that could not be made must not read as a pass.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.names import ModelRef, Version
from nlp_gitops.core.project import Project
from nlp_gitops.model import Model, classes
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import ledger_of

# The class of a model that was made elsewhere: not run here, but its answers are on record.
EXTERNAL = "external"


@dataclass(frozen=True)
class Champion:
    """A registered version that can be run, or the reason why there is none.

    `status` is COMPARED, NOT_COMPARED (asked for) or NONE. With COMPARED there is a model, or, for
    one made elsewhere, the file of its answers to a test split.
    """

    status: str
    why: str
    version: str | None = None
    archive_sha256: str | None = None
    model: Model | None = None
    predictions: Path | None = None


NO_CHAMPION = Champion("NONE", "no version is in production")


@dataclass(frozen=True)
class Candidate:
    """A registered version that is to be judged again."""

    ref: ModelRef
    manifest: Mapping[str, Any]
    model: Model | None
    predictions: Path | None


def find(project: Project, model: str, choice: str, registry_name: str | None) -> Champion:
    """Return the champion of a model. `choice` is `auto`, `none` or `NAME@vX.Y.Z`."""
    if choice == "none":
        return Champion("NOT_COMPARED", "--champion none was given")
    snapshot = _snapshot(project, registry_name)
    ref = ModelRef.parse(choice) if choice != "auto" else in_production(snapshot, model)
    if ref is None:
        return NO_CHAMPION
    manifest = _manifest(snapshot, ref)
    loaded, answers = _load(project, registry_name, snapshot, ref, f"the champion {ref}")
    remark = (f"run again on the current test split; registered on {manifest['dataset_version']} "
              f"from commit {manifest['source_commit'][:7]}")
    if not loaded:
        remark = "its answers are those of its archive"
    if ref.name != model:
        remark = f"of {ref.name}, {remark}"
    return Champion("COMPARED", remark, ref.version.tag, manifest["artifacts"][0]["sha256"],
                    loaded, answers)


def candidate(project: Project, ref: ModelRef, registry_name: str | None) -> Candidate:
    """Return a registered version to be judged; raise NotMeasured if it cannot be had."""
    snapshot = _snapshot(project, registry_name)
    manifest = _manifest(snapshot, ref)
    return Candidate(ref, manifest, *_load(project, registry_name, snapshot, ref, str(ref)))


def registered_metrics(project: Project, model: str,
                       registry_name: str | None) -> Mapping[str, Any] | None:
    """Return the metrics that the version in production was registered with; None without one."""
    snapshot = _snapshot(project, registry_name)
    ref = in_production(snapshot, model)
    return snapshot.manifest(ref)["metrics"] if ref else None


def standing(project: Project, model: str, archive_sha256: str,
             registry_name: str | None) -> tuple[ModelRef | None, ModelRef | None]:
    """Return the version that holds an archive, and the one in production; None for neither."""
    snapshot = _snapshot(project, registry_name)
    tag = snapshot.by_archive(model, archive_sha256)
    return (ModelRef(model, Version.parse(tag)) if tag else None), in_production(snapshot, model)


def in_production(snapshot: Snapshot, model: str) -> ModelRef | None:
    """Return the version that production holds, or None."""
    state = snapshot.states().get(model)
    tag = state.stages.get("production") if state else None
    return ModelRef(model, Version.parse(tag)) if tag else None


def _snapshot(project: Project, name: str | None) -> Snapshot:
    """Return the newest ledger; an empty one where the default remote does not exist."""
    ledger = ledger_of(project, name)
    try:
        return Snapshot(ledger, ledger.fetch())
    except UsageError:
        if name:
            raise
        return Snapshot(ledger, None)


def _manifest(snapshot: Snapshot, ref: ModelRef) -> dict[str, Any]:
    try:
        return snapshot.manifest(ref)
    except UsageError as error:
        raise NotMeasured(str(error)) from None


def _load(project: Project, registry_name: str | None, snapshot: Snapshot, ref: ModelRef,
          what: str) -> tuple[Model | None, Path | None]:
    """Return the version's model, or the file of its answers if it was made elsewhere."""
    # Writing and fetching load much that judging stored predictions does not need.
    from nlp_gitops.registry.pull import cached
    from nlp_gitops.registry.remotes import connect

    try:
        store = connect(project, registry_name).store
        folder = cached(store, snapshot, ref, project.root / ".cache" / "models")
    except (CheckFailed, NotMeasured, UsageError, OSError) as error:
        raise NotMeasured(f"{what} cannot be had: {error}") from None
    return unpacked(folder, project.root, what)


def unpacked(folder: Path, root: Path, what: str) -> tuple[Model | None, Path | None]:
    """Return the model in a version's unpacked files, or the file of its answers."""
    kind = json.loads((folder / "model.json").read_text(encoding="utf-8"))["class"]
    if kind == EXTERNAL:
        return None, folder / "predictions.jsonl"
    try:
        found = classes.stored(kind, root, what)
    except UsageError as error:
        raise NotMeasured(f"{what} cannot be had: {error}; keep the class, or type --champion "
                          "none") from None
    try:
        return found.load(folder / "model"), None
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise NotMeasured(f"{what} cannot be had: it does not load with the present nlp/: "
                          f"{error}") from None
