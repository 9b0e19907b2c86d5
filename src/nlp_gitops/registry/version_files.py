"""The papers of a version in the ledger, compared with its register event."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nlp_gitops.core.errors import CheckFailed
from nlp_gitops.core.files import sha256_bytes
from nlp_gitops.registry.events import Event, VersionState
from nlp_gitops.registry.operations import version_state
from nlp_gitops.registry.packaging import check_lineage
from nlp_gitops.registry.reading import archive_path, manifest_from_json
from nlp_gitops.registry.walk import Change, Objects

_BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError)


def manifest_of(objects: Objects, event: Event,
                changes: Mapping[str, Change]) -> dict[str, Any] | None:
    """Return the manifest that a register event's commit wrote; None if it is not usable."""
    data = _paper(objects, event, changes, "manifest.json")
    try:
        return manifest_from_json((data or b"").decode())
    except ValueError:
        return None


def registered_state(objects: Objects, event: Event,
                     changes: Mapping[str, Change]) -> VersionState | None:
    """Return the version as the state must show it; its time of registration is the state's own."""
    manifest = manifest_of(objects, event, changes)
    if manifest is None:
        return None
    data = _paper(objects, event, changes, "manifest.json")
    found = version_state(manifest, event.version, event.seq, sha256_bytes(data or b""))
    try:
        stored = changes[f"models/{event.model}/state.json"]
        shown = json.loads(objects.text(stored.blob))["versions"][0]["registered"]
    except _BROKEN:
        return found
    return replace(found, registered=shown)


def paper_faults(objects: Objects, event: Event, changes: Mapping[str, Change]) -> Iterator[str]:
    """Yield what does not fit between a register event and the version's papers."""
    data = _paper(objects, event, changes, "manifest.json")
    if data is None:
        return
    manifest = manifest_of(objects, event, changes)
    if manifest is None:
        yield f"the manifest of {event.version} is not readable"
        return
    if sha256_bytes(data) != event.manifest_sha256:
        yield f"the manifest of {event.version} is not the one that its event names"
    about = (manifest.get("name"), manifest.get("version"), manifest.get("seq"))
    if about != (event.model, event.version, event.seq):
        yield f"the manifest of {event.version} is about another version: {about}"
    try:
        check_lineage(manifest)
    except CheckFailed as error:
        yield f"{event.version}: {error}"
    yield from _sums(objects, event, changes, manifest)
    index = changes.get(archive_path(event.model, manifest["artifacts"][0]["sha256"]))
    if index and objects.text(index.blob) != f"{event.version}\n":
        yield f"{index.path} names another version than {event.version}"


def _sums(objects: Objects, event: Event, changes: Mapping[str, Change],
          manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield each paper, and each archive, whose digest SHA256SUMS does not hold."""
    listed = _paper(objects, event, changes, "SHA256SUMS") or b""
    lines = set(listed.decode("utf-8", "replace").splitlines())
    digests = {item.get("name"): item.get("sha256") for item in manifest["artifacts"]}
    for name in ("manifest.json", "metrics.json", "MODEL_CARD.md"):
        data = _paper(objects, event, changes, name)
        if data is not None:
            digests[name] = sha256_bytes(data)
    for name, digest in digests.items():
        if f"{digest}  {name}" not in lines:
            yield f"SHA256SUMS of {event.version} does not fit {name}"


def _paper(objects: Objects, event: Event, changes: Mapping[str, Change],
           name: str) -> bytes | None:
    stored = changes.get(f"models/{event.model}/{event.version}/{name}")
    return objects.read(stored.blob)[1] if stored and stored.status != "D" else None
