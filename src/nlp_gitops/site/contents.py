"""What the site shows of a registry, read from the ledger at one commit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry.events import Event, State
from nlp_gitops.registry.reading import Snapshot, damaged
from nlp_gitops.registry.views import Told, history
from nlp_gitops.reporting import report_view
from nlp_gitops.reporting.report_parts import View

# What the site shows of a report; to read the rest for thousands of versions takes seconds.
_PARTS = ("schema", "verdict", "created", "confidence", "metrics", "gates", "slices")


@dataclass(frozen=True)
class Version:
    """A registered version, and the first report that an event of it rests on, if any."""

    registered: Event
    evidence: Event | None
    manifest: Mapping[str, Any]
    report: View | None

    @property
    def name(self) -> str:
        """Return NAME@vX.Y.Z."""
        return f"{self.registered.model}@{self.registered.version}"


@dataclass(frozen=True)
class Contents:
    """States by model, and events and versions, newest first. Without a ledger all are empty."""

    commit: str | None
    states: Mapping[str, State]
    events: Sequence[Told]
    versions: Sequence[Version]

    def of(self, model: str) -> list[Version]:
        """Return a model's versions, newest first."""
        return [item for item in self.versions if item.registered.model == model]


def read(snapshot: Snapshot) -> Contents:
    """Return everything; raise CheckFailed if the ledger is not readable."""
    events = history(snapshot, None, None)
    registered: dict[tuple[str, str], Event] = {}
    evidence: dict[tuple[str, str], Event] = {}
    for told in reversed(events):
        key = told.event.model, told.event.version
        if told.event.action == "register" and _is_version(told.event):
            registered[key] = told.event
        if told.event.evidence:
            evidence.setdefault(key, told.event)
    return Contents(snapshot.commit, snapshot.states(), events,
                    _versions(snapshot, list(reversed(registered.values())), evidence))


def report_of(snapshot: Snapshot, version: Version) -> View | None:
    """Return the whole report that a version rests on, None without one."""
    event = version.evidence
    blob = snapshot.report(event.model, event.seq) if event else None
    return report_view.view(_json(blob, version.name)) if blob else None


def _is_version(event: Event) -> bool:
    """Say whether an event names a version as the registry does: names become files and links."""
    try:
        return str(ModelRef.parse(f"{event.model}@{event.version}")) == (
            f"{event.model}@{event.version}")
    except UsageError:
        return False


def _versions(snapshot: Snapshot, registered: Sequence[Event],
              evidence: Mapping[tuple[str, str], Event]) -> list[Version]:
    if snapshot.commit is None:
        return []
    first = [evidence.get((event.model, event.version)) for event in registered]
    paths = [path for event, shown in zip(registered, first, strict=True) for path in (
        f"models/{event.model}/{event.version}/manifest.json",
        (shown or event).report_path)]
    blobs = snapshot.ledger.read_all(snapshot.commit, paths)
    found = []
    # Two blobs for each version: its manifest and its report.
    for event, shown, manifest, report in zip(registered, first, blobs, blobs, strict=True):
        name = f"{event.model} {event.version}"
        parts = _json(report, name) if report and shown else None
        found.append(Version(event, shown, _json(manifest, name) if manifest else {},
                             report_view.view({key: parts.get(key) for key in _PARTS})
                             if parts else None))
    return found


def _json(blob: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(blob)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise damaged(f"a paper of {what}", "is not readable")
    return value
