"""A drift report as one HTML page that needs nothing else, below 100 KB."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from nlp_gitops.drift import plots, summary
from nlp_gitops.drift.summary import NAMES, number
from nlp_gitops.reporting import pages

MOST_ROWS = 60
MOST_PAST = 26
LINES = ("embedding", "label", "score", "length")

Table = tuple[list[str], list[list[str]]]


def page(report: Mapping[str, Any], past: Sequence[Mapping[str, Any]]) -> str:
    """Return the whole page."""
    labelled = (report.get("quality") or {}).get("labelled") or {}
    given = {"warnings": [], "version": None, **report}
    return pages.render(
        "drift/templates/page.html", report=given, words=summary, MOST_ROWS=MOST_ROWS,
        signals=[{"cells": summary.row(name, statistic, signal), "verdict": signal["verdict"],
                  "why": signal.get("why") or signal.get("source")}
                 for name, statistic, signal in summary.signals(report)],
        statistics={name: title for name, title in NAMES.items() if name != "accuracy" and any(
            "value" in signals.get(name, {}) for signals in report["slices"].values())},
        days=_days(report), distributions=_distributions(report),
        labelled=labelled.get("slices") or {},
        explained={"words": (), "new_words": (), "texts": (), **report.get("explanation", {})},
        past=_past(past, report), method=_method(report))


def _days(report: Mapping[str, Any]) -> list[Markup]:
    found = report.get("explanation", {})
    days, points = found.get("time_line", ()), found.get("change_points", {})
    whole = report["slices"].get("all", {})
    return [plots.time_line(
        f"{NAMES[name]}: daily effect", days, name, whole.get(name, {}).get("bound"),
        report["windows"]["current"]["from"],
        points[name] if points.get(name, {}).get("p", 1) < 0.05 else None)
        for name in LINES if sum(name in day for day in days) > 1]


def _distributions(report: Mapping[str, Any]) -> list[Markup]:
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
    return drawn


def _past(past: Sequence[Mapping[str, Any]], report: Mapping[str, Any]) -> Table | None:
    if not past:
        return None
    now = {"to": report["windows"]["current"]["to"], "created": report["created"],
           "rows": report["windows"]["current"]["rows"], "verdict": report["verdict"],
           "signals": {"all": {name: [signal.get("value")] for name, signal in
                               report["slices"].get("all", {}).items()}}
           } if report.get("windows") else None
    return past_table([*past[-MOST_PAST:], *([now] if now else [])])


def past_table(entries: Sequence[Mapping[str, Any]]) -> Table:
    """Return header and rows, newest first, of what reports said of the whole traffic.

    Entries are those of the drift history, oldest first.
    """
    signals = [entry["signals"].get("all", {}) for entry in entries]
    names = [name for name in NAMES if any(name in signal for signal in signals)]
    rows = [[(entry.get("to") or entry["created"])[:10], f"{entry.get('rows') or 0:,}",
             *(number((signal.get(name) or [None])[0]) for name in names), entry["verdict"]]
            for entry, signal in zip(entries, signals, strict=True)]
    return ["up to", "predictions", *(NAMES[name] for name in names), "verdict"], rows[::-1]


def _method(report: Mapping[str, Any]) -> dict[str, str]:
    facts = {key: str(value) for key, value in (report.get("method") or {}).items()}
    certificate = report.get("calibration")
    if facts and certificate:
        facts["calibration"] = (
            f"{certificate['weeks']} weeks up to {certificate['last']}: "
            f"{certificate['weeks_with_alert']} with a false alert by general bounds, "
            f"{certificate['weeks_with_warning']} with a warning")
    return facts
