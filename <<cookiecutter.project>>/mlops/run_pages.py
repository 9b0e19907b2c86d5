"""Runs as one HTML page that needs nothing else: a chart for each model and metric, and a table."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops.markup import Child, Markup, document, el
from mlops.run_views import MAIN_METRIC, NOTHING, gate_metrics
from mlops.tracking import Run, Unfinished, gate_report

STYLE = Path(__file__).with_name("run_pages.css")
SHOWN_RUNS = 100
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 320, 150, 52, 12, 22


@dataclass(frozen=True)
class Dot:
    """One run in a chart: its place counted from the oldest, and its value."""

    place: int
    value: float
    run: str


def page(title: str, runs: Sequence[Run], unfinished: Sequence[Unfinished]) -> str:
    """Return the page of runs, given oldest first."""
    style = STYLE.read_text(encoding="utf-8")
    models = list(dict.fromkeys(run.model for run in runs))
    return document(
        f"Runs of {title}", style, el("h1", f"Runs of {title}"),
        el("p", f"{len(runs)} finished, {len(unfinished)} unfinished.", class_="note"),
        el("main", (_model(model, [run for run in runs if run.model == model])
                    for model in models), _unfinished(unfinished)))


def _model(name: str, runs: Sequence[Run]) -> Markup:
    recent = runs[-SHOWN_RUNS:]
    values = [{**run.metrics, **{f"test {key}": value
                                 for key, value in gate_metrics(run).items()}} for run in recent]
    metrics = list(dict.fromkeys(key for item in values for key in item))
    left_out = len(runs) - len(recent)
    return el(
        "section", el("h2", el("bdi", name)),
        el("p", f"The newest {len(recent)} of {len(runs)} runs.", class_="note")
        if left_out else None,
        el("div", (_chart(metric, [Dot(place, item[metric], run.name) for place, (run, item)
                                   in enumerate(zip(recent, values, strict=True))
                                   if metric in item], len(recent)) for metric in metrics),
           class_="charts"),
        _table(list(reversed(recent))))


def _chart(metric: str, dots: Sequence[Dot], places: int) -> Markup:
    """Return a line over runs, the oldest on the left; a run without a number breaks the line."""
    known = [dot for dot in dots if math.isfinite(dot.value)]
    low, high = _range([dot.value for dot in known])

    def x(place: int) -> float:
        return LEFT + (WIDTH - LEFT - 12) * (place / (places - 1) if places > 1 else 0.5)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low)

    grid = [(el("line", x1=LEFT, x2=WIDTH - 6, y1=y(value), y2=y(value), class_="grid"),
             el("text", _tick(value), x=LEFT - 6, y=y(value) + 4, text_anchor="end"))
            for value in (low, (low + high) / 2, high)]
    lines = [el("polyline", class_="line",
                points=" ".join(f"{x(dot.place):.1f},{y(dot.value):.1f}" for dot in part))
             for part in _unbroken(known)]
    marks = [el("a", el("circle", el("title", f"{dot.run}: {dot.value:.6g}"), cx=x(dot.place),
                        cy=y(dot.value), r=4), href=f"#{dot.run}")
             for dot in known]
    last = f"{known[-1].value:.4g}" if known else NOTHING
    drawing = el("svg", grid, lines, marks,
                 el("text", "oldest", x=LEFT, y=HEIGHT - 5),
                 el("text", "newest", x=WIDTH - 6, y=HEIGHT - 5, text_anchor="end"),
                 viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img",
                 aria_label=f"{metric} over {len(known)} runs, newest {last}")
    return el("figure", el("figcaption", el("bdi", metric), " ", el("b", last)), drawing)


def _tick(value: float) -> str:
    """Return a number that fits beside the axis."""
    return f"{value:.4g}" if 1e-3 <= abs(value) < 1e5 or not value else f"{value:.2g}"


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return an axis around the values that is never empty.

    It does not go below 0, or above 1, where no value does: it would suggest that the metric can.
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = (high - low) * 0.08 or abs(high) * 0.05 or 0.5
    return (max(low - margin, 0.0) if low >= 0 else low - margin,
            min(high + margin, 1.0) if high <= 1 else high + margin)


def _unbroken(dots: Sequence[Dot]) -> Iterable[list[Dot]]:
    part: list[Dot] = []
    for dot in dots:
        if part and dot.place != part[-1].place + 1:
            yield part
            part = []
        part.append(dot)
    if part:
        yield part


def _table(runs: Sequence[Run]) -> Markup:
    head = ("run", "gate", MAIN_METRIC, "test f1_macro", "data", "prompt", "commit", "parameters",
            "seconds")
    return el("div", el("table",
                        el("thead", el("tr", (el("th", name, scope="col") for name in head))),
                        el("tbody", (_row(run) for run in runs))),
              class_="scroll", tabindex="0", role="region", aria_label="table of runs")


def _row(run: Run) -> Markup:
    report = gate_report(run)
    verdict = str(report["verdict"]) if report else NOTHING
    cells: list[Child] = [
        el("span", verdict, class_=f"badge {verdict.lower()}" if report else None),
        _number(run.metrics.get(MAIN_METRIC)), _number(gate_metrics(run).get("f1_macro")),
        _words(run.tags.get("dataset_version")), _words(run.tags.get("prompt_version")),
        [_words(str(run.tags.get("commit"))[:12]),
         el("small", "uncommitted changes") if run.tags.get("dirty") else None],
        _words(", ".join(f"{key}={value}" for key, value in run.params.items())),
        _number(run.details.get("seconds"), 1)]
    return el("tr", el("th", el("bdi", run.name), scope="row"), (el("td", cell) for cell in cells),
              id=run.name)


def _unfinished(runs: Sequence[Unfinished]) -> Markup | None:
    if not runs:
        return None
    return el("section", el("h2", "Unfinished"),
              el("p", "These go on, were stopped or failed. None is a result.", class_="note"),
              el("ul", (el("li", el("bdi", run.name)) for run in runs)))


def _words(value: object) -> Markup:
    return el("bdi", NOTHING if value is None else str(value))


def _number(value: object, digits: int = 4) -> str:
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else NOTHING
