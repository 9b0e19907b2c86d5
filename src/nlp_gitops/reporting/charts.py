"""Charts as SVG; colours and text sizes come from the page's style sheet.

Strips use percentages, so that they stretch with the page and their marks do not.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup, escape

from nlp_gitops.reporting import phrases as words
from nlp_gitops.reporting.report import Bin, Latency, Slice

STRIP_HEIGHT = 28
LATENCY_WIDTH, LATENCY_HEIGHT = 380, 230
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 320, 150, 52, 12, 12, 22

Child: TypeAlias = str | None | Iterable["Child"]


def el(name: str, /, *children: Child, **attributes: object) -> Markup:
    """Return an element whose texts and attributes are escaped, unless they are Markup.

    `class_` is class, `_` becomes `-`; what is None is left out.
    """
    shown = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(_rounded(value))}"'
                    for key, value in attributes.items() if value is not None)
    return Markup(f"<{name}{shown}>{_text(children)}</{name}>")


def _text(child: Child) -> str:
    if child is None:
        return ""
    return escape(child) if isinstance(child, str) else "".join(map(_text, child))


def _rounded(value: object) -> object:
    return f"{round(value, 2):g}" if isinstance(value, float) else value


@dataclass(frozen=True)
class Scale:
    """An axis with round ends and round ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> str:
        """Return where a value lies, in percent of the strip's width."""
        share = (value - self.low) / (self.high - self.low)
        return f"{4 + 92 * min(max(share, 0.0), 1.0):.2f}%"


def scale(values: Iterable[float]) -> Scale:
    """Return an axis that holds all the values."""
    known = list(values) or [0.0, 1.0]
    low, high = min(known), max(known)
    span = max(high - low, 0.05, abs(high) * 1e-9)
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if span / (power * factor) <= 5)
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    return Scale(first * step, last * step,
                 tuple(index * step for index in range(first, last + 1)))


def slice_scale(slices: Iterable[Slice]) -> Scale:
    """Return the axis that slices share."""
    return scale(value for item in slices
                 for value in (item.value, item.bound, item.champion, *(item.interval or ()))
                 if value is not None)


def axis_numbers(axis: Scale) -> Markup:
    """Return the numbers of a strip's axis. A screen reader has them in the cells."""
    return el("svg", (el("text", f"{tick:g}" if abs(tick) < 1e6 else f"{tick:.1e}", x=x, y="12",
                         text_anchor="middle") for tick, x in _ticks(axis)),
              class_="axis", width="100%", height="16", aria_hidden="true")


def strip(item: Slice, axis: Scale) -> Markup:
    """Return a dot with its interval, the bound as a dashed line, the champion as a diamond."""
    middle = STRIP_HEIGHT // 2
    parts = [el("line", x1=x, x2=x, y1="0", y2=STRIP_HEIGHT, class_="grid")
             for _, x in _ticks(axis)]
    if item.bound is not None:
        x = axis.at(item.bound)
        parts.append(el("line", x1=x, x2=x, y1="0", y2=STRIP_HEIGHT, class_="bound"))
    if item.interval:
        low, high = map(axis.at, item.interval)
        parts.append(el("line", x1=low, x2=high, y1=middle, y2=middle, class_="interval"))
        parts += [el("line", x1=x, x2=x, y1=middle - 4, y2=middle + 4, class_="interval")
                  for x in (low, high)]
    if item.champion is not None:
        parts.append(_mark("champion", axis.at(item.champion), middle))
    if item.value is not None:
        parts.append(_mark("missed" if item.misses else "model", axis.at(item.value),
                           middle))
    return el("svg", *parts, class_="strip", width="100%", height=STRIP_HEIGHT, role="img",
              aria_label=_strip_label(item))


def legend_mark(kind: str) -> Markup:
    """Return one mark of a strip, for the legend."""
    inner = (el("line", x1="11", x2="11", y1="0", y2="18", class_="bound") if kind == "bound"
             else el("line", x1="1", x2="21", y1="9", y2="9", class_="interval")
             if kind == "interval" else _mark(kind, "11", 9))
    return el("svg", inner, width="22", height="18", class_="key", aria_hidden="true")


def _mark(kind: str, x: str, y: int) -> Markup:
    # Three shapes, not three colours, tell the marks apart.
    path = {"champion": "M0-6.5L6.5 0L0 6.5L-6.5 0Z",
            "model": "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0Z",
            "missed": "M-5-5L5 5M-5 5L5-5"}[kind]
    return el("svg", el("path", d=path, class_=kind), x=x, y=y, overflow="visible")


def _ticks(axis: Scale) -> list[tuple[float, str]]:
    return [(tick, axis.at(tick)) for tick in axis.ticks]


def _strip_label(item: Slice) -> str:
    parts = [f"{item.name}: {words.measured(item.value, item.interval)}"]
    if item.bound is not None:
        parts.append(f"bound {item.bound:g}" + (", missed" if item.misses else ""))
    if item.champion is not None:
        parts.append(f"champion {words.number(item.champion)}")
    return ", ".join(parts)


def reliability(bins: Sequence[Bin]) -> Markup:
    """Return how often predictions are right against how sure they were; the dashes are ideal."""
    most = max((part.n for part in bins), default=0.0) or 1.0
    parts = [el("line", x1=45, y1=270, x2=295, y2=20, class_="bound")]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = 45 + 250 * share, 270 - 250 * share
        parts += [el("line", x1=45, x2=295, y1=y, y2=y, class_="grid"),
                  el("text", f"{share:g}", x=38, y=y + 4, text_anchor="end"),
                  el("text", f"{share:g}", x=x, y=288, text_anchor="middle")]
    for part in bins:
        if part.accuracy is None or not 0 <= part.accuracy <= 1 or not part.n:
            continue
        sure = (part.start + part.end) / 2 if part.confidence is None else part.confidence
        x, y = 45 + 250 * min(max(sure, 0.0), 1.0), 270 - 250 * part.accuracy
        parts += [el("line", x1=x, x2=x, y1=y, y2=270 - (x - 45), class_="gap"),
                  el("circle", cx=x, cy=y, r=3 + 6 * math.sqrt(min(part.n / most, 1.0)),
                     class_="model")]
    parts += [el("text", "confidence", x=170, y=308, text_anchor="middle"),
              el("text", "share that is right", transform="translate(10 145) rotate(-90)",
                 text_anchor="middle")]
    return _figure(310, 315, "Reliability: how often predictions are right against how sure they "
                   "were. The numbers are in the table.", parts)


def latency_histogram(data: Latency, metrics: Mapping[str, float]) -> Markup:
    """Return a histogram of latencies, the champion's outline, and p50, p95 and p99."""
    most = max([*data.counts, *(data.champion or ())]) or 1.0
    width = (LATENCY_WIDTH - 20) / len(data.counts)
    base = LATENCY_HEIGHT - 35

    def height(count: float) -> float:
        return base - (base - 35) * count / most

    parts = [el("rect", x=10 + width * index, y=height(count), width=max(width - 1, 0.5),
                height=base - height(count), class_="bar")
             for index, count in enumerate(data.counts)]
    if data.champion:
        steps = " ".join(f"{10 + width * (index + end):.1f},{height(count):.1f}"
                         for index, count in enumerate(data.champion) for end in (0, 1))
        parts.append(el("polyline", points=f"10,{base} {steps} {LATENCY_WIDTH - 10},{base}",
                        class_="outline"))
    parts += _edge_labels(data.edges, width, base) + _percentiles(data.edges, metrics, width, base)
    summary = ", ".join(f"{name} {words.number(metrics[f'latency_ms_{name}'], 'latency_ms')}"
                        for name in ("p50", "p95", "p99") if f"latency_ms_{name}" in metrics)
    return _figure(LATENCY_WIDTH, LATENCY_HEIGHT, f"Histogram of latency. {summary}", parts)


def _edge_labels(edges: Sequence[float], width: float, base: float) -> list[Markup]:
    every = max(1, math.ceil((len(edges) - 1) / 5))
    labels = [el("text", f"{edge:.3g}", x=10 + width * index, y=base + 15,
                 text_anchor="start" if not index else "end" if index == len(edges) - 1
                 else "middle")
              for index, edge in enumerate(edges) if index % every == 0]
    return [el("line", x1=10, x2=LATENCY_WIDTH - 10, y1=base, y2=base, class_="frame"), *labels,
            el("text", "milliseconds", x=LATENCY_WIDTH / 2, y=base + 31, text_anchor="middle")]


def _percentiles(edges: Sequence[float], metrics: Mapping[str, float], width: float,
                 base: float) -> list[Markup]:
    parts = []
    for row, name in enumerate(("p50", "p95", "p99")):
        value = metrics.get(f"latency_ms_{name}")
        if value is None or not edges[0] <= value <= edges[-1]:
            continue
        index = min(bisect_right(edges, value), len(edges) - 1) - 1
        share = (value - edges[index]) / (edges[index + 1] - edges[index])
        x, y = 10 + width * (index + share), 10 + 11 * row
        late = x > LATENCY_WIDTH / 2
        parts += [el("line", x1=x, x2=x, y1=y - 8, y2=base, class_="bound"),
                  el("text", name, x=x - 3 if late else x + 3, y=y,
                     text_anchor="end" if late else "start")]
    return parts


def heat_map(title: str, shades: Sequence[Sequence[str]]) -> Markup:
    """Return a square of cells without numbers; `shades` are their classes in the style sheet."""
    # One path for each colour: 22,500 elements would make the page slow.
    paths: dict[str, list[str]] = {}
    for row, names in enumerate(shades):
        for column, name in enumerate(names):
            if name:
                paths.setdefault(name, []).append(f"M{column} {row}h1v1h-1z")
    side = len(shades)
    return el("svg", (el("path", d="".join(path), class_=name)
                      for name, path in sorted(paths.items())),
              el("rect", x="0", y="0", width=side, height=side, class_="frame"),
              viewBox=f"0 0 {side} {side}", class_="cells", role="img", aria_label=title)


def _figure(width: int, height: int, label: str, parts: Sequence[Markup]) -> Markup:
    return el("svg", *parts, viewBox=f"0 0 {width} {height}", class_="plot", role="img",
              aria_label=label)


@dataclass(frozen=True)
class Point:
    """One thing that was measured: its place counted from the oldest, its value, and its name.

    `bound` is what was asked of it, `link` where a click on it leads; `missed` draws a ring.
    """

    place: int
    value: float
    name: str
    link: str | None = None
    bound: float | None = None
    missed: bool = False


def line_chart(title: str, points: Sequence[Point], places: int, things: str,
               ends: tuple[str, str] = ("oldest", "newest")) -> Markup:
    """Return a line with the oldest on the left; a place without a number breaks the line."""
    known = [point for point in points if math.isfinite(point.value)]
    low, high = line_range([*(point.value for point in known),
                            *(point.bound for point in known if point.bound is not None)])
    step = (WIDTH - LEFT - RIGHT) / max(places - 1, 1)

    def x(place: int) -> float:
        return LEFT + step * (place if places > 1 else 0.5)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low)

    grid = [(el("line", x1=LEFT, x2=WIDTH - 6, y1=y(value), y2=y(value), class_="grid"),
             el("text", _tick(value), x=LEFT - 6, y=y(value) + 4, text_anchor="end"))
            for value in (low, (low + high) / 2, high)]
    bounds = [el("line", x1=max(x(point.place) - step / 2, LEFT),
                 x2=min(x(point.place) + step / 2, WIDTH - 6), y1=y(point.bound), y2=y(point.bound),
                 class_="bound") for point in known if point.bound is not None]
    lines = [el("polyline", class_="curve",
                points=" ".join(f"{x(point.place):.1f},{y(point.value):.1f}" for point in part))
             for part in _unbroken(known)]
    marks = [_point(point, x(point.place), y(point.value)) for point in known]
    last = f"{known[-1].value:.4g}" if known else words.NOTHING
    drawing = el("svg", grid, bounds, lines, marks, el("text", ends[0], x=LEFT, y=HEIGHT - 5),
                 el("text", ends[1], x=WIDTH - 6, y=HEIGHT - 5, text_anchor="end")
                 if places > 1 else None,
                 viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="plot", role="img",
                 aria_label=f"{title} over {len(known)} {things}, newest {last}")
    return el("figure", el("figcaption", el("bdi", title), " ", el("b", last)), drawing)


def line_range(values: Sequence[float]) -> tuple[float, float]:
    """Return an axis around the values that is never empty.

    It does not go below 0, or above 1, where no value does: it would suggest that the metric can.
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = (high - low) * 0.08 or abs(high) * 0.05 or 0.5
    return (max(low - margin, 0.0) if low >= 0 else low - margin,
            min(high + margin, 1.0) if high <= 1 else high + margin)


def _point(point: Point, x: float, y: float) -> Markup:
    asked = "" if point.bound is None else f", bound {point.bound:g}"
    circle = el("circle", el("title", f"{point.name}: {point.value:.6g}{asked}"), cx=x, cy=y, r=4,
                class_="missed" if point.missed else "model")
    return circle if point.link is None else el("a", circle, href=point.link)


def _tick(value: float) -> str:
    """Return a number that fits beside the axis."""
    return f"{value:.4g}" if 1e-3 <= abs(value) < 1e5 or not value else f"{value:.2g}"


def _unbroken(points: Sequence[Point]) -> Iterable[list[Point]]:
    part: list[Point] = []
    for point in points:
        if part and point.place != part[-1].place + 1:
            yield part
            part = []
        part.append(point)
    if part:
        yield part
