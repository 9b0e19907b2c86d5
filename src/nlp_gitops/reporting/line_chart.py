"""A metric over runs, versions or reports as an SVG line; colours come from the page's style."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nlp_gitops.reporting.markup import Child, Markup, el

NOTHING = "–"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 320, 150, 52, 12, 12, 22


@dataclass(frozen=True)
class Dot:
    """One thing that was measured: its place counted from the oldest, its value, and its name.

    `bound` is what was asked of it, `link` where a click on it leads; `missed` draws a ring.
    """

    place: int
    value: float
    name: str
    link: str | None = None
    bound: float | None = None
    missed: bool = False


def chart(title: str, dots: Sequence[Dot], places: int, things: str,
          ends: tuple[str, str] = ("oldest", "newest")) -> Markup:
    """Return a line with the oldest on the left; a place without a number breaks the line."""
    known = [dot for dot in dots if math.isfinite(dot.value)]
    low, high = axis([*(dot.value for dot in known),
                      *(dot.bound for dot in known if dot.bound is not None)])
    step = (WIDTH - LEFT - RIGHT) / max(places - 1, 1)

    def x(place: int) -> float:
        return LEFT + step * (place if places > 1 else 0.5)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low)

    grid = [(el("line", x1=LEFT, x2=WIDTH - 6, y1=y(value), y2=y(value), class_="grid"),
             el("text", _tick(value), x=LEFT - 6, y=y(value) + 4, text_anchor="end"))
            for value in (low, (low + high) / 2, high)]
    bounds = [el("line", x1=max(x(dot.place) - step / 2, LEFT),
                 x2=min(x(dot.place) + step / 2, WIDTH - 6), y1=y(dot.bound), y2=y(dot.bound),
                 class_="bound") for dot in known if dot.bound is not None]
    lines = [el("polyline", class_="curve",
                points=" ".join(f"{x(dot.place):.1f},{y(dot.value):.1f}" for dot in part))
             for part in _unbroken(known)]
    marks = [_mark(dot, x(dot.place), y(dot.value)) for dot in known]
    last = f"{known[-1].value:.4g}" if known else NOTHING
    drawing = el("svg", grid, bounds, lines, marks, el("text", ends[0], x=LEFT, y=HEIGHT - 5),
                 el("text", ends[1], x=WIDTH - 6, y=HEIGHT - 5, text_anchor="end")
                 if places > 1 else None,
                 viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="plot", role="img",
                 aria_label=f"{title} over {len(known)} {things}, newest {last}")
    return el("figure", el("figcaption", el("bdi", title), " ", el("b", last)), drawing)


def axis(values: Sequence[float]) -> tuple[float, float]:
    """Return an axis around the values that is never empty.

    It does not go below 0, or above 1, where no value does: it would suggest that the metric can.
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = (high - low) * 0.08 or abs(high) * 0.05 or 0.5
    return (max(low - margin, 0.0) if low >= 0 else low - margin,
            min(high + margin, 1.0) if high <= 1 else high + margin)


def _mark(dot: Dot, x: float, y: float) -> Child:
    asked = "" if dot.bound is None else f", bound {dot.bound:g}"
    circle = el("circle", el("title", f"{dot.name}: {dot.value:.6g}{asked}"), cx=x, cy=y, r=4,
                class_="missed" if dot.missed else "model")
    return circle if dot.link is None else el("a", circle, href=dot.link)


def _tick(value: float) -> str:
    """Return a number that fits beside the axis."""
    return f"{value:.4g}" if 1e-3 <= abs(value) < 1e5 or not value else f"{value:.2g}"


def _unbroken(dots: Sequence[Dot]) -> Iterable[list[Dot]]:
    part: list[Dot] = []
    for dot in dots:
        if part and dot.place != part[-1].place + 1:
            yield part
            part = []
        part.append(dot)
    if part:
        yield part
