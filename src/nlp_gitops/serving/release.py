"""Which model version answers requests, and from what it was made."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import CheckFailed, UsageError
from nlp_gitops.core.names import ModelRef, Version
from nlp_gitops.core.project import Project
from nlp_gitops.model import Model
from nlp_gitops.registry.champion import candidate, unpacked
from nlp_gitops.registry.operations import resolve
from nlp_gitops.registry.pull import is_whole
from nlp_gitops.registry.remotes import connect


@dataclass(frozen=True)
class Release:
    """A registered version as the service names it. `variant` is the role of this process."""

    model: str
    version: str
    dataset: str
    prompt: str
    archive_sha256: str
    source_commit: str
    labels: tuple[str, ...]
    variant: str

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def find(project: Project, text: str | None, registry_name: str | None) -> ModelRef:
    """Return the version that `NAME`, `NAME@STAGE` or `NAME@vX.Y.Z` names.

    A name alone means the version in production, nothing means the first model of project.yaml.
    """
    text = text or project.model().name
    wanted = text if "@" in text else f"{text}@production"
    return resolve(connect(project, registry_name).snapshot(), wanted, project.model().name)


def load(project: Project, ref: ModelRef, registry_name: str | None,
         variant: str) -> tuple[Release, Model]:
    """Return a version and its model, every byte verified; raise NotMeasured if it cannot be had.

    Raises UsageError for a model that was made elsewhere: its class is not in `nlp/`.
    """
    found = candidate(project, ref, registry_name)
    return release_of(ref, found.manifest, variant), _own(ref, found.model)


def load_folder(folder: Path, root: Path, variant: str) -> tuple[Release, Model]:
    """Return the version that `registry.py pull` wrote to a folder; no registry is asked.

    Raises UsageError if there is none, CheckFailed if its model is not the one of its manifest.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        ref = ModelRef(manifest["name"], Version.parse(manifest["version"]))
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder}: no version is here: {error!r}; type: python tools/registry.py "
                         f"pull NAME@vX.Y.Z --out {folder}") from None
    if not is_whole(folder, manifest):
        raise CheckFailed(f"{folder}: its model is not the one that its manifest names")
    model, _ = unpacked(folder, root, str(ref))
    return release_of(ref, manifest, variant), _own(ref, model)


def _own(ref: ModelRef, model: Model | None) -> Model:
    if model is None:
        raise UsageError(f"{ref} was made elsewhere, and no class of nlp/ can load "
                         "it; add one, and register a version of that class")
    return model


def release_of(ref: ModelRef, manifest: Mapping[str, Any], variant: str) -> Release:
    """Return what a version's manifest says of it."""
    return Release(
        model=ref.name, version=ref.version.tag, dataset=manifest["dataset_version"],
        prompt=manifest["prompt_version"], archive_sha256=manifest["artifacts"][0]["sha256"],
        source_commit=manifest["source_commit"], labels=tuple(manifest["labels"]),
        variant=variant)
