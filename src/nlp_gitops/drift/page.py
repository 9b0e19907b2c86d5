"""A drift report as one HTML page that needs nothing else, below 100 KB."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from nlp_gitops.core import package_files
from nlp_gitops.drift import plots, summary
from nlp_gitops.drift.summary import MARKS, NAMES, number
from nlp_gitops.reporting.markup import Child, cards, document, el, plain_table
from nlp_gitops.reporting.pages import STYLE

MOST_ROWS = 60
MOST_PAST = 26
LINES = ("embedding", "label", "score", "length")


def page(report: Mapping[str, Any], past: Sequence[Mapping[str, Any]]) -> str:
    """Return the whole page."""
    title = f"Drift {report['verdict'].replace('_', ' ')}: {report['model']}"
    sections = [section for section in (
        _section("Notes", _list(report.get("warnings", ()))),
        _section("Signals", _signals(report)),
        _section("Slices", _slices(report)),
        _section("Day by day", _days(report)),
        _section("Labels and scores", _distributions(report)),
        _section("Quality", _list(summary.quality(report)), _quality(report)),
        _section("Service", _service(report)),
        _section("What moved", *_moved(report)),
        _section("Earlier reports", _past(past, report)),
        _section("How it was judged", _method(report))) if section]
    return document(title, package_files.text(STYLE), _header(report),
                    el("main", sections),
                    el("footer", "Everything on this page is also in report.json."))


def _header(report: Mapping[str, Any]) -> Markup:
    facts = [f"model {report.get('version') or report['model']}", *filter(None, summary.windows(
        report).split("; ")), report["created"]]
    title = el("h1", badge(report["verdict"]), " ", el("span", report["why"], dir="auto"))
    return el("header", title, el("ul", (el("li", el("bdi", fact)) for fact in facts),
                                  class_="facts"))


def _section(title: str, *content: Markup | None) -> Markup | None:
    shown = [part for part in content if part]
    return el("section", el("h2", title), *shown) if shown else None


def _list(sentences: Sequence[str]) -> Markup | None:
    return el("ul", (el("li", el("bdi", line)) for line in sentences)) if sentences else None


def badge(verdict: str) -> Markup:
    """Return a drift verdict as a mark and a word."""
    return el("span", f"{MARKS[verdict]} {verdict.replace('_', ' ')}",
              class_=f"badge {verdict.lower()}")


def _signals(report: Mapping[str, Any]) -> Markup | None:
    found = summary.signals(report)
    rows: list[tuple[str, Sequence[Child]]] = []
    for name, statistic, signal in found[:MOST_ROWS]:
        cells = summary.row(name, statistic, signal)
        why = signal.get("why") or signal.get("source")
        rows.append((signal["verdict"], [
            [el("strong", cells[1]), " ", el("bdi", name)], *cells[2:7],
            [badge(signal["verdict"]), el("small", why) if why else None]]))
    return cards("What is not as it was, worst first; then the whole traffic",
                 ("statistic, slice", *summary.HEADER[2:]), rows, len(found)) if rows else None


def _slices(report: Mapping[str, Any]) -> Markup | None:
    slices = report["slices"]
    statistics = [name for name in NAMES if name != "accuracy" and any(
        "value" in signals.get(name, {}) for signals in slices.values())]
    if len(slices) < 2 or not statistics:
        return None
    rows = [[el("bdi", name), f"{next(iter(signals.values()))['n']:,}",
             *(_cell(signals.get(statistic)) for statistic in statistics)]
            for name, signals in list(slices.items())[:MOST_ROWS]]
    return el("div", el("p", "Effect and verdict; below, the smallest effect that these numbers of "
                        "lines would show.", class_="note"),
              plain_table("Every slice", ("slice", "lines", *(NAMES[name] for name in statistics)),
                          rows))


def _cell(signal: Mapping[str, Any] | None) -> Child:
    if not signal or "value" not in signal:
        return MARKS[signal["verdict"]] if signal else summary.NOTHING
    return [f"{number(signal['value'])} {MARKS[signal['verdict']]}",
            el("small", f"sees {number(signal['mde'])}") if "mde" in signal else None]


def _days(report: Mapping[str, Any]) -> Markup | None:
    found = report.get("explanation", {})
    days, points = found.get("time_line", ()), found.get("change_points", {})
    whole = report["slices"].get("all", {})
    drawn = [plots.time_line(
        f"{NAMES[name]}: daily effect", days, name, whole.get(name, {}).get("bound"),
        report["windows"]["current"]["from"],
        points[name] if points.get(name, {}).get("p", 1) < 0.05 else None)
        for name in LINES if sum(name in day for day in days) > 1]
    if not drawn:
        return None
    return el("div", el("p", "Grey: days of the reference. Dashes: the bound. ", " ".join(
        summary.since(report)), class_="note"), el("div", drawn, class_="charts"))


def _distributions(report: Mapping[str, Any]) -> Markup | None:
    found = report.get("distributions", {})
    drawn = []
    if "label" in found and len(found["label"]["names"]) <= plots.MOST_LABELS + 1:
        label = found["label"]
        drawn.append(plots.shares("Share of each label", label["names"], label["current"],
                                  label["reference"]))
    if "score" in found:
        count = len(found["score"]["current"])
        names = [f"{place / count:g}" if place % 10 == 0 else "" for place in range(count)]
        drawn.append(plots.shares("Score of the predicted label", names,
                                  found["score"]["current"], found["score"]["reference"]))
    if not drawn:
        return None
    return el("div", el("p", "Bars: now. Outline: the reference.", class_="note"),
              el("div", drawn, class_="charts"))


def _quality(report: Mapping[str, Any]) -> Markup | None:
    labelled = (report.get("quality") or {}).get("labelled") or {}
    if not labelled.get("slices"):
        return None
    return plain_table("By delayed labels", ("slice", "accuracy", "macro-F1", "labels"), (
        [el("bdi", name), *(f"{item[key]:.3f} [{item[f'{key}_interval'][0]:.3f}, "
                            f"{item[f'{key}_interval'][1]:.3f}]" for key in
                            ("accuracy", "f1_macro")), f"{item['n']:,}"]
        for name, item in list(labelled["slices"].items())[:MOST_ROWS]))


def _service(report: Mapping[str, Any]) -> Markup | None:
    found = summary.service(report)
    if not found:
        return None
    return el("dl", (el("div", el("dt", name), el("dd", now, el(
        "small", f"{then} in the reference") if then != summary.NOTHING else None))
        for name, now, then in found), class_="figures")


def _moved(report: Mapping[str, Any]) -> list[Markup | None]:
    found = report.get("explanation", {})
    words = plain_table("Words whose share moved most", ("word", "reference", "now", "z"), (
        [el("bdi", item["word"]), f"{item['reference_share']:.2%}", f"{item['share']:.2%}",
         f"{item['z']:+.1f}"] for item in found["words"])) if found.get("words") else None
    new = plain_table("Words that training did not know", ("word", "share of texts"), (
        [el("bdi", item["word"]), f"{item['share']:.2%}"] for item in found["new_words"])
    ) if found.get("new_words") else None
    texts = cards("Masked texts farthest in the direction of the move", ("text", "label"), [
        ("", [el("bdi", item["text"]), el("bdi", item["label"] or summary.NOTHING)])
        for item in found["texts"]], len(found["texts"])) if found.get("texts") else None
    pair = el("div", words, new, class_="pair") if words or new else None
    return [pair, texts]


def _past(past: Sequence[Mapping[str, Any]], report: Mapping[str, Any]) -> Markup | None:
    if not past:
        return None
    now = {"to": report["windows"]["current"]["to"], "created": report["created"],
           "rows": report["windows"]["current"]["rows"], "verdict": report["verdict"],
           "signals": {"all": {name: [signal.get("value")] for name, signal in
                               report["slices"].get("all", {}).items()}}
           } if report.get("windows") else None
    return past_table([*past[-MOST_PAST:], *([now] if now else [])])


def past_table(entries: Sequence[Mapping[str, Any]]) -> Markup:
    """Return what reports said of the whole traffic; entries of the history, oldest first."""
    def value(item: Mapping[str, Any], name: str) -> str:
        return number((item["signals"].get("all", {}).get(name) or [None])[0])

    names = [name for name in NAMES if any(
        name in item["signals"].get("all", {}) for item in entries)]
    return plain_table("The whole traffic, newest first", (
        "up to", "predictions", *(NAMES[name] for name in names), "verdict"), (
        [(item.get("to") or item["created"])[:10], f"{item.get('rows') or 0:,}",
         *(value(item, name) for name in names), item["verdict"]] for item in reversed(entries)))


def _method(report: Mapping[str, Any]) -> Markup | None:
    method = report.get("method")
    if not method:
        return None
    certificate = report.get("calibration")
    facts = {key.replace("_", " "): str(value) for key, value in method.items()}
    if certificate:
        facts["calibration"] = (
            f"{certificate['weeks']} weeks up to {certificate['last']}: "
            f"{certificate['weeks_with_alert']} with a false alert by general bounds, "
            f"{certificate['weeks_with_warning']} with a warning")
    return el("dl", (el("div", el("dt", key), el("dd", el("bdi", value)))
                     for key, value in facts.items()), class_="lineage")
