"""A drift report in few words: for terminals, for the job summary, and the line scripts read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nlp_gitops.core.tables import table
from nlp_gitops.drift.judge import alerts
from nlp_gitops.reporting.markdown import escape

NOTHING = "–"
MARKS = {"OK": "✓", "WARN": "!", "ALERT": "✗", "CRITICAL": "✗", "INSUFFICIENT": "?",
         "NOT_MEASURED": "∅"}
SIGNS = {"OK": "✅", "WARN": "⚠️", "ALERT": "❌", "CRITICAL": "❌", "INSUFFICIENT": "❔",
         "NOT_MEASURED": "🚫"}
NAMES = {
    "embedding": "embedding", "features": "embedding (MMD)", "label": "labels", "score": "scores",
    "length": "length", "unknown_words": "unknown words", "language": "language",
    "accuracy": "accuracy"}
HEADER = ("slice", "statistic", "effect", "bound", "p adjusted", "detectable", "lines", "verdict")
_MOST = 40
_FIGURES = {
    "requests": ("requests", "{:,.0f}"), "requests_per_hour": ("an hour", "{:,.1f}"),
    "busiest_hour": ("in the busiest hour", "{:,.0f}"),
    "error_rate": ("errors (5xx)", "{:.2%}"), "refused_rate": ("refused (4xx)", "{:.2%}"),
    "latency_ms_p50": ("latency p50", "{:,.1f} ms"),
    "latency_ms_p95": ("latency p95", "{:,.1f} ms"),
    "latency_ms_p99": ("latency p99", "{:,.1f} ms"),
    "words_per_text": ("words a text", "{:,.1f}"),
    "prompt_tokens_per_request": ("prompt tokens a request", "{:,.1f}"),
    "completion_tokens_per_request": ("completion tokens a request", "{:,.1f}")}


def text(report: Mapping[str, Any]) -> str:
    """Return what a person in front of a terminal wants: signals, figures, quality, warnings."""
    rows = [row(*item) for item in signals(report)]
    lines = [windows(report), table(HEADER, rows) if rows else ""]
    lines += [f"service: {', '.join(f'{name} {now}' for name, now, _ in service(report))}"
              if service(report) else ""]
    lines += [*quality(report), *(f"note: {line}" for line in report.get("warnings", ()))]
    return "\n".join(line for line in lines if line)


def last_line(report: Mapping[str, Any]) -> str:
    """Return `DRIFT: VERDICT (why)`."""
    return f"DRIFT: {report['verdict']} ({report['why']})"


def signals(report: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return what is not OK, worst first, then all else that is known of the whole traffic."""
    loud = list(alerts(report["slices"]))
    told = {(name, statistic) for name, statistic, _ in loud}
    return loud + [("all", statistic, signal)
                   for statistic, signal in report["slices"].get("all", {}).items()
                   if ("all", statistic) not in told]


def row(name: str, statistic: str, signal: Mapping[str, Any]) -> list[str]:
    """Return a signal as cells below `HEADER`."""
    return [name, NAMES.get(statistic, statistic), number(signal.get("value")),
            number(signal.get("bound")), probability(signal.get("p_adjusted")),
            number(signal.get("mde")), f"{signal.get('n', 0):,}",
            signal["verdict"].replace("_", " ")]


def number(value: float | None) -> str:
    """Return an effect or a bound."""
    return NOTHING if value is None else f"{value:.4f}".replace("-0.0000", "0.0000")


def probability(value: float | None) -> str:
    """Return a p-value."""
    return NOTHING if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def windows(report: Mapping[str, Any]) -> str:
    """Return what was compared with what."""
    found = []
    for side in ("current", "reference"):
        window = report.get("windows", {}).get(side)
        if window:
            span = f", {window['from'][:10]} to {window['to'][:10]}" if window["from"] else ""
            found.append(f"{side}: {window['rows']:,} predictions ({window['place']}{span})")
    return "; ".join(found)


def service(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the service's figures: name, now, in the reference."""
    sides = report.get("service", {})
    now, then = sides.get("current") or {}, sides.get("reference") or {}
    return [(name, form.format(now[key]), form.format(then[key]) if key in then else NOTHING)
            for key, (name, form) in _FIGURES.items() if key in now]


def quality(report: Mapping[str, Any]) -> list[str]:
    """Return a sentence for the estimate, and one for the labels that came."""
    found = report.get("quality", {})
    lines = []
    if found.get("estimate"):
        item = found["estimate"]
        lines.append(f"estimated accuracy without labels: {item['accuracy']:.3f} "
                     f"[{item['interval'][0]:.3f}, {item['interval'][1]:.3f}], "
                     f"{item['reference_accuracy']:.3f} on the reference. {item['blind']}")
    if found.get("labelled"):
        item = found["labelled"]
        known = item["slices"].get("all")
        lines.append(f"{item['matched']:,} of {item['labels']:,} delayed labels found their "
                     "prediction" + (f": accuracy {known['accuracy']:.3f} "
                                     f"[{known['accuracy_interval'][0]:.3f}, "
                                     f"{known['accuracy_interval'][1]:.3f}], macro-F1 "
                                     f"{known['f1_macro']:.3f}" if known else ""))
    return lines


def since(report: Mapping[str, Any]) -> list[str]:
    """Return since when statistics have moved, as far as the days say so."""
    points = report.get("explanation", {}).get("change_points", {})
    return [f"{NAMES[name]}: other days since {point['day']} (mean effect {point['before']:.4f} "
            f"before, {point['after']:.4f} from then on; p {probability(point['p'])})"
            for name, point in points.items() if point["p"] < 0.05]


def markdown(report: Mapping[str, Any], past: Sequence[Mapping[str, Any]]) -> str:
    """Return the report for a job summary. No text of the traffic is in it."""
    lines = [f"## {SIGNS[report['verdict']]} Drift: {report['verdict'].replace('_', ' ')}: "
             f"{escape(report['why'])}", "", f"**{escape(report['model'])}** "
             f"{escape(windows(report))}".rstrip(), ""]
    rows = [row(*item) for item in signals(report)]
    lines += _table(HEADER, rows[:_MOST])
    if len(rows) > _MOST:
        lines += [f"… and {len(rows) - _MOST} more in report.html.", ""]
    lines += _table(("service", "now", "reference"), service(report))
    lines += [f"- {escape(line)}" for line in (
        *quality(report), *since(report), *report.get("warnings", ()))]
    words = report.get("explanation", {}).get("words", ())
    if words:
        lines += ["", "Words whose share of texts moved most: " + ", ".join(
            f"{escape(item['word'])} {item['reference_share']:.1%} → {item['share']:.1%}"
            for item in words[:8])]
    if past:
        lines += ["", "Earlier reports: " + " ".join(
            f"{SIGNS.get(item['verdict'], '')} {escape((item.get('to') or item['created'])[:10])}"
            for item in past[-12:])]
    return "\n".join(lines) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    found = [f"| {' | '.join(escape(cell) for cell in cells)} |" for cells in rows]
    return [f"| {' | '.join(header)} |", "|" + "---|" * len(header), *found, ""] if found else []
