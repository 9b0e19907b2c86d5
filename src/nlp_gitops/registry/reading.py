"""Reading the ledger: states, versions and events, all from one commit, so always consistent."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from nlp_gitops.core.errors import CheckFailed, UsageError
from nlp_gitops.core.names import ModelRef, Version
from nlp_gitops.registry.events import (Event, State, VersionState, event_path, malformed,
                                        parse_event, report_path, state_from_json,
                                        version_from_json)
from nlp_gitops.registry.ledger import Ledger
from nlp_gitops.registry.store import Asset, Release

PAPERS = ("manifest.json", "metrics.json", "MODEL_CARD.md", "SHA256SUMS")
# What the registry itself reads in a manifest, and in each of its `artifacts`.
_MANIFEST = {**dict.fromkeys((
    "name", "description", "task", "language", "license", "owner", "dataset_version",
    "prompt_version", "source_commit", "model_sha256"), str),
    "seq": int, "labels": list, "metrics": dict, "tags": dict, "artifacts": list}
_ARCHIVE = {"name": str, "size": int, "sha256": str}
Content = TypeVar("Content")


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
        """Return the small files of a version, report.json included.

        Raises UsageError if it is none, CheckFailed if its manifest or report is not as the
        registry writes them, or another paper is missing.
        """
        paths = [f"models/{ref.name}/{ref.version.tag}/{name}" for name in PAPERS]
        blobs = self._all(paths)
        if blobs[0] is None:
            raise UsageError(f"{ref} is not registered; {self._known(ref.name)}")
        found: dict[str, bytes] = {}
        for name, path, blob in zip(PAPERS, paths, blobs, strict=True):
            if blob is None:
                raise damaged(path, "is missing")
            found[name] = blob
        seq = _read(paths[0], manifest_from_json, found["manifest.json"])["seq"]
        report = self.report(ref.name, seq + 1)
        if report is not None:
            _read(report_path(ref.name, seq + 1), _check_report, report)
        return {**found, **({"report.json": report} if report is not None else {})}

    def version(self, ref: ModelRef) -> VersionState:
        """Return what is known of a version, however old; raise UsageError if it is none."""
        state = self.states().get(ref.name)
        return self.version_in(state or State(ref.name), ref)

    def version_in(self, state: State, ref: ModelRef) -> VersionState:
        """Return a version: from the state, or, if it is not among the newest, from its folder."""
        found = state.find(ref.version.tag)
        if found is None:
            found, = self.records([(ref.name, ref.version.tag)])
        if found is None:
            raise UsageError(f"{ref} is not registered; {self._known(ref.name)}")
        return found

    def records(self, keys: Sequence[tuple[str, str]]) -> list[VersionState | None]:
        """Return what was kept of each (model, version); None for what is not registered."""
        paths = [f"models/{model}/{version}/version.json" for model, version in keys]
        return [_read(path, version_from_json, blob) if blob is not None else None
                for path, blob in zip(paths, self._all(paths), strict=True)]

    def by_archive(self, name: str, archive_sha256: str) -> str | None:
        """Return the version that holds an archive, however old; None if none does."""
        path = archive_path(name, archive_sha256)
        blob = self._all([path])[0]
        return _read(path, _tag, blob) if blob is not None else None

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
        paths = [event_path(name, seq) for seq in numbers]
        for path, blob in zip(paths, self._all(paths), strict=True):
            if blob is None:
                raise damaged(path, "is missing")
            yield _read(path, _event, blob)

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
    path = f"models/{name}/state.json"
    if blob is None:
        raise damaged(path, "is missing")
    found = _read(path, state_from_json, blob)
    if found.name != name:
        raise damaged(path, f"is about {found.name!r}")
    return found


def manifest_from_json(text: str) -> dict[str, Any]:
    """Return a registered version's manifest; raise ValueError if it is none."""
    value = json.loads(text)
    wrong = _strange(value, _MANIFEST)
    if not wrong:
        items = [_strange(item, _ARCHIVE) for item in value["artifacts"]]
        wrong = [] if items and not any(items) else ["artifacts"]
        wrong += [] if all(isinstance(label, str) for label in value["labels"]) else ["labels"]
    if wrong:
        raise ValueError(f"not a manifest: {', '.join(wrong)} missing or of the wrong kind")
    return value


def _strange(value: Any, kinds: Mapping[str, type]) -> list[str]:
    """Return the keys of an object that are missing or not of their kind."""
    found = value if isinstance(value, dict) else {}
    return [key for key, kind in kinds.items() if not isinstance(found.get(key), kind)]


def _tag(text: str) -> str:
    try:
        return Version.parse(text.strip()).tag
    except UsageError as error:
        raise ValueError(str(error)) from None


def _check_report(text: str) -> None:
    wrong = _strange(json.loads(text), {"lineage": dict})
    if wrong:
        raise ValueError(f"not a report: {wrong[0]} missing or of the wrong kind")


def _event(text: str) -> Event:
    event = parse_event(text)
    wrong = malformed(event)
    if wrong:
        raise ValueError(wrong)
    return event


def _read(path: str, parse: Callable[[str], Content], blob: bytes) -> Content:
    """Return what a file of the ledger holds; raise CheckFailed if that is damaged."""
    try:
        return parse(blob.decode())
    except ValueError as error:
        raise damaged(path, str(error)) from None


def damaged(what: str, why: str) -> CheckFailed:
    """Return the error for a part of the ledger that is not as the registry writes it."""
    return CheckFailed(f"ledger: {what}: {why}; find out who changed it: python tools/registry.py "
                       "verify")
