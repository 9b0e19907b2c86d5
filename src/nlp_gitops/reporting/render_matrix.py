"""Confusion matrices for the page: numbers for few labels, colours for many."""

import math
from collections.abc import Callable, Iterable, Sequence

from nlp_gitops.reporting import report_words as words
from nlp_gitops.reporting.charts import heat_map
from nlp_gitops.reporting.markup import Child, Markup, el
from nlp_gitops.reporting.report_parts import Confusion, View

MAX_NUMBERED = 12
MAX_MIX_UPS = 20

Matrix = Sequence[Sequence[float]]
Shade = Callable[[int, int], str]


def matrices(report: View) -> Markup | None:
    """Return the challenger's matrix, the champion's, their difference, and the worst mix-ups."""
    data = report.confusion
    if data is None:
        return None
    pictures = [_matrix("This model", data, data.counts, _share_shade(data.counts), False)]
    if data.champion:
        change = [[new - old for new, old in zip(*rows, strict=True)]
                  for rows in zip(data.counts, data.champion, strict=True)]
        pictures += [
            _matrix("Champion", data, data.champion, _share_shade(data.champion), False),
            _matrix("Difference", data, change, _change_shade(change, data.counts), True)]
    return el("div", el("p", _explanation(data), class_="note"),
              el("div", pictures, class_="matrices"), _mix_ups(report))


def _explanation(data: Confusion) -> str:
    shading = "The stronger a colour, the larger the share of the gold label."
    if len(data.labels) > MAX_NUMBERED:
        shading += (f" {len(data.labels)} labels in the order of the report, so without numbers; "
                    "the mix-ups are in the table below.")
    change = ""
    if data.champion:
        solid, striped = ("solid ", "striped ") if len(data.labels) <= MAX_NUMBERED else ("", "")
        change = (f" In the difference, {solid}blue is better than the champion and "
                  f"{striped}orange is worse.")
    return f"Rows are gold labels, columns are predictions. {shading}{change}"


def _matrix(title: str, data: Confusion, matrix: Matrix, shade: Shade, signed: bool) -> Markup:
    if len(data.labels) > MAX_NUMBERED:
        side = range(len(data.labels))
        shades = ((name, row, column) for row in side for column in side
                  if (name := shade(row, column)))
        return el("figure", el("figcaption", title),
                  heat_map(len(data.labels), f"Confusion matrix, {title.lower()}", shades))
    header = el("tr", el("td"), (el("th", label, scope="col") for label in data.labels))
    rows = (el("tr", el("th", label, scope="row"),
               (el("td", _count(count, signed), class_=shade(row, column) or None)
                for column, count in enumerate(matrix[row])))
            for row, label in enumerate(data.labels))
    return el("div", el("table", el("caption", title), el("thead", header), el("tbody", rows),
                        class_="matrix"),
              class_="scroll", tabindex="0", role="region", aria_label=f"Confusion matrix, {title}")


def _count(count: float, signed: bool) -> str:
    if not count:
        return "0" if not signed else "·"
    return words.signed(count, "rows") if signed else words.number(count, "rows")


def _share_shade(matrix: Matrix) -> Shade:
    totals = [sum(row) for row in matrix]

    def shade(row: int, column: int) -> str:
        count = matrix[row][column]
        return f"s{math.ceil(5 * count / totals[row])}" if count else ""
    return shade


def _change_shade(change: Matrix, counts: Matrix) -> Shade:
    totals = [sum(row) or 1.0 for row in counts]

    def shade(row: int, column: int) -> str:
        count = change[row][column]
        if not count:
            return ""
        better = (count > 0) == (row == column)
        share = abs(count) / totals[row]
        return ("better" if better else "worse") + ("2" if share > 0.05 else "1")
    return shade


def _mix_ups(report: View) -> Child:
    found = words.mix_ups(report, MAX_MIX_UPS)
    if not found:
        return el("p", "No row was mixed up.", class_="note")
    compared = report.confusion is not None and report.confusion.champion is not None
    return plain_table(
        "Most frequent mix-ups",
        ("gold label, predicted label", "rows", *(("champion",) if compared else ())),
        ([[el("bdi", gold), " → ", el("bdi", wrong)], words.number(count, "rows"),
          *((words.number(old, "rows"),) if compared else ())]
         for gold, wrong, count, old in found))


def plain_table(caption: str, header: Sequence[str],
                rows: Iterable[Sequence[Child]]) -> Markup:
    """Return a table of names and numbers, which scrolls by itself where it is too wide."""
    head = el("tr", el("th", header[0], scope="col"),
              (el("th", name, scope="col", class_="num") for name in header[1:]))
    body = (el("tr", el("th", cells[0], scope="row"),
               (el("td", cell, class_="num") for cell in cells[1:])) for cells in rows)
    return el("div", el("table", el("caption", caption), el("thead", head), el("tbody", body),
                        class_="plain"),
              class_="scroll", tabindex="0", role="region", aria_label=caption)
