"""A report as one HTML page that needs nothing else: no network, no scripts, no other file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nlp_gitops.reporting import charts, pages, phrases
from nlp_gitops.reporting.report import Confusion, View

MAX_ROWS = 500
MAX_OPEN_LABELS = 20
MAX_NUMBERED = 12
MAX_MIX_UPS = 20


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix to be drawn: the text and the style's class of each cell."""

    title: str
    cells: Sequence[Sequence[str]]
    shades: Sequence[Sequence[str]]


def html_page(report: View) -> str:
    """Return the whole page."""
    return pages.render(
        "reporting/templates/report.html", report=report, words=phrases, charts=charts,
        matrices=_matrices(report.confusion) if report.confusion else [],
        first_gates={gate.id: gate for gate in reversed(report.gates)}, MAX_ROWS=MAX_ROWS,
        MAX_OPEN_LABELS=MAX_OPEN_LABELS, MAX_NUMBERED=MAX_NUMBERED, MAX_MIX_UPS=MAX_MIX_UPS)


def _matrices(data: Confusion) -> list[Matrix]:
    """Return the model's matrix, and the champion's and their difference where it is known."""
    found = [_shares("This model", data.counts)]
    if data.champion:
        found += [_shares("Champion", data.champion), _change(data.counts, data.champion)]
    return found


def _shares(title: str, counts: Sequence[Sequence[float]]) -> Matrix:
    totals = [sum(row) for row in counts]
    return Matrix(title, [[phrases.number(count, "rows") if count else "0" for count in row]
                          for row in counts],
                  [[f"s{math.ceil(5 * count / total)}" if count else "" for count in row]
                   for row, total in zip(counts, totals, strict=True)])


def _change(counts: Sequence[Sequence[float]], champion: Sequence[Sequence[float]]) -> Matrix:
    cells, shades = [], []
    for number, (new, old) in enumerate(zip(counts, champion, strict=True)):
        change = [one - other for one, other in zip(new, old, strict=True)]
        total = sum(new) or 1.0
        cells.append([phrases.signed(count, "rows") if count else "·" for count in change])
        shades.append([_change_shade(count, place == number, total)
                       for place, count in enumerate(change)])
    return Matrix("Difference", cells, shades)


def _change_shade(change: float, right: bool, total: float) -> str:
    """Return the colour of more or fewer rows in a cell, which is right on the diagonal only."""
    if not change:
        return ""
    strength = "2" if abs(change) / total > 0.05 else "1"
    return ("better" if (change > 0) == right else "worse") + strength
