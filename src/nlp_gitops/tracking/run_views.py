"""Runs as text: a list, one run as a page, and several side by side."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.tables import table
from nlp_gitops.tracking import Run, Unfinished, gate_report, series, trackers
from nlp_gitops.tracking.environment import flat

MAIN_METRIC = "val_f1_macro"
NOTHING = "–"


def listing(runs: Iterable[Run | Unfinished], metric: str) -> str:
    """Return one line a run, in the order given."""
    rows = [_line(run, metric) for run in runs]
    if not rows:
        return "no runs yet; type: python tools/train.py"
    return table(("run", metric, "gate", "seconds", ""), rows)


def page(run: Run) -> str:
    """Return everything worth reading about a run."""
    details, report = run.details, gate_report(run)
    blocks = [("", [("run", run.name), ("model", run.model),
                    ("started", details.get("started", NOTHING)),
                    ("gate", f"{report['verdict']}: {report.get('headline', '')}" if report
                     else f"not evaluated; type: python tools/eval_gate.py --run {run.name}")]),
              ("lineage", _lineage(run)),
              ("parameters", [(key, str(value)) for key, value in run.params.items()]),
              ("metrics", _metrics(run)),
              ("seconds", [*details.get("durations", {}).items(),
                           ("all", details.get("seconds"))]),
              ("seeds", details.get("seeds", {}).items()),
              ("environment", [item for item in flat(details.get("environment", {})).items()
                               if not item[0].startswith("package ")]),
              ("artifacts", _files(run)),
              ("mirrors", [(name, f"{note['where']} ({note['state']})")
                           for name, note in trackers.notes(run.path).items()])]
    return "\n\n".join(_block(title, list(rows)) for title, rows in blocks if rows)


def unfinished_page(run: Unfinished) -> str:
    """Return what is known of a run that has no result."""
    blocks = [("", [("run", run.name), ("state", "unfinished: no result, whatever stands here"),
                    ("started", run.start.get("started", NOTHING))]),
              ("parameters", [(key, str(value)) for key, value
                              in run.start.get("params", {}).items()]),
              ("metrics so far", _series(series.read(run.path)).items())]
    return "\n\n".join(_block(title, list(rows)) for title, rows in blocks if rows)


def comparison(runs: Sequence[Run], everything: bool) -> str:
    """Return runs side by side: `*` marks what differs; what is equal is left out or not.

    Raises UsageError for fewer than two runs.
    """
    if len(runs) < 2:
        raise UsageError("compare needs at least two runs; see: python tools/runs.py list")
    letters = [chr(ord("A") + index) if index < 26 else f"run{index + 1}"
               for index in range(len(runs))]
    rows, equal = [], 0
    for title, part in _parts(runs):
        keys = {key: None for values in part for key in values}
        shown = []
        for key in keys:
            values = [values.get(key) for values in part]
            differs = any(value != values[0] for value in values)
            equal += not differs
            if differs or everything:
                change = _change(values) if title == "metrics" and len(runs) == 2 else ""
                shown.append(("*" if differs else "", key, *map(_text, values), change))
        if shown:
            rows += [("", title.upper(), *("" for _ in runs), ""), *shown]
    legend = [f"{letter}  {run.name}" for letter, run in zip(letters, runs, strict=True)]
    body = table(("", "", *letters, "B - A" if len(runs) == 2 else ""), rows) if rows else (
        "no difference")
    note = "" if everything else f"\n\n{equal} equal values are not shown; --all shows them"
    return "\n".join(legend) + "\n\n" + body + note


def record(run: Run | Unfinished) -> dict[str, Any]:
    """Return a run as plain data; `state` tells the unfinished ones."""
    if isinstance(run, Unfinished):
        return {"name": run.name, "state": "unfinished", **run.start}
    report = gate_report(run)
    return {"state": "finished", **run.details, "gate": report["verdict"] if report else None,
            "mirrors": trackers.notes(run.path)}


def gate_metrics(run: Run) -> dict[str, float]:
    """Return the numbers that the gate measured on the test split, without the row count."""
    report = gate_report(run)
    return {name: float(value) for name, value in (report or {"metrics": {}})["metrics"].items()
            if name != "rows" and isinstance(value, (int, float))
            and not isinstance(value, bool)}


def _line(run: Run | Unfinished, metric: str) -> tuple[str, ...]:
    if isinstance(run, Unfinished):
        return run.name, NOTHING, NOTHING, NOTHING, "unfinished"
    report = gate_report(run)
    value = run.metrics.get(metric, gate_metrics(run).get(metric))
    return (run.name, _text(value), report["verdict"] if report else NOTHING,
            f"{run.details.get('seconds', 0):.1f}",
            "uncommitted changes" if run.tags.get("dirty") else "")


def _lineage(run: Run) -> list[tuple[str, str]]:
    details = run.details
    rows = [(key, _text(value)) for key, value in run.tags.items()]
    data = details.get("dataset", {})
    rows += [(f"{split} split", f"{data.get('rows', {}).get(split, 0):,} rows, sha256 {digest}")
             for split, digest in data.get("sha256", {}).items()]
    if details.get("prompt"):
        rows.append(("prompt", f"{details['prompt']['name']}, sha256 "
                     f"{details['prompt']['sha256']}"))
    changes = details.get("git", {})
    if changes.get("dirty"):
        kept = changes.get("patch") or f"not kept ({changes.get('diff_bytes', 0):,} bytes)"
        rows.append(("patch", f"{kept}, sha256 {changes.get('diff_sha256')}"))
    return [*rows, *((f"{key} digest", value) for key, value in run.inputs.items()),
            ("model_sha256", details.get("model_sha256", NOTHING))]


def _metrics(run: Run) -> list[tuple[str, str]]:
    found = _series(series.read(run.path))
    rows = [(name, found.get(name, _text(value))) for name, value in run.metrics.items()]
    return [*rows, *((f"test {name}", _text(value))
                     for name, value in gate_metrics(run).items())]


def _series(points: Iterable[series.Point]) -> dict[str, str]:
    """Return metric -> its last value, and for a series also how it came there."""
    values: dict[str, list[series.Point]] = {}
    for point in points:
        values.setdefault(point.metric, []).append(point)
    return {name: _text(items[-1].value) + (
        f"  ({len(items)} values; step {items[0].step}: {_text(items[0].value)}, lowest "
        f"{_text(min(item.value for item in items))}, highest "
        f"{_text(max(item.value for item in items))})" if len(items) > 1 else "")
        for name, items in values.items()}


def _files(run: Run) -> list[tuple[str, str]]:
    return [(name, f"{about['bytes']:,} bytes")
            for name, about in run.details.get("files", {}).items()]


def _parts(runs: Sequence[Run]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Return (title, one mapping for each run)."""
    return [
        ("params", [{key: str(value) for key, value in run.params.items()} for run in runs]),
        ("metrics", [{**run.metrics, **{f"test {name}": value
                                        for name, value in gate_metrics(run).items()}}
                     for run in runs]),
        ("lineage", [{**run.tags, "commit": str(run.tags.get("commit"))[:12],
                      **{f"{key} digest": value[:12] for key, value in run.inputs.items()},
                      "model_sha256": str(run.details.get("model_sha256"))[:12]}
                     for run in runs]),
        ("seeds", [run.details.get("seeds", {}) for run in runs]),
        ("environment", [flat(run.details.get("environment", {})) for run in runs])]


def _change(values: Sequence[Any]) -> str:
    first, last = values
    if not isinstance(first, float) or not isinstance(last, float) or first == last:
        return ""
    return f"{last - first:+.4f}"


def _block(title: str, rows: Sequence[tuple[str, Any]]) -> str:
    width = max(len(str(name)) for name, _ in rows)
    lines = [f"{name:<{width}}  {_text(value)}".rstrip() for name, value in rows]
    return "\n".join([title.upper(), *(f"  {line}" for line in lines)] if title else lines)


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return f"{value:.4f}" if math.isfinite(value) and abs(value) < 1e6 else f"{value:g}"
    return str(value)
