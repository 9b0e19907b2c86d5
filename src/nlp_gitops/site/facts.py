"""What is known of a version, as rows that two versions can be compared by."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from nlp_gitops.reporting import report_words as words
from nlp_gitops.reporting.report_view import REASON, TEXT, number, shown
from nlp_gitops.site.contents import Contents, Version

GROUPS = ORIGIN, METRICS, GATES, SLICES = "Where it comes from", "Metrics", "Gates", "Slices"
_MANIFEST = (
    "dataset_version", "dataset_rows", "dataset_sha256", "dataset_license", "prompt_version",
    "prompt", "source_commit", "source_dirty", "run", "params", "inputs", "gates_sha256",
    "model_sha256", "task", "labels", "language", "license", "owner", "tags")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


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
    yield from _papers(version, links)
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
    for told in contents.events:
        event, evidence = told.event, told.event.evidence or {}
        events.append([
            event.seq, event.at, event.action, f"{event.model}@{event.version}", event.stage,
            event.previous_stage, event.replaces,
            shown(event.actor), shown(event.reason, REASON), shown(told.dataset_version),
            shown(told.prompt_version), evidence.get("verdict"),
            evidence.get("sha256"), event.report_path if evidence else None, event.run_url])
    return {"groups": GROUPS, "labels": [(GROUPS.index(group), name) for group, name in labels],
            "facts": list(facts), "versions": versions, "events": events,
            "blob": links.ledger_file("")}


def _papers(version: Version, links: Links) -> Iterator[Row]:
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
