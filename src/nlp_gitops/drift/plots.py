"""Plots of a drift report as SVG; colours and text sizes come from the page's style sheet."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from nlp_gitops.reporting.charts import el, scale

WIDTH, HEIGHT = 380, 170
LEFT, RIGHT, TOP, BASE = 48, 372, 14, 138
MOST_LABELS = 12


def time_line(title: str, days: Sequence[Mapping[str, Any]], statistic: str, bound: float | None,
              first: str | None, point: Mapping[str, Any] | None) -> Markup:
    """Return a statistic's daily effect; grey are the days of the reference before `first`."""
    known = [day for day in days if statistic in day]
    axis = scale([0.0, *(day[statistic] for day in known)])
    step = (RIGHT - LEFT) / max(len(known) - 1, 1)

    def at(value: float) -> float:
        return BASE - (BASE - TOP) * (value - axis.low) / (axis.high - axis.low)

    parts = _frame(axis.ticks, at)
    before = sum(bool(first and day["day"] < first[:10]) for day in known)
    if before:
        parts.insert(0, el("rect", x=LEFT, y=TOP, width=max(step * (before - 0.5), 1),
                           height=BASE - TOP, class_="past"))
    if bound is not None and bound <= axis.high:
        parts.append(el("line", x1=LEFT, x2=RIGHT, y1=at(bound), y2=at(bound), class_="bound"))
    line = " ".join(f"{LEFT + step * place:.1f},{at(day[statistic]):.1f}"
                    for place, day in enumerate(known))
    parts.append(el("polyline", points=line, class_="curve"))
    if point:
        place = next(place for place, day in enumerate(known) if day["day"] == point["day"])
        x = LEFT + step * place
        late = x > (LEFT + RIGHT) / 2
        parts += [el("line", x1=x, x2=x, y1=TOP, y2=BASE, class_="interval"),
                  el("text", f"since {point['day'][5:]}", x=x - 4 if late else x + 4, y=TOP + 18,
                     text_anchor="end" if late else "start")]
    parts += [el("text", known[0]["day"], x=LEFT, y=BASE + 16),
              el("text", known[-1]["day"], x=RIGHT, y=BASE + 16, text_anchor="end")]
    return _figure(title, f"{title}, each day against the whole reference: highest "
                   f"{max(day[statistic] for day in known):.3f}", parts)


def shares(title: str, names: Sequence[str], current: Sequence[float],
           reference: Sequence[float]) -> Markup:
    """Return bars of the current shares with the reference as an outline."""
    axis = scale([0.0, *current, *reference])
    width = (RIGHT - LEFT) / len(current)

    def at(value: float) -> float:
        return BASE - (BASE - TOP) * value / axis.high

    gap = 1 if len(current) > MOST_LABELS else width * 0.15
    parts = _frame(axis.ticks, at)
    parts += [el("rect", x=LEFT + width * place + gap / 2, y=at(share), width=width - gap,
                 height=BASE - at(share), class_="bar") for place, share in enumerate(current)]
    steps = " ".join(f"{LEFT + width * (place + end):.1f},{at(share):.1f}"
                     for place, share in enumerate(reference) for end in (0, 1))
    parts.append(el("polyline", points=f"{LEFT},{BASE} {steps} {RIGHT},{BASE}", class_="outline"))
    parts += [el("text", name[:max(int(width / 7), 3)], x=LEFT + width * (place + 0.5), y=BASE + 16,
                 text_anchor="middle") for place, name in enumerate(names) if name]
    return _figure(title, f"{title}: bars now, outline in the reference", parts)


def _frame(ticks: Sequence[float], at: Any) -> list[Markup]:
    return [part for tick in ticks for part in (
        el("line", x1=LEFT, x2=RIGHT, y1=at(tick), y2=at(tick), class_="grid"),
        el("text", f"{tick:.3g}", x=LEFT - 5, y=at(tick) + 4, text_anchor="end"))]


def _figure(title: str, label: str, parts: Sequence[Markup]) -> Markup:
    return el("figure", el("figcaption", title),
              el("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="plot", role="img",
                 aria_label=label))
