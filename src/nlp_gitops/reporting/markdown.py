"""A report as Markdown, for job summaries and pull request comments: worst first, never too big.

Text from data cannot become Markdown, HTML, a link or a mention.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nlp_gitops.reporting import phrases as words
from nlp_gitops.reporting.report import ChangedRow, Gate, Slice, View

# GitHub refuses a longer comment, and drops a whole summary above 1 MiB. Bytes are counted, which
# are never fewer than the characters that GitHub counts.
COMMENT_BYTES = 65_000
SUMMARY_BYTES = 1_000_000
MAX_ROWS = 200

SIGNS = {"PASS": "✅", "WARN": "⚠️", "INCONCLUSIVE": "❔", "FAIL": "❌", "NOT_MEASURED": "🚫"}
# GitHub looks for mentions, issue numbers and addresses after it has decoded entities. A space
# without width stops that.
_STOP = "&#8203;"
_SPECIAL = re.compile(r"[&<>|`\[\]!*_~\\$^{}\"]")
_LINKS = re.compile(r"[@#]|://|(?i:(?<=www)\.)")


@dataclass(frozen=True)
class _Section:
    """A heading and a table or a list, which may be cut from its bottom."""

    title: str
    rows: Sequence[str]
    header: Sequence[str] = ()
    folded: bool = False

    def lines(self, number: int) -> list[str]:
        """Return the section with so many of its rows."""
        left = len(self.rows) - number
        lines = [f"<details><summary>{self.title}</summary>" if self.folded
                 else f"### {self.title}", "", *self.header, *self.rows[:number], ""]
        lines += [f"… and {left:,} more in the full report.", ""] if left > 0 else []
        return [*lines, "</details>", ""] if self.folded else lines


def comment(report: View) -> str:
    """Return the report for a pull request comment."""
    return render(report, COMMENT_BYTES)


def render(report: View, limit: int = SUMMARY_BYTES) -> str:
    """Return the report in at most `limit` bytes; what does not fit is left out from the bottom."""
    lines, foot = _head(report), ["---", _versions(report), ""]
    sections = [section for section in _sections(report) if section.rows]
    room = limit - _size(lines) - _size(foot) - 60 * len(sections) - 100
    for place, section in enumerate(sections):
        number = _fitting(section, room)
        if number is None:
            titles = ", ".join(left.title for left in sections[place:])
            lines += [f"_Left out to keep this short: {titles}. "
                      "All of it is in report.html._", ""]
            break
        part = section.lines(number)
        room -= _size(part)
        lines += part
    return "\n".join([*lines, *foot])


def escape(text: str) -> str:
    """Return text that Markdown and GitHub show as it is."""
    text = _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", " ".join(text.split()))
    return _LINKS.sub(_broken_link, text)


def _broken_link(match: re.Match[str]) -> str:
    if match[0] == "#":
        # An entity's own `#` stands behind `&`.
        start = match.start()
        return "#" if match.string[start - 1:start] == "&" else "#" + _STOP
    return "&#64;" + _STOP if match[0] == "@" else _STOP + match[0] if match[0] == "." else (
        ":" + _STOP + "//")


def _head(report: View) -> list[str]:
    marker = re.sub(r"[^A-Za-z0-9._]+|-{2,}", "-", report.model).strip("-")
    facts = [f"{escape(name)} {value}" + (f" ({difference})" if difference else "")
             for name, value, difference in words.figures(report)[:8]]
    return [f"## {SIGNS[report.verdict]} {words.verdict(report.verdict)}: "
            f"{escape(report.headline)}", f"<!-- gate:{marker} -->", "",
            f"**{escape(report.model)}**, {escape(words.comparison(report))}.", "",
            *([" · ".join(facts), ""] if facts else [])]


def _sections(report: View) -> list[_Section]:
    return [
        _Section("Waivers", _bullets(words.waivers(report))),
        _Section(words.hints_title(report), _bullets(report.hints)),
        _table("Gates", ("gate", words.with_interval(report), "bound", "champion",
                         "difference [CI]", "n", "verdict"), map(_gate, report.gates)),
        _Section("What changed in the prompt", _bullets(report.prompt_change)),
        _table("What the new prompt changes", ("figure", "champion", "this model", "difference"),
               [[escape(cell) for cell in row] for row in words.prompt_effects(report)]
               if report.prompt_change else ()),
        _Section("Why", _bullets(words.reasons(report))),
        _Section("What this test set cannot see", _bullets(words.blind_spots(report))),
        _table("Slices", ("slice", words.with_interval(report), "bound", "champion",
                          "difference [CI]", "n"), map(_slice, report.slices)),
        _changed("Newly broken rows", report.broken, report.broken_total),
        _changed("Newly fixed rows", report.fixed, report.fixed_total),
        _table(f"Answers that were not accepted: {report.faults_total:,}", ("id", "why"), (
            [escape(item.id), escape(item.reason)] for item in report.faults)),
        _behaviour(report), _per_class(report), _mix_ups(report),
    ]


def _table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]],
           folded: bool = False) -> _Section:
    return _Section(title, [_line(row) for row in rows],
                    (_line(header), "|" + "---|" * len(header)), folded)


def _bullets(sentences: Sequence[str]) -> list[str]:
    return [f"- {escape(sentence)}" for sentence in sentences]


def _fitting(section: _Section, room: int) -> int | None:
    """Return how many rows of a section fit, or None if it must be left out."""
    number = min(len(section.rows), MAX_ROWS)
    while _size(section.lines(number)) > room:
        if number <= 1:
            return None
        number = number * 3 // 4
    return number


def _gate(gate: Gate) -> list[str]:
    place = f", {escape(gate.slice)}" if gate.slice else ""
    waived = " (waived)" if gate.waived else ""
    return [f"{escape(gate.id)}: {escape(gate.metric)}{place}",
            words.measured(gate.value, gate.interval, gate.metric), words.bound(gate),
            words.number(gate.champion, gate.metric),
            words.difference(gate.delta, gate.delta_interval, gate.metric),
            words.number(gate.n, "rows"),
            f"{SIGNS[gate.verdict]} {words.verdict(gate.verdict)}{waived}"]


def _slice(item: Slice) -> list[str]:
    missed = "❌ " if item.misses else ""
    return [escape(item.name), missed + words.measured(item.value, item.interval),
            words.NOTHING if item.bound is None else f"≥ {item.bound:g}",
            words.number(item.champion), words.difference(item.delta, item.delta_interval),
            words.number(item.n, "rows")]


def _changed(title: str, rows: Sequence[ChangedRow], total: int) -> _Section:
    first = f", the first {len(rows)} of them" if total > len(rows) else ""
    return _table(f"{title}: {total:,}{first}", ("id", "text", "gold", "champion", "this model"), (
        [escape(part) for part in (row.id, row.text, row.label, row.champion, row.prediction)]
        for row in rows))


def _behaviour(report: View) -> _Section:
    return _table("Behaviour", ("test", "kind", "cases", "failed", "for example"), (
        [escape(item.title), escape(item.kind), words.number(item.n, "rows"),
         words.number(item.failed, "rows"), escape(item.examples[0]) if item.examples else ""]
        for item in report.behaviour))


def _per_class(report: View) -> _Section:
    champion = words.champion_f1(report)
    return _table("Labels", ("label", "precision", "recall", "F1", "change", "rows"), (
        [escape(item.label), words.number(item.precision), words.number(item.recall),
         words.number(item.f1), words.label_change(item, champion),
         words.number(item.support, "rows")] for item in report.per_class), folded=True)


def _mix_ups(report: View) -> _Section:
    return _table("Most frequent mix-ups", ("gold", "predicted", "rows", "champion"), (
        [escape(gold), escape(wrong), words.number(count, "rows"), words.number(old, "rows")]
        for gold, wrong, count, old in words.mix_ups(report, 10)), folded=True)


def _versions(report: View) -> str:
    return ", ".join(f"{name} {escape(value)}" for name, value in words.versions(report)) + "."


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
