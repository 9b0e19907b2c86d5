"""How a report says things, the same in every format: numbers, bounds, comparisons, sentences."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from nlp_gitops.core.tables import table
from nlp_gitops.reporting.report import Gate, LabelScore, Pair, View

NOTHING = "–"
MAX_NAMED = 12
MAX_LINES = 100
KINDS = {"NOT_MEASURED": "could not be measured: ", "INCONCLUSIVE": "inconclusive: "}
MARKS = {"PASS": "✓", "WARN": "!", "INCONCLUSIVE": "?", "FAIL": "✗", "NOT_MEASURED": "∅"}
METRICS = {
    "f1_macro": "macro-F1", "f1_micro": "micro-F1", "f1_weighted": "weighted F1",
    "accuracy": "accuracy", "mcc": "MCC", "roc_auc": "ROC-AUC", "ece": "calibration error",
    "brier": "Brier score", "latency_ms_p50": "latency p50", "latency_ms_p95": "latency p95",
    "latency_ms_p99": "latency p99", "tokens_mean": "tokens a row",
    "tokens_p95": "tokens p95", "cost_mean": "cost a row", "cost_total": "cost of the test rows",
    "agreement": "agreement", "schema_valid_rate": "valid answers",
    "abstain_rate": "no answer", "rows": "test rows",
}


def verdict(name: str) -> str:
    """Return a verdict as words."""
    return name.replace("_", " ")


def metric(name: str) -> str:
    """Return a metric's name as people write it."""
    return METRICS.get(name, name)


def number(value: float | None, name: str = "") -> str:
    """Return a value as text; counts whole, milliseconds with one decimal."""
    if value is None:
        return NOTHING
    if name.startswith("latency_ms"):
        return f"{value:,.1f} ms"
    if name.startswith("cost"):
        # Never as 1e-05.
        return f"{Decimal(f'{value:.4g}'):f}"
    if name == "rows" or (value.is_integer() and abs(value) >= 10):
        return f"{value:,.0f}"
    # A value that rounds to -0.000 has no sign worth showing.
    return f"{value:.3f}".replace("-0.000", "0.000") if abs(value) < 10 else f"{value:,.1f}"


def signed(value: float | None, name: str = "") -> str:
    """Return a difference with its sign."""
    if value is None:
        return NOTHING
    text = number(abs(value), name)
    if not text.strip("0.ms "):
        return text
    return f"+{text}" if value > 0 else f"−{text}"


def measured(value: float | None, pair: Pair | None, name: str = "") -> str:
    """Return `0.865 [0.840, 0.889]`, as far as known."""
    return number(value, name) + _interval(pair, name, number)


def with_interval(report: View) -> str:
    """Return the heading of a column of `measured`."""
    return f"value [{100 * report.confidence:g} % CI]"


def difference(value: float | None, pair: Pair | None, name: str = "") -> str:
    """Return `−0.012 [−0.020, −0.004]`, as far as known."""
    return signed(value, name) + _interval(pair, name, signed)


def _interval(pair: Pair | None, name: str, word: Callable[[float, str], str]) -> str:
    if pair is None:
        return ""
    low, high = (word(end, name).removesuffix(" ms") for end in pair)
    return f" [{low}, {high}]"


def bound(gate: Gate) -> str:
    """Return what the gate asks for."""
    asked = []
    if gate.bound is not None and gate.side != "drop":
        sign = "≥" if gate.side == "min" else "≤"
        asked.append(f"{sign} {gate.bound:g}{unit(gate.metric)}")
    if gate.max_drop is not None:
        asked.append(f"drop ≤ {gate.max_drop:.3g}")
    return ", ".join(asked) or NOTHING


def unit(name: str) -> str:
    """Return the unit that belongs to a metric's bound."""
    return " ms" if name.startswith("latency_ms") else ""


def where(gate: Gate) -> str:
    """Return which rows the gate looked at."""
    return gate.slice or "all rows"


def comparison(report: View) -> str:
    """Return what the model was compared with."""
    champion = report.champion
    name = champion.version or "the champion"
    if champion.status == "COMPARED":
        return f"compared with {name}" + (f" ({champion.why})" if champion.why else "")
    if champion.status == "NOT_COMPARED":
        return f"NOT COMPARED with {name}: {champion.why or 'no reason was recorded'}"
    return f"{champion.why or 'no champion'}, so nothing was compared"


def figures(report: View) -> list[tuple[str, str, str]]:
    """Return name, value and the difference to the champion of each metric."""
    shown = []
    for name in [*METRICS, *sorted(set(report.metrics) - set(METRICS))]:
        if name in report.metrics:
            value, old = report.metrics[name], report.champion.metrics.get(name)
            difference = "" if old is None or name == "rows" else signed(value - old, name)
            shown.append((metric(name), number(value, name), difference))
    return shown


def prompt_effects(report: View) -> list[tuple[str, str, str, str]]:
    """Return name, champion's value, value and difference of each figure that a prompt moves."""
    names = ("f1_macro", "accuracy", "schema_valid_rate", "abstain_rate", "tokens_mean",
             "cost_mean", "latency_ms_p50", "latency_ms_p95")
    return [(metric(name), number(old, name), number(value, name), signed(value - old, name))
            for name in names if (value := report.metrics.get(name)) is not None
            and (old := report.champion.metrics.get(name)) is not None]


def blind_spots(report: View) -> list[str]:
    """Return a sentence for each allowed drop that is too small for the test set to see."""
    blind: dict[tuple[str, str, float], list[Gate]] = {}
    for gate in report.gates:
        allowed = gate.max_drop
        if gate.mde is not None and allowed and gate.mde > allowed and gate.verdict != "FAIL":
            blind.setdefault((gate.id, gate.metric, allowed), []).append(gate)
    return [f"This test set cannot see a drop of {allowed:.3g} in {metric(name)} (gate {gate_id}): "
            + "; ".join(map(_sight, gates[:MAX_NAMED]))
            + (f"; and {len(gates) - MAX_NAMED} more" if len(gates) > MAX_NAMED else "") + "."
            for (gate_id, name, allowed), gates in blind.items()]


def _sight(gate: Gate) -> str:
    if not gate.rows_needed or gate.n is None:
        return f"{where(gate)}, drops from {gate.mde or 0:.3f}"
    return f"{gate.slice or 'it'} needs about {gate.rows_needed:,.0f} rows and has {gate.n:,.0f}"


def hints_title(report: View) -> str:
    """Return the heading above the hints."""
    return "What to know" if report.verdict in ("PASS", "WARN") else "What would make it pass"


def reasons(report: View) -> list[str]:
    """Return why each gate that did not pass did not, and why the gate is there."""
    return [f"{gate.id} ({metric(gate.metric)} of {where(gate)}) {verdict(gate.verdict)}: "
            f"{gate.reason or 'no reason was recorded'}"
            + (f". The rule is there because: {gate.why}" if gate.why else "")
            for gate in report.gates if gate.verdict != "PASS"]


def waivers(report: View) -> list[str]:
    """Return a sentence for each waiver, also for those that no longer count."""
    return [f"{gate.id} ({metric(gate.metric)} of {where(gate)}, {verdict(gate.verdict)}) is "
            f"waived until {gate.waiver.until or 'an unknown day'} by "
            f"{gate.waiver.approver or 'nobody named'}: {gate.waiver.reason or 'no reason given'}"
            + (" (EXPIRED, so it is ignored)" if gate.waiver.expired else "")
            for gate in report.gates if gate.waiver]


def champion_f1(report: View) -> dict[str, float]:
    """Return the champion's F1 by label, where its confusion matrix is known."""
    matrix = report.confusion
    if matrix is None or matrix.champion is None:
        return {}
    columns = [sum(column) for column in zip(*matrix.champion, strict=True)]
    scores = {}
    for index, label in enumerate(matrix.labels):
        total = sum(matrix.champion[index]) + columns[index]
        scores[label] = 2 * matrix.champion[index][index] / total if total else 0.0
    return scores


def label_change(item: LabelScore, champion: Mapping[str, float]) -> str:
    """Return how a label's F1 differs from the champion's."""
    old = champion.get(item.label)
    return NOTHING if old is None or item.f1 is None else signed(item.f1 - old)


def mix_ups(report: View, limit: int) -> list[tuple[str, str, float, float | None]]:
    """Return gold label, wrong label, count and the champion's count, most frequent first."""
    matrix = report.confusion
    if matrix is None:
        return []
    pairs = [(count, row, column) for row, counts in enumerate(matrix.counts)
             for column, count in enumerate(counts) if count and row != column]
    return [(matrix.labels[row], matrix.labels[column], count,
             matrix.champion[row][column] if matrix.champion else None)
            for count, row, column in sorted(pairs, key=lambda pair: -pair[0])[:limit]]


def versions(report: View) -> list[tuple[str, str]]:
    """Return which data, prompt, code and rules the verdict rests on; digests cut."""
    facts = report.lineage
    commit = facts.get("commit", "")[:12]
    if commit and facts.get("dirty") == "true":
        commit += " with uncommitted changes"
    named = [("data", facts.get("dataset_version")), ("prompt", facts.get("prompt_version")),
             ("commit", commit), ("run", report.run),
             ("test split", facts.get("test_sha256", "")[:12]),
             ("gates", facts.get("gates_sha256", "")[:12]),
             ("model", facts.get("model_sha256", "")[:12])]
    return [(name, value) for name, value in named if value]


def text(report: View) -> str:
    """Return the gates, worst first, what else must be known, and the last line."""
    more = len(report.gates) - MAX_LINES
    lines = [gate_table(report), f"... and {more:,} more gates" if more > 0 else ""]
    lines += [f"waiver: {line}" for line in waivers(report)[:MAX_LINES]]
    lines += [f"note: {line}" for line in blind_spots(report)[:MAX_LINES]]
    lines += [f"hint: {line}" for line in report.hints[:MAX_LINES]]
    lines += [comparison(report), last_line(report)]
    return "\n".join(line for line in lines if line)


def gate_table(report: View) -> str:
    """Return the gates as columns; what compares with a champion only where there is one."""
    compared = any(gate.champion is not None or gate.delta is not None for gate in report.gates)
    header = ["gate", "slice", "metric", with_interval(report), "bound"]
    header += ["champion", "difference [CI]"] if compared else []
    return table([*header, "n", "verdict"],
                 [_row(gate, compared) for gate in report.gates[:MAX_LINES]])


def _row(gate: Gate, compared: bool) -> list[str]:
    cells = [gate.id, where(gate), gate.metric,
             measured(gate.value, gate.interval, gate.metric), bound(gate)]
    if compared:
        cells += [number(gate.champion, gate.metric),
                  difference(gate.delta, gate.delta_interval, gate.metric)]
    waived = " (waived)" if gate.waived else ""
    return [*cells, number(gate.n, "rows"), verdict(gate.verdict) + waived]


def last_line(report: View) -> str:
    """Return `GATE: PASS`, or `GATE: FAIL` with the reasons; nothing else, for scripts read it."""
    if report.verdict in ("PASS", "WARN"):
        return "GATE: PASS"
    return f"GATE: FAIL ({KINDS.get(report.verdict, '')}{report.headline})"
