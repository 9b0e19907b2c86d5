"""The registry page: one file that needs nothing else and asks no server.

Stages, metrics, slices and drift are in the markup; the script compares versions and searches
events, whose data stand in the page as JSON.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nlp_gitops.core import package_files
from nlp_gitops.drift import page as drift_page
from nlp_gitops.drift.summary import MARKS, NAMES
from nlp_gitops.registry.events import State
from nlp_gitops.reporting import report_words as words
from nlp_gitops.reporting.charts import Point, line_chart
from nlp_gitops.reporting.markup import Child, Markup, data, document, el
from nlp_gitops.reporting.render_html import STYLE, badge, cards, slices
from nlp_gitops.reporting.report_view import shown
from nlp_gitops.site.contents import Contents, Version
from nlp_gitops.site.facts import Links, browser_data

SHOWN_VERSIONS = 100
SHOWN_REPORTS = 52
EMPTY = "No version is registered yet. Type: python tools/push_to_registry.py --stage Staging"
NO_DRIFT = "No drift report is kept yet. Type: make drift"
NO_RUNS = "No run lies in runs/ here."


def page(project: str, contents: Contents, drift: Sequence[Mapping[str, Any]], links: Links) -> str:
    """Return the whole page; `drift` are the entries of the drift history, oldest first."""
    sections = [
        *(_model(name, state, contents, links) for name, state in sorted(contents.states.items())),
        _section("versions", "A version, and what differs from another", _versions(contents)),
        _section("events", "Time line", _events(contents)),
        _section("drift", "Drift", list(_drift(drift)) or el("p", NO_DRIFT)),
        _section("runs", "Runs", el("p", el("a", f"{len(links.runs):,} runs, with the history of "
                                            "every metric", href="runs.html"))
                 if links.runs else el("p", NO_RUNS))]
    style = package_files.text(STYLE) + package_files.text("site/site.css")
    return document(
        f"Registry of {project}", style, _header(project, contents, links),
        el("main", sections, None if contents.states else el("p", EMPTY)),
        el("footer", "Made by make site from the ledger, the branch registry, which alone counts."),
        data("data", browser_data(contents, links)),
        script=package_files.text("site/site.js"))


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


def _header(project: str, contents: Contents, links: Links) -> Markup:
    counts = [f"{len(items):,} {name}{'' if len(items) == 1 else 's'}" for items, name in (
        (contents.states, "model"), (contents.versions, "version"), (contents.events, "event"))]
    newest = f"newest event {_when(contents.events[0].event.at)}" if contents.events else None
    places = [*((name, name) for name in sorted(contents.states)), ("versions", "Compare versions"),
              ("events", "Time line"), ("drift", "Drift"), ("runs", "Runs")]
    return el("header", el("h1", "Registry of ", el("bdi", project)),
              el("ul", (el("li", fact) for fact in (*counts, newest) if fact),
                 el("li", el("a", links.repository, href=links.repository))
                 if links.repository else None, class_="facts"),
              el("nav", el("ul", (el("li", el("a", el("bdi", name), href=f"#part-{place}"))
                                  for place, name in places)), aria_label="parts of this page"))


def _section(place: str, title: str, *content: Child) -> Markup:
    return el("section", el("h2", el("bdi", title), id=f"{place}-title", tabindex="-1"), *content,
              id=f"part-{place}", aria_labelledby=f"{place}-title")


def _model(name: str, state: State, contents: Contents, links: Links) -> Markup:
    versions = contents.of(name)
    known = {item.name: item for item in versions}
    when = {told.event.seq: told.event for told in contents.events if told.event.model == name}
    held = []
    for stage in sorted(state.stages, key=lambda item: (
            item == "archived", item != "production", item)):
        version, event = state.stages[stage], when.get(state.since.get(stage, 0))
        item = known.get(f"{name}@{version}")
        report = links.reports.get(item.name) if item else None
        held.append(el("div", el("dt", stage), el(
            "dd", el("a", version, href=f"#{item.name}") if item else el("bdi", version),
            el("small", el("strong", "revoked")) if version in state.revoked else None,
            el("small", f"since {_when(event.at)} by {shown(event.actor)}") if event else None,
            el("small", el("a", f"gate report of {version}", href=report))
            if report else None)))
    standing = known.get(f"{name}@{state.stages.get('production')}") or (
        versions[0] if versions else None)
    shown_slices = slices(standing.report) if standing and standing.report else None
    return _section(
        name, name, el("dl", held, class_="figures"),
        el("h3", "Metrics by version, with the gate's bounds"),
        el("div", _charts(versions[:SHOWN_VERSIONS][::-1]), class_="charts"),
        [el("h3", f"Slices of {standing.registered.version}"), shown_slices]
        if standing and shown_slices else None,
        el("details", el("summary", f"The newest {min(len(versions), SHOWN_VERSIONS)} versions "
                         "in a table"), _table(versions, state)))


def _charts(versions: Sequence[Version]) -> Iterator[Markup]:
    """Yield a chart for each metric that a gate bounds on all rows; versions oldest first."""
    # Bounds are those of each version's own report, so a bound that was moved shows as a step.
    dots: dict[str, list[Point]] = {}
    for place, version in enumerate(versions):
        gates = {gate.metric: gate for gate in (version.report.gates if version.report else ())
                 if not gate.slice and gate.side != "drop"}
        for metric, gate in gates.items():
            if gate.value is not None:
                dots.setdefault(metric, []).append(Point(
                    place, gate.value, version.registered.version, None, gate.bound,
                    gate.verdict in ("FAIL", "WARN")))
    ends = [versions[0].registered.version, versions[-1].registered.version] if versions else []
    for metric, some in dots.items():
        yield line_chart(words.metric(metric), some, len(versions), "versions", (ends[0], ends[1]))


def _table(versions: Sequence[Version], state: State) -> Markup:
    newest = versions[:SHOWN_VERSIONS]
    metrics = [name for name in words.METRICS if name in ("f1_macro", "latency_ms_p95") or any(
        gate.metric == name for item in newest if item.report for gate in item.report.gates)]
    rows: list[tuple[str, Sequence[Child]]] = []
    for item in newest:
        version, report = item.registered.version, item.report
        note = ", ".join([*(stage for stage, held in state.stages.items() if held == version),
                          *(["revoked"] if version in state.revoked else [])])
        rows.append((report.verdict if report else "", [
            el("a", version, href=f"#{item.name}"), note or words.NOTHING,
            _when(item.registered.at),
            *(el("bdi", shown(item.manifest.get(key)) or words.NOTHING)
              for key in ("dataset_version", "prompt_version")),
            *(words.number(report.metrics.get(name) if report else None, name)
              for name in metrics), badge(report.verdict) if report else words.NOTHING]))
    header = ("version", "stage", "registered", "data", "prompt", *map(words.metric, metrics),
              "gate")
    return cards("Versions, newest first", header, rows, len(versions))


def _versions(contents: Contents) -> Child:
    if not contents.versions:
        return el("p", "There is no version to show.")
    standing = {f"{name}@{state.stages.get('production')}"
                for name, state in contents.states.items()}
    # To begin with, what is in production beside the version before it, else the newest.
    first = next((item for item in contents.versions if item.name in standing),
                 contents.versions[0])
    others = contents.of(first.registered.model)
    other = [*others[others.index(first) + 1:], *(item for item in others if item != first)][:1]
    return [
        _noscript(),
        el("div", el("label", "Version", el("select", id="one", data_first=first.name)),
           el("label", "Compare with", el("select", id="other",
                                          data_first=other[0].name if other else "")),
           el("label", el("input", type="checkbox", id="changes", checked=True),
              " only what differs"), class_="ask"),
        el("p", id="difference", role="status", class_="note"),
        el("table", id="compared", class_="cards", role="table",
           aria_labelledby="versions-title")]


def _events(contents: Contents) -> Child:
    if not contents.events:
        return el("p", "There is no event yet.")
    return [
        _noscript(),
        el("div", el("label", "Search in all events", el(
            "input", type="search", id="search", autocomplete="off", spellcheck="false")),
           class_="ask"),
        el("p", id="found", role="status", class_="note"),
        el("table", el("thead", el("tr", (
            el("th", name, scope="col", role="columnheader")
            for name in ("when", "what", "who", "why", "made from", "evidence")), role="row"),
            role="rowgroup"), el("tbody", id="rows", role="rowgroup"), class_="cards",
           role="table", aria_labelledby="events-title"),
        el("p", el("button", "More events", id="more", type="button"))]


def _when(at: str) -> str:
    return f"{shown(at)[:16].replace('T', ' ')} UTC"


def _noscript() -> Markup:
    return el("noscript", el("p", "Your browser runs no scripts. The same is told by: "
                             "python tools/registry.py history, and show."))


def _drift(entries: Sequence[Mapping[str, Any]]) -> Iterator[Markup]:
    for model in dict.fromkeys(entry["model"] for entry in entries):
        recent = [entry for entry in entries if entry["model"] == model][-SHOWN_REPORTS:]
        days = [(entry.get("to") or entry["created"])[:10] for entry in recent]
        yield el("h3", el("bdi", model), " ", drift_page.badge(recent[-1]["verdict"]))
        yield el("div", (line_chart(title, [
            Point(place, value, days[place], None, None, verdict in ("ALERT", "CRITICAL"))
            for place, entry in enumerate(recent)
            for value, verdict in [entry["signals"].get("all", {}).get(name, (None, ""))]
            if value is not None], len(recent), "reports", (days[0], days[-1]))
            for name, title in NAMES.items() if any(
                entry["signals"].get("all", {}).get(name, [None])[0] is not None
                for entry in recent)), class_="charts")
        yield drift_page.past_table(recent)
