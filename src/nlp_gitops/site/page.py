"""The site: index.html, runs.html, and the gate report of every version in a stage."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from nlp_gitops import tracking
from nlp_gitops.core import files
from nlp_gitops.core.project import Project
from nlp_gitops.drift import history
from nlp_gitops.drift import page as drift_page
from nlp_gitops.drift.summary import MARKS, NAMES
from nlp_gitops.registry.events import State
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import default_name, github_repository, ledger_of
from nlp_gitops.reporting import charts, pages
from nlp_gitops.reporting import phrases as words
from nlp_gitops.reporting.charts import Point, line_chart
from nlp_gitops.reporting.html_page import html_page
from nlp_gitops.reporting.report import shown
from nlp_gitops.site.contents import (Contents, Links, Version, browser_data, read_contents,
                                      report_of)
from nlp_gitops.tracking import run_pages

SHOWN_VERSIONS = 100
SHOWN_REPORTS = 52


def build(project: Project, registry: str | None, out: Path) -> dict[str, Any]:
    """Write the site into a folder; index.html last, so that it never links what is not there.

    Return the page's path, and how much of what it holds. Raises CheckFailed for a
    ledger, and NotMeasured for a remote, that cannot be read.
    """
    name = registry or default_name()
    ledger = ledger_of(project, name)
    snapshot = Snapshot(ledger, ledger.fetch())
    contents = read_contents(snapshot)
    runs = tracking.all_runs(project.root / "runs")
    drift = drift_entries(history.parse(
        history.read(project.root, None if name == "local" else name)))
    if runs:
        files.write_atomic(out / "runs.html", run_pages.page(
            project.name, runs, tracking.unfinished(project.root / "runs")))
    where = None if name == "local" else github_repository(project, name)
    links = Links("https://" + "/".join(where) if where else None, snapshot.commit,
                  frozenset(run.name for run in runs), _write_reports(snapshot, contents, out))
    files.write_atomic(out / "index.html", page(project.name, contents, drift, links))
    return {"page": str(out / "index.html"), "models": len(contents.states),
            "versions": len(contents.versions), "events": len(contents.events),
            "runs": len(runs), "drift_reports": len(drift)}


def _write_reports(snapshot: Snapshot, contents: Contents, out: Path) -> dict[str, str]:
    """Write the gate reports of versions in a stage; return file names by version."""
    held = {f"{name}@{version}" for name, state in contents.states.items()
            for version in state.stages.values()}
    written = {}
    for version in contents.versions:
        report = report_of(snapshot, version) if version.name in held else None
        if report:
            written[version.name] = f"{version.name}.html"
            files.write_atomic(out / written[version.name], html_page(report))
    return written


def page(project: str, contents: Contents, drift: Sequence[Mapping[str, Any]], links: Links) -> str:
    """Return the registry page; `drift` are entries of the drift history, oldest first."""
    return pages.render(
        "site/templates/page.html", styles=(pages.STYLE, "site/site.css"), script="site/site.js",
        project=project, contents=contents, links=links, words=words, charts=charts, shown=shown,
        when=_when, data=browser_data(contents, links), compared=_compared(contents),
        models=[_model(name, state, contents, links)
                for name, state in sorted(contents.states.items())],
        drift=[_drift(name, [entry for entry in drift if entry["model"] == name][-SHOWN_REPORTS:])
               for name in dict.fromkeys(entry["model"] for entry in drift)])


def drift_entries(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return those entries of a drift history that can be shown."""
    def fits(entry: Mapping[str, Any]) -> bool:
        whole = entry["signals"].get("all", {})
        return (isinstance(entry.get("created"), str) and entry.get("verdict") in MARKS
                and isinstance(entry.get("to"), (str, type(None)))
                and isinstance(entry.get("rows"), (int, type(None)))
                and isinstance(whole, dict) and all(
                    isinstance(signal, list) and len(signal) == 2
                    and isinstance(signal[0], (int, float, type(None)))
                    for signal in whole.values()))

    return [entry for entry in entries if fits(entry)]


def _when(at: str) -> str:
    return f"{shown(at)[:16].replace('T', ' ')} UTC"


def _compared(contents: Contents) -> tuple[str, str]:
    """Return what is compared to begin with: production, or the newest, and the version before."""
    standing = {f"{name}@{state.stages.get('production')}"
                for name, state in contents.states.items()}
    first = next((item for item in contents.versions if item.name in standing),
                 next(iter(contents.versions), None))
    if first is None:
        return "", ""
    others = contents.of(first.registered.model)
    place = others.index(first)
    other = [*others[place + 1:], *others[:place]][:1]
    return first.name, other[0].name if other else ""


def _model(name: str, state: State, contents: Contents, links: Links) -> dict[str, Any]:
    versions = contents.of(name)
    known = {item.registered.version: item for item in versions}
    events = {item.event.seq: item.event for item in contents.events if item.event.model == name}
    newest = versions[:SHOWN_VERSIONS]
    metrics = [metric for metric in words.METRICS if metric in ("f1_macro", "latency_ms_p95")
               or any(gate.metric == metric for item in newest if item.report
                      for gate in item.report.gates)]
    return {
        "name": name, "standing": known.get(state.stages.get("production", "")) or next(
            iter(versions), None),
        "stages": [{"name": stage, "version": version, "known": version in known,
                    "revoked": version in state.revoked,
                    "event": events.get(state.since.get(stage, 0)),
                    "report": links.reports.get(f"{name}@{version}")}
                   for stage, version in sorted(state.stages.items(), key=lambda item: (
                       item[0] == "archived", item[0] != "production", item[0]))],
        "charts": list(_charts(newest[::-1])), "versions": len(versions),
        "header": ["version", "stage", "registered", "data", "prompt",
                   *map(words.metric, metrics), "gate"],
        "newest": [_row(item, state, metrics) for item in newest]}


def _row(item: Version, state: State, metrics: Sequence[str]) -> dict[str, Any]:
    version, report = item.registered.version, item.report
    notes = [stage for stage, held in state.stages.items() if held == version]
    notes += ["revoked"] if version in state.revoked else []
    return {"name": item.name, "version": version, "note": ", ".join(notes) or words.NOTHING,
            "at": item.registered.at, "verdict": report.verdict if report else "",
            "data": shown(item.manifest.get("dataset_version")) or words.NOTHING,
            "prompt": shown(item.manifest.get("prompt_version")) or words.NOTHING,
            "figures": [words.number(report.metrics.get(metric) if report else None, metric)
                        for metric in metrics]}


def _charts(versions: Sequence[Version]) -> Iterator[Markup]:
    """Yield a chart for each metric that a gate bounds on all rows; versions oldest first."""
    # Bounds are those of each version's own report, so a bound that was moved shows as a step.
    points: dict[str, list[Point]] = {}
    for place, version in enumerate(versions):
        gates = {gate.metric: gate for gate in (version.report.gates if version.report else ())
                 if not gate.slice and gate.side != "drop"}
        for metric, gate in gates.items():
            if gate.value is not None:
                points.setdefault(metric, []).append(Point(
                    place, gate.value, version.registered.version, None, gate.bound,
                    gate.verdict in ("FAIL", "WARN")))
    for metric, some in points.items():
        yield line_chart(words.metric(metric), some, len(versions), "versions",
                         (versions[0].registered.version, versions[-1].registered.version))


def _drift(model: str, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    days = [(entry.get("to") or entry["created"])[:10] for entry in entries]
    signals = [entry["signals"].get("all", {}) for entry in entries]
    drawn = []
    for name, title in NAMES.items():
        points = [Point(place, signal[name][0], days[place], None, None,
                        signal[name][1] in ("ALERT", "CRITICAL"))
                  for place, signal in enumerate(signals)
                  if name in signal and signal[name][0] is not None]
        if points:
            drawn.append(line_chart(title, points, len(entries), "reports", (days[0], days[-1])))
    return {"name": model, "verdict": entries[-1]["verdict"], "charts": drawn,
            "past": drift_page.past_table(entries)}
