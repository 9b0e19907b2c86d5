"""A report as one HTML page that needs nothing else: no network, no scripts, no other file."""

from collections.abc import Sequence

from nlp_gitops.core import package_files
from nlp_gitops.reporting import report_words as words
from nlp_gitops.reporting.charts import (axis_numbers, latency_histogram, legend_mark,
                                         reliability, slice_scale, strip)
from nlp_gitops.reporting.markup import Child, Markup, document, el, join
from nlp_gitops.reporting.pages import STYLE
from nlp_gitops.reporting.render_matrix import matrices, plain_table
from nlp_gitops.reporting.report_parts import ChangedRow, Gate, Slice, View

MAX_ROWS = 500
MAX_OPEN_LABELS = 20


def page(report: View) -> str:
    """Return the whole page."""
    style = package_files.text(STYLE)
    title = f"{words.verdict(report.verdict)}: {report.model}"
    sections = [section for section in _sections(report) if section]
    return document(
        title, style, _header(report), el("main", sections),
        el("footer", f"Run {report.run or words.NOTHING}. Everything on this page is also in "
           "report.json."))


def _header(report: View) -> Markup:
    facts = [f"model {report.model}", words.comparison(report), report.created]
    return el("header",
              el("h1", badge(report.verdict), " ", el("span", report.headline, dir="auto")),
              el("ul", (el("li", el("bdi", fact)) for fact in facts if fact), class_="facts"))


def _sections(report: View) -> list[Markup | None]:
    return [
        _section("waivers", "Waivers", _list(words.waivers(report))),
        _section("hints", words.hints_title(report), _list(report.hints)),
        _section("figures", "Figures", _figures(report)),
        _section("prompt", "What changed in the prompt", _prompt_change(report)),
        _section("gates", "Gates", _gates(report)),
        _section("unseen", "What this test set cannot see", _list(words.blind_spots(report))),
        _section("slices", "Slices", slices(report)),
        _section("changed", "Rows that changed", _changed_rows(report)),
        _section("faults", "Answers that were not accepted", _faults(report)),
        _section("confusion", "Confusion", matrices(report)),
        _section("labels", "Labels", _labels(report)),
        _section("calibration", "Calibration", _calibration(report)),
        _section("latency", "Latency", _latency(report)),
        _section("behaviour", "Behaviour", _behaviour(report)),
        _section("lineage", "Where it comes from", _lineage(report)),
    ]


def _section(name: str, title: str, content: Markup | None) -> Markup | None:
    if content is None:
        return None
    return el("section", el("h2", title, id=name), content, aria_labelledby=name)


def _list(sentences: Sequence[str]) -> Markup | None:
    if not sentences:
        return None
    return el("ul", (el("li", el("bdi", sentence)) for sentence in sentences[:MAX_ROWS]),
              _more(len(sentences), "li"))


def _figures(report: View) -> Markup | None:
    shown = words.figures(report)
    if not shown:
        return None
    return el("dl", (el("div", el("dt", name), el("dd", value, el(
        "small", f"{difference} to champion") if difference else None))
        for name, value, difference in shown), class_="figures")


def _gates(report: View) -> Markup:
    if not report.gates:
        return el("p", "No gate was judged, so nothing says that this model is good enough.")
    header = ("gate", words.with_interval(report), "bound", "champion", "difference [CI]", "n",
              "verdict")
    rows, explained = [], set()
    for gate in report.gates[:MAX_ROWS]:
        # A gate on many slices has one reason; it stands where the gate comes first.
        rows.append((gate.verdict, _gate(gate, gate.id not in explained)))
        explained.add(gate.id)
    return cards("Every gate, worst first", header, rows, len(report.gates))


def _gate(gate: Gate, explain: bool) -> list[Child]:
    verdict: list[Child] = [badge(gate.verdict)]
    if gate.waived:
        verdict.append(" waived")
    if gate.verdict != "PASS" and gate.reason:
        verdict.append(el("small", gate.reason, dir="auto"))
    seen = el("small", f"sees drops from {gate.mde:.3f}") if (
        gate.mde is not None and gate.max_drop is not None) else None
    return [
        [el("strong", gate.id), f" {words.metric(gate.metric)}",
         [", ", el("bdi", gate.slice)] if gate.slice else None,
         el("small", gate.why, dir="auto") if gate.why and explain else None],
        words.measured(gate.value, gate.interval, gate.metric), words.bound(gate),
        words.number(gate.champion, gate.metric),
        words.difference(gate.delta, gate.delta_interval, gate.metric),
        [words.number(gate.n, "rows"), seen], verdict]


def slices(report: View) -> Markup | None:
    """Return every slice with its interval, bound and champion; None without slices."""
    if not report.slices:
        return None
    shown = report.slices[:MAX_ROWS]
    shared = slice_scale(shown)
    legend = el("p", *(el("span", legend_mark(kind), f" {meaning}") for kind, meaning in (
        ("model", "this model"), ("missed", "this model, below the bound"),
        ("interval", "its interval"), ("champion", "champion"), ("bound", "bound"))),
        class_="legend")
    rows = [("FAIL" if item.misses else "", _slice(item, strip(item, shared))) for item in shown]
    return el("div", legend, cards(
        "Quality by slice, nearest to its bound first",
        ("slice", axis_numbers(shared), words.with_interval(report), "bound", "champion",
         "difference [CI]", "n"),
        rows, len(report.slices)))


def _slice(item: Slice, plot: Markup) -> list[Child]:
    return [el("bdi", item.name), plot,
            [words.measured(item.value, item.interval),
             el("small", "below the bound") if item.misses else None],
            words.NOTHING if item.bound is None else f"≥ {item.bound:g}",
            words.number(item.champion), words.difference(item.delta, item.delta_interval),
            words.number(item.n, "rows")]


def _changed_rows(report: View) -> Markup | None:
    if not report.rows_compared:
        return None
    return el("div",
              _changed("Newly broken: the champion is right, this model is wrong", report.broken,
                       report.broken_total),
              _changed("Newly fixed: the champion is wrong, this model is right", report.fixed,
                       report.fixed_total))


def _changed(title: str, rows: Sequence[ChangedRow], total: int) -> Markup:
    if not rows:
        return el("p", f"{title}: {total:,}")
    return cards(f"{title} ({total:,})", ("id", "text", "gold", "champion", "this model"), [
        ("", [el("bdi", part) for part in (row.id, row.text, row.label, row.champion,
                                           row.prediction)]) for row in rows], total)


def _prompt_change(report: View) -> Markup | None:
    if not report.prompt_change:
        return None
    effects = words.prompt_effects(report)
    table = cards("The new prompt beside the champion's", (
        "figure", "champion", "this model", "difference"), [("", row) for row in effects],
        len(effects)) if effects else None
    return el("div", el("div", changed_lines(report.prompt_change)), el("div", table),
              class_="beside")


def changed_lines(lines: Sequence[str]) -> Markup:
    """Return the lines of a diff."""
    kinds = {"+": "added", "-": "removed"}
    return el("ul", (el("li", el("code", line, dir="auto"), class_=kinds.get(line[:1]))
                     for line in lines), class_="diff")


def _faults(report: View) -> Markup | None:
    if not report.faults:
        return None
    return cards(f"No answer in the prompt's format ({report.faults_total:,})", ("id", "why"), [
        ("", [el("bdi", item.id), el("bdi", item.reason)]) for item in report.faults],
        report.faults_total)


def _labels(report: View) -> Markup | None:
    if not report.per_class:
        return None
    champion = words.champion_f1(report)
    header = ("label", "precision", "recall", "F1", *(("change",) if champion else ()), "rows")
    table = plain_table("Quality by label, lowest F1 first", header, ([
        el("bdi", item.label), words.number(item.precision), words.number(item.recall),
        words.number(item.f1), *((words.label_change(item, champion),) if champion else ()),
        words.number(item.support, "rows")] for item in report.per_class[:MAX_ROWS]))
    more = _more(len(report.per_class), "p")
    if len(report.per_class) <= MAX_OPEN_LABELS:
        return table
    return el("details", el("summary", f"All {len(report.per_class):,} labels"), table, more)


def _calibration(report: View) -> Markup | None:
    if not report.bins:
        return None
    table = plain_table("Predictions by confidence", ("confidence", "mean", "right", "rows"), ([
        f"{part.start:g} to {part.end:g}", words.number(part.confidence),
        words.number(part.accuracy), words.number(part.n, "rows")] for part in report.bins))
    note = ("On the dashed line a model is as often right as it is sure. Below it, it is too sure. "
            "The larger a dot, the more rows.")
    return el("div", el("p", note, class_="note"), el("div", reliability(report.bins), table,
                                                      class_="pair"))


def _latency(report: View) -> Markup | None:
    data = report.latency
    if data is None:
        return None
    facts = [f"{data.requests:,.0f} single predictions." if data.requests else "",
             "Bars: this model. Outline: the champion, asked in turn with it."
             if data.champion else "",
             *(f"{name} is {ratio:.2f} times the champion's." for name, ratio in
               data.ratios.items())]
    return el("div", el("p", " ".join(fact for fact in facts if fact), class_="note"),
              latency_histogram(data, report.metrics))


def _behaviour(report: View) -> Markup | None:
    if not report.behaviour:
        return None
    return cards("Behavioural tests, most failures first",
                 ("test", "kind", "cases", "failed", "for example"), [
                     ("FAIL" if item.failed else "", [
                         el("bdi", item.title), item.kind, words.number(item.n, "rows"),
                         words.number(item.failed, "rows"),
                         [el("small", example, dir="auto") for example in item.examples]])
                     for item in report.behaviour[:MAX_ROWS]], len(report.behaviour))


def _lineage(report: View) -> Markup | None:
    facts = {key.replace("_", " "): value for key, value in report.lineage.items()}
    if not facts:
        return None
    return el("dl", (el("div", el("dt", key), el("dd", el("bdi", value)))
                     for key, value in facts.items()), class_="lineage")


def badge(verdict: str) -> Markup:
    """Return a verdict as a mark and a word."""
    return el("span", f"{words.MARKS[verdict]} {words.verdict(verdict)}",
              class_=f"badge {verdict.lower()}")


def cards(caption: str, header: Sequence[str], rows: Sequence[tuple[str, Sequence[Child]]],
          total: int) -> Markup:
    """Return a table whose rows become cards on a narrow screen; a row is (verdict, cells)."""
    # The roles keep it a table for screen readers when the style sheet shows cards.
    head = el("tr", (el("th", name, scope="col", role="columnheader",
                        class_="wide" if isinstance(name, Markup) else None) for name in header),
              role="row")
    body = (el("tr", el("th", cells[0], scope="row", role="rowheader"),
               (el("td", cell, role="cell", data_label=None if isinstance(name, Markup) else name)
                for name, cell in zip(header[1:], cells[1:], strict=True)),
               role="row", class_=verdict.lower() or None) for verdict, cells in rows)
    return join([el("table", el("caption", caption), el("thead", head, role="rowgroup"),
                    el("tbody", body, role="rowgroup"), class_="cards", role="table"),
                 _more(total, "p", len(rows))])


def _more(total: int, name: str, shown: int = MAX_ROWS) -> Markup | None:
    left = total - shown
    return el(name, f"… and {left:,} more", class_="note") if left > 0 else None
