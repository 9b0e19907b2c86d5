"""What the site shows of a registry, read from the ledger at one commit.

Of each version, what is known stands in rows, by which two versions can be compared.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry.events import Event, State
from nlp_gitops.registry.reading import Snapshot, damaged
from nlp_gitops.registry.views import Told, history
from nlp_gitops.reporting import phrases as words
from nlp_gitops.reporting.report import REASON, TEXT, View, number, shown, view

# What the site shows of a report; to read the rest for thousands of versions takes seconds.
_PARTS = ("schema", "verdict", "created", "confidence", "metrics", "gates", "slices")
GROUPS = ORIGIN, METRICS, GATES, SLICES = "Where it comes from", "Metrics", "Gates", "Slices"
_MANIFEST = (
    "dataset_version", "dataset_rows", "dataset_sha256", "dataset_license", "prompt_version",
    "prompt", "source_commit", "source_dirty", "run", "params", "inputs", "gates_sha256",
    "model_sha256", "task", "labels", "language", "license", "owner", "tags")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


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


def read_contents(snapshot: Snapshot) -> Contents:
    """Return everything; raise CheckFailed if the ledger is not readable."""
    events = history(snapshot, None, None)
    registered: dict[tuple[str, str], Event] = {}
    evidence: dict[tuple[str, str], Event] = {}
    for entry in reversed(events):
        key = entry.event.model, entry.event.version
        if entry.event.action == "register" and _is_version(entry.event):
            registered[key] = entry.event
        if entry.event.evidence:
            evidence.setdefault(key, entry.event)
    return Contents(snapshot.commit, snapshot.states(), events,
                    _versions(snapshot, list(reversed(registered.values())), evidence))


def report_of(snapshot: Snapshot, version: Version) -> View | None:
    """Return the whole report that a version rests on, None without one."""
    event = version.evidence
    blob = snapshot.report(event.model, event.seq) if event else None
    return view(_json(blob, version.name)) if blob else None


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
    paths = [path for event, other in zip(registered, first, strict=True) for path in (
        f"models/{event.model}/{event.version}/manifest.json",
        (other or event).report_path)]
    blobs = snapshot.ledger.read_all(snapshot.commit, paths)
    found = []
    # Two blobs for each version: its manifest and its report.
    for event, other, manifest, report in zip(registered, first, blobs, blobs, strict=True):
        name = f"{event.model} {event.version}"
        parts = _json(report, name) if report and other else None
        found.append(Version(event, other, _json(manifest, name) if manifest else {},
                             view({key: parts.get(key) for key in _PARTS})
                             if parts else None))
    return found


def _json(blob: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(blob)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise damaged(f"a metadata file of {what}", "is not readable")
    return value


@dataclass(frozen=True)
class Links:
    """Where that lies which the page does not hold.

    `repository` is https://HOST/OWNER/NAME where the registry is on GitHub, `ledger` the commit
    shown, `runs` the runs that have a place in runs.html, and `reports` files by version.
    """

    repository: str | None = None
    ledger: str | None = None
    runs: frozenset[str] = frozenset()
    reports: Mapping[str, str] = field(default_factory=dict)

    def release(self, version: str) -> str | None:
        """Return the address of a version's release."""
        return self.repository and f"{self.repository}/releases/tag/{quote(version, safe='')}"

    def source(self, commit: object) -> str | None:
        """Return the address of a source commit."""
        known = isinstance(commit, str) and _DIGEST.fullmatch(commit)
        return f"{self.repository}/commit/{commit}" if self.repository and known else None

    def ledger_file(self, path: str) -> str | None:
        """Return the address of a file of the ledger."""
        return self.repository and f"{self.repository}/blob/{self.ledger}/{quote(path)}"

    def run(self, name: object) -> str | None:
        """Return the place of a run in the page of runs."""
        return f"runs.html#{quote(str(name))}" if name in self.runs else None


@dataclass(frozen=True)
class Row:
    """One fact of a version; `value` is the number that a difference is made of."""

    group: str
    name: str
    text: str
    value: float | None = None
    link: str | None = None

    @property
    def cells(self) -> tuple[Any, ...]:
        """Return text, number and link without what is missing at the end."""
        value = None if self.value is None else float(f"{self.value:.6g}")
        return (self.text, value, self.link) if self.link else (
            (self.text,) if value is None else (self.text, value))


def rows(version: Version, links: Links) -> Iterator[Row]:
    """Yield what is known of a version."""
    yield from _origin(version, links)
    yield from _manifest(version.manifest, links)
    report = version.report
    if report is None:
        return
    for name in [*words.METRICS, *sorted(set(report.metrics) - set(words.METRICS))]:
        if name in report.metrics:
            value = report.metrics[name]
            yield Row(METRICS, words.metric(name), words.number(value, name), value)
    for gate in report.gates:
        yield Row(GATES, f"{gate.id}: {words.metric(gate.metric)} of {words.where(gate)}",
                  f"{words.MARKS[gate.verdict]} {words.verdict(gate.verdict)} "
                  f"{words.measured(gate.value, gate.interval, gate.metric)}; "
                  f"bound {words.bound(gate)}", gate.value)
    for item in report.slices:
        asked = "" if item.bound is None else f"; bound ≥ {item.bound:g}"
        yield Row(SLICES, item.name, words.measured(item.value, item.interval) + asked, item.value)


def browser_data(contents: Contents, links: Links) -> dict[str, Any]:
    """Return what the page's script searches and compares; versions share the facts they share."""
    labels: dict[tuple[str, str], int] = {}
    facts: dict[tuple[Any, ...], int] = {}
    versions = [[version.name, [facts.setdefault(
        (labels.setdefault((row.group, row.name), len(labels)), *row.cells), len(facts))
        for row in rows(version, links)]] for version in contents.versions]
    events = []
    for entry in contents.events:
        event, evidence = entry.event, entry.event.evidence or {}
        events.append([
            event.seq, event.at, event.action, f"{event.model}@{event.version}", event.stage,
            event.previous_stage, event.replaces,
            shown(event.actor), shown(event.reason, REASON), shown(entry.dataset_version),
            shown(entry.prompt_version), evidence.get("verdict"),
            evidence.get("sha256"), event.report_path if evidence else None, event.run_url])
    return {"groups": GROUPS, "labels": [(GROUPS.index(group), name) for group, name in labels],
            "facts": list(facts), "versions": versions, "events": events,
            "blob": links.ledger_file("")}


def _origin(version: Version, links: Links) -> Iterator[Row]:
    event, evidence = version.registered, version.evidence
    yield Row(ORIGIN, "registered", f"{event.at} by {shown(event.actor)}", None,
              _https(event.run_url))
    if links.repository:
        yield Row(ORIGIN, "release", version.name, None, links.release(version.name))
    if evidence and evidence.evidence:
        yield Row(ORIGIN, "gate report", f"{evidence.evidence.get('verdict')}, "
                  f"sha256 {evidence.evidence.get('sha256')}", None,
                  links.reports.get(version.name) or links.ledger_file(evidence.report_path))
    yield Row(ORIGIN, "manifest sha256", str(event.manifest_sha256), None,
              links.ledger_file(f"models/{event.model}/{event.version}/manifest.json"))
    for item in _archives(version.manifest):
        yield Row(ORIGIN, f"archive {shown(item.get('name'))}",
                  f"{number(item.get('size')) or 0:,.0f} bytes, sha256 {item.get('sha256')}")


def _archives(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = manifest.get("artifacts")
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _manifest(manifest: Mapping[str, Any], links: Links) -> Iterator[Row]:
    for key in _MANIFEST:
        value, name = manifest.get(key), key.replace("_", " ")
        link = (links.source(value) if key == "source_commit" else
                links.run(value) if key == "run" else None)
        if isinstance(value, dict):
            yield from (Row(ORIGIN, f"{name}, {shown(part)}", _exact(inner))
                        for part, inner in value.items())
        elif value is not None:
            yield Row(ORIGIN, name, _exact(value), None, link)


def _exact(value: object) -> str:
    """Return a value as text; a digest whole, for it holds nothing of anybody."""
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return value
    return shown(value, TEXT)


def _https(url: str | None) -> str | None:
    return url if url and url.startswith("https://") else None
