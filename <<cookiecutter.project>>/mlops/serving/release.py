"""Which model version answers requests, and from what it was made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mlops.champion import candidate
from mlops.errors import UsageError
from mlops.names import ModelRef
from mlops.project import Project
from mlops.registry.connect import connect
from mlops.registry.operations import resolve
from nlp.model import Model


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
    if found.model is None:
        raise UsageError(f"{ref} was made elsewhere, and nlp/model.py has no class that can load "
                         "it; add one, and register a version of that class")
    return release_of(ref, found.manifest, variant), found.model


def release_of(ref: ModelRef, manifest: Mapping[str, Any], variant: str) -> Release:
    """Return what a version's manifest says of it."""
    return Release(
        model=ref.name, version=ref.version.tag, dataset=manifest["dataset_version"],
        prompt=manifest["prompt_version"], archive_sha256=manifest["artifacts"][0]["sha256"],
        source_commit=manifest["source_commit"], labels=tuple(manifest["labels"]),
        variant=variant)
