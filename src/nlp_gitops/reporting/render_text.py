"""A report for terminals and logs: a table of gates, and one last line that scripts can read."""

from nlp_gitops.core.tables import table
from nlp_gitops.reporting import report_words as words
from nlp_gitops.reporting.report_parts import Gate, View

MAX_ROWS = 100
KINDS = {"NOT_MEASURED": "could not be measured: ", "INCONCLUSIVE": "inconclusive: "}


def text(report: View) -> str:
    """Return the gates, worst first, what else must be known, and the last line."""
    more = len(report.gates) - MAX_ROWS
    lines = [gate_table(report), f"... and {more:,} more gates" if more > 0 else ""]
    lines += [f"waiver: {line}" for line in words.waivers(report)[:MAX_ROWS]]
    lines += [f"note: {line}" for line in words.blind_spots(report)[:MAX_ROWS]]
    lines += [f"hint: {line}" for line in report.hints[:MAX_ROWS]]
    lines += [words.comparison(report), last_line(report)]
    return "\n".join(line for line in lines if line)


def gate_table(report: View) -> str:
    """Return the gates as columns; what compares with a champion only where there is one."""
    compared = any(gate.champion is not None or gate.delta is not None for gate in report.gates)
    header = ["gate", "slice", "metric", words.with_interval(report), "bound"]
    header += ["champion", "difference [CI]"] if compared else []
    return table([*header, "n", "verdict"],
                 [_row(gate, compared) for gate in report.gates[:MAX_ROWS]])


def _row(gate: Gate, compared: bool) -> list[str]:
    cells = [gate.id, words.where(gate), gate.metric,
             words.measured(gate.value, gate.interval, gate.metric), words.bound(gate)]
    if compared:
        cells += [words.number(gate.champion, gate.metric),
                  words.difference(gate.delta, gate.delta_interval, gate.metric)]
    waived = " (waived)" if gate.waived else ""
    return [*cells, words.number(gate.n, "rows"), words.verdict(gate.verdict) + waived]


def last_line(report: View) -> str:
    """Return `GATE: PASS`, or `GATE: FAIL` with the reasons; nothing else, for scripts read it."""
    if report.verdict in ("PASS", "WARN"):
        return "GATE: PASS"
    return f"GATE: FAIL ({KINDS.get(report.verdict, '')}{report.headline})"
