"""Reading the ledger: states, versions and events, all from one commit, so always consistent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.errors import CheckFailed, UsageError
from mlops.names import ModelRef
from mlops.registry.events import (Event, State, VersionState, event_path, parse_event,
                                   report_path, state_from_json)
from mlops.registry.ledger import Ledger
from mlops.registry.store import Asset, Release

PAPERS = ("manifest.json", "metrics.json", "MODEL_CARD.md", "SHA256SUMS")


@dataclass(frozen=True)
class Snapshot:
    """The ledger at one commit. `commit` is None where there is no ledger yet."""

    ledger: Ledger
    commit: str | None

    def states(self) -> dict[str, State]:
        """Return the state of every model."""
        if self.commit is None:
            return {}
        names = self.ledger.names(self.commit, "models")
        blobs = self.ledger.read_all(self.commit, [f"models/{name}/state.json" for name in names])
        return {name: _state(name, blob) for name, blob in zip(names, blobs, strict=True)}

    def manifest(self, ref: ModelRef) -> dict[str, Any]:
        """Return the manifest of a registered version; raise UsageError if it is none."""
        return json.loads(self.papers(ref)["manifest.json"])

    def papers(self, ref: ModelRef) -> dict[str, bytes]:
        """Return the small files of a version, report.json included."""
        folder = f"models/{ref.name}/{ref.version.tag}"
        blobs = self._all([f"{folder}/{name}" for name in PAPERS])
        if blobs[0] is None:
            raise UsageError(f"{ref} is not registered; {self._known(ref.name)}")
        found = {name: blob for name, blob in zip(PAPERS, blobs, strict=True) if blob is not None}
        seq = json.loads(found["manifest.json"]).get("seq", 0)
        report = self.report(ref.name, seq + 1)
        return {**found, **({"report.json": report} if report is not None else {})}

    def version(self, ref: ModelRef) -> VersionState:
        """Return what is known of a version, however old; raise UsageError if it is none."""
        state = self.states().get(ref.name)
        return self.version_in(state or State(ref.name), ref)

    def version_in(self, state: State, ref: ModelRef) -> VersionState:
        """Return a version: from the state, or, if it is not among the newest, from its folder."""
        found = state.find(ref.version.tag)
        if found is None:
            blob = self._all([f"models/{ref.name}/{ref.version.tag}/version.json"])[0]
            if blob is None:
                raise UsageError(f"{ref} is not registered; {self._known(ref.name)}")
            found = VersionState(**json.loads(blob))
        return found

    def by_archive(self, name: str, archive_sha256: str) -> str | None:
        """Return the version that holds an archive, however old; None if none does."""
        blob = self._all([archive_path(name, archive_sha256)])[0]
        return blob.decode().strip() if blob is not None else None

    def release(self, ref: ModelRef) -> Release:
        """Return a version as stores see it."""
        papers = self.papers(ref)
        manifest = json.loads(papers["manifest.json"])
        return Release(ref, self.version(ref).manifest_sha256, assets(manifest), papers,
                       manifest["description"])

    def report(self, name: str, seq: int) -> bytes | None:
        """Return the report that an event rests on, or None."""
        return self._all([report_path(name, seq)])[0]

    def events(self, name: str, numbers: Sequence[int]) -> Iterator[Event]:
        """Yield the events of a model by number; raise CheckFailed for one that is missing."""
        blobs = self._all([event_path(name, seq) for seq in numbers])
        for seq, blob in zip(numbers, blobs, strict=True):
            if blob is None:
                raise CheckFailed(f"ledger: event {seq} of {name} has no record; "
                                  "see: python tools/registry.py verify")
            yield parse_event(blob.decode())

    def _all(self, paths: Sequence[str]) -> list[bytes | None]:
        if self.commit is None:
            return [None] * len(paths)
        return list(self.ledger.read_all(self.commit, paths))

    def _known(self, name: str) -> str:
        states = self.states()
        if name not in states:
            return f"the registry holds {', '.join(states) or 'nothing yet'}"
        newest = ", ".join(item.version for item in states[name].versions[:5])
        return f"its newest versions are {newest}"


def assets(manifest: Mapping[str, Any]) -> tuple[Asset, ...]:
    """Return the archives that a manifest names."""
    return tuple(Asset(item["name"], item["size"], item["sha256"])
                 for item in manifest["artifacts"])


def source_commit(manifest: Mapping[str, Any]) -> str:
    """Return the commit of this repository; a model made elsewhere has another one beside it."""
    return manifest.get("repository_commit") or manifest["source_commit"]


def archive_path(name: str, sha256: str) -> str:
    """Return the ledger's file that says which version holds an archive."""
    return f"models/{name}/archives/{sha256[:2]}/{sha256}"


def _state(name: str, blob: bytes | None) -> State:
    if blob is None:
        raise CheckFailed(f"ledger: models/{name}/state.json is missing")
    try:
        return state_from_json(blob.decode())
    except ValueError as error:
        raise CheckFailed(f"ledger: models/{name}/state.json: {error}") from None
