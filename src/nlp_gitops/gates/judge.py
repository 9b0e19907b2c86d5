"""From what was measured to verdicts, one for each rule, slice and side, each with its reason."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.evaluation import statistics
from nlp_gitops.evaluation.families import family_of
from nlp_gitops.evaluation.predictions import Evidence, Pair, Single
from nlp_gitops.gates.measure import Bench, Measured
from nlp_gitops.gates.rules import Gate, Gates, Waiver

VERDICTS = ("PASS", "WARN", "INCONCLUSIVE", "FAIL", "NOT_MEASURED")
EXIT_CODES = {"PASS": 0, "WARN": 0, "INCONCLUSIVE": 4, "FAIL": 1, "NOT_MEASURED": 3}
_POLICY = {"pass": "PASS", "report": "PASS", "warn": "WARN", "fail": "INCONCLUSIVE"}


@dataclass(frozen=True)
class Verdict:
    """One gate judged on one side: `min`, `max` or `drop`; `slice` is None for all rows.

    `verdict` is what was found, `counts_as` what it does to the whole after severity, policy and
    waiver. `n` is the metric's denominator.
    """

    id: str
    metric: str
    slice: str | None
    side: str
    bound: float | None
    why: str
    severity: str = "fail"
    n: int = 0
    value: float | None = None
    interval: Pair | None = None
    champion: float | None = None
    delta: float | None = None
    delta_interval: Pair | None = None
    max_drop: float | None = None
    mde: float | None = None
    rows_needed: int | None = None
    p: float | None = None
    verdict: str = "NOT_MEASURED"
    counts_as: str = "NOT_MEASURED"
    reason: str = ""
    waiver: Waiver | None = None


def overall(verdicts: Sequence[Verdict]) -> str:
    """Return the worst verdict after policy; nothing judged is NOT_MEASURED."""
    return max((item.counts_as for item in verdicts), key=VERDICTS.index, default="NOT_MEASURED")


def exit_code(verdict: str, advisory: bool = False) -> int:
    """Return the process's exit code. `advisory` forgives what was measured and found wanting."""
    code = EXIT_CODES[verdict]
    return 0 if advisory and code in (1, 4) else code


def judge(gates: Gates, evidence: Evidence, today: date | None = None,
          bench: Bench | None = None) -> list[Verdict]:
    """Return a verdict for every gate, slice and side, in the order of the file.

    `bench` keeps what it measured, for the report.
    """
    today = today or datetime.now(timezone.utc).date()
    bench = bench or Bench(gates, evidence)
    verdicts = []
    for gate in gates.gates:
        waiver = next((item for item in gates.waivers if item.gate == gate.id), None)
        verdicts += [_weighed(replace(item, waiver=waiver), gate, today)
                     for item in _gate(gate, bench)]
    return verdicts


def _gate(gate: Gate, bench: Bench) -> Iterator[Verdict]:
    if gate.suite:
        for kind, bound in gate.max_fail_rate.items():
            single = bench.evidence.singles.get(f"{gate.suite}:{kind}", Single(None))
            yield _single(replace(gate, metric=f"fail_rate[{kind}]", max=bound), single, "max")
    elif family_of(gate.metric):
        yield from _quality(gate, bench)
    elif gate.needs_champion and not bench.compared:
        if bench.gates.champion_missing == "fail":
            yield _not_measured(gate, None, "max", "there is no champion to compare with")
    else:
        key = f"{gate.ids}:{gate.metric}" if gate.ids else gate.metric
        single = bench.evidence.singles.get(key, Single(None))
        yield from (_single(gate, single, side) for side in ("min", "max")
                    if getattr(gate, side) is not None)


def _single(gate: Gate, single: Single, side: str) -> Verdict:
    blank = _blank(gate, None, side)
    if single.value is None or not math.isfinite(single.value):
        return _not_measured(gate, None, side, single.missing)
    result = replace(blank, n=single.n, value=single.value, interval=single.interval,
                     champion=single.champion)
    if gate.decide != "point" and single.bounds is None:
        return _not_measured(gate, None, side,
                             f"there is no interval of it for decide: {gate.decide}; take point")
    return _against_bound(result, gate, single.interval if gate.decide == "point"
                          else single.bounds)


def _quality(gate: Gate, bench: Bench) -> Iterator[Verdict]:
    sides = [side for side in ("min", "max") if getattr(gate, side) is not None]
    if gate.max_drop is not None and (bench.compared or bench.gates.champion_missing == "fail"):
        sides.append("drop")
    drops = []
    for name, indexes in bench.parts_of(gate):
        for side in sides:
            found = _on_part(gate, bench, name, indexes, side)
            if side == "drop" and found.p is not None:
                drops.append((found, found.p))
            else:
                yield found
    adjusted = statistics.holm([p for _, p in drops])
    for (item, _), p in zip(drops, adjusted):
        yield _against_champion(replace(item, p=p), gate, bench)


def _on_part(gate: Gate, bench: Bench, name: str | None, indexes: list[int] | str | None,
             side: str) -> Verdict:
    if isinstance(indexes, str):
        return _not_measured(gate, name, side, indexes)
    rows = len(bench.evidence.rows)
    if name is None and rows < bench.gates.min_rows:
        return _not_measured(gate, name, side, f"{rows} test rows, min_rows asks for "
                             f"{bench.gates.min_rows}")
    if side == "drop" and not bench.compared:
        return _not_measured(gate, name, side, "there is no champion to compare with")
    try:
        found = bench.measured(gate.metric, name, indexes)
    except NotMeasured as error:
        return _not_measured(gate, name, side, str(error))
    result = _filled(_blank(gate, name, side), found, gate, bench.gates.confidence)
    if found.n < gate.support_rows or found.smallest < gate.support_per_class:
        # Few rows say little: shown, and left to the policy of the rule.
        return replace(result, p=None, verdict="INCONCLUSIVE",
                       counts_as=_POLICY[gate.below_support],
                       reason=_say_support(result, found, gate))
    if side == "drop":
        return result
    interval = found.interval if gate.decide == "point" else found.bounds
    return _against_bound(result, gate, interval)


def _filled(blank: Verdict, found: Measured, gate: Gate, confidence: float) -> Verdict:
    result = replace(blank, n=found.n, value=found.value, interval=found.interval, mde=found.mde)
    compared = found.compared
    if compared is None:
        return result
    result = replace(result, champion=compared.champion, delta=compared.delta,
                     delta_interval=compared.interval)
    if blank.side != "drop":
        return result
    assert gate.max_drop is not None
    allowed = gate.max_drop * abs(compared.champion) if gate.relative else gate.max_drop
    needed = statistics.rows_needed(found.n, compared.error, found.weight, allowed, confidence)
    return replace(result, max_drop=allowed, bound=compared.champion - allowed, p=compared.p,
                   mde=compared.mde,
                   rows_needed=needed if needed and compared.mde > allowed else None)


def _against_bound(result: Verdict, gate: Gate, interval: Pair | None) -> Verdict:
    """Judge a value, or the bound of its interval that the rule names, against min or max."""
    assert result.bound is not None and result.value is not None
    judged = result.value
    if gate.decide != "point":
        assert interval is not None
        judged = interval[0] if gate.decide == "lower_bound" else interval[1]
    # 0.1 + 0.2 is not 0.3: a value on the bound passes.
    slack = 1e-12 * max(1.0, abs(result.bound))
    good = judged >= result.bound - slack if result.side == "min" else (
        judged <= result.bound + slack)
    marginal = (good and gate.decide == "point" and gate.marginal and interval is not None
                and interval[0] < result.bound < interval[1])
    verdict = "FAIL" if not good else "WARN" if marginal else "PASS"
    return replace(result, verdict=verdict,
                   reason=_say_bound(result, gate, judged, verdict))


def _against_champion(result: Verdict, gate: Gate, bench: Bench) -> Verdict:
    """Judge a drop by two guards: larger than allowed, and unlikely between equal models."""
    assert result.delta is not None and result.max_drop is not None and result.p is not None
    too_low = result.delta < -result.max_drop - 1e-12
    evident = result.p <= 1 - bench.gates.confidence
    if too_low and evident:
        verdict = "FAIL"
    elif gate.require == "proof":
        verdict = "PASS" if _proved(result, gate, bench) else "INCONCLUSIVE"
    else:
        verdict = "INCONCLUSIVE" if too_low else "PASS"
    return replace(result, verdict=verdict, counts_as=_POLICY[gate.on_inconclusive],
                   reason=_say_champion(result, verdict))


def _proved(result: Verdict, gate: Gate, bench: Bench) -> bool:
    """Say whether the lower one-sided bound of the difference lies within the allowed drop."""
    indexes: list[int] | None = None
    for name in gate.slices:
        indexes = bench.parts(name).get(str(result.slice), indexes or [])
    compared = bench.measured(gate.metric, result.slice, indexes).compared
    assert compared is not None and result.max_drop is not None
    return compared.bounds[0] >= -result.max_drop


def _weighed(item: Verdict, gate: Gate, today: date) -> Verdict:
    """Return the verdict with what it counts as: policy, then severity, then waiver."""
    counts = item.counts_as if item.verdict == "INCONCLUSIVE" else item.verdict
    if gate.severity == "warn" and counts not in ("PASS", "WARN"):
        counts = "WARN"
    shown = "WARN" if item.verdict == "FAIL" and gate.severity == "warn" else item.verdict
    waiver, reason = item.waiver, item.reason
    if waiver and counts in ("FAIL", "INCONCLUSIVE"):
        if waiver.until >= today:
            counts, reason = "WARN", f"{reason}; {_say_waiver(waiver)}"
        else:
            reason = f"{reason}; the waiver of {waiver.approver} ended on {waiver.until}"
    return replace(item, verdict=shown, counts_as=counts, reason=reason)


def _blank(gate: Gate, name: str | None, side: str) -> Verdict:
    bound = None if side == "drop" else getattr(gate, side)
    return Verdict(gate.id, gate.metric, name, side, bound, gate.why, gate.severity)


def _not_measured(gate: Gate, name: str | None, side: str, cause: str) -> Verdict:
    where = _named(gate.metric, name)
    return replace(_blank(gate, name, side), max_drop=gate.max_drop if side == "drop" else None,
                   reason=f"{where} was not measured ({cause})")


def _named(metric: str, name: str | None) -> str:
    """Return `f1_macro of long_text`."""
    return f"{metric} of {name}" if name else metric


def _number(metric: str, value: float) -> str:
    """Return a value with the metric's unit."""
    if metric.startswith("latency_ms"):
        return f"{value:.1f} ms"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:g}"


def _say_bound(result: Verdict, gate: Gate, judged: float, verdict: str) -> str:
    """Say how a value lies to its bound."""
    assert result.bound is not None
    named = "" if gate.decide == "point" else f"the {gate.decide.replace('_', ' ')} of "
    unit = " ms" if gate.metric.startswith("latency_ms") else ""
    said = f"{named}{_named(result.metric, result.slice)} {_number(result.metric, judged)} is "
    missed = "below" if result.side == "min" else "above"
    if verdict == "FAIL":
        return said + f"{missed} {result.bound:g}{unit}"
    kept = f"not {missed}"
    if verdict == "WARN":
        assert result.interval is not None
        low, high = (_number(result.metric, value) for value in result.interval)
        return said + f"{kept} {result.bound:g}{unit}, perhaps by luck ({low} to {high})"
    return said + f"{kept} {result.bound:g}{unit}"


def _say_champion(result: Verdict, verdict: str) -> str:
    """Say how a value lies to the champion's."""
    assert result.value is not None and result.champion is not None
    assert result.delta is not None and result.p is not None
    value, champion = (_number(result.metric, item) for item in (result.value, result.champion))
    difference = _number(result.metric, abs(result.delta))
    side = "below" if result.delta < 0 else "above"
    said = (f"{_named(result.metric, result.slice)} {value} is {difference} {side} the champion's "
            f"{champion}" if result.delta else
            f"{_named(result.metric, result.slice)} {value} equals the champion's")
    limit = f"at most {result.max_drop:.3g} allowed"
    if verdict == "FAIL":
        p = f"p = {result.p:.3f}" if result.p >= 0.001 else "p < 0.001"
        return f"{said} ({limit}; {p})"
    if verdict == "INCONCLUSIVE":
        rows = f"; about {result.rows_needed:,} rows would tell" if result.rows_needed else ""
        return f"{said} ({limit}), which may be luck (p = {result.p:.2f}{rows})"
    return f"{said} ({limit})"


def _say_support(result: Verdict, found: Measured, gate: Gate) -> str:
    """Say that there are too few rows to judge."""
    if found.n < gate.support_rows:
        few = f"{found.n} rows, {gate.support_rows} needed"
    else:
        few = f"{found.smallest} rows of a class, {gate.support_per_class} needed"
    return (f"{_named(result.metric, result.slice)} {_number(result.metric, found.value)} is shown "
            f"and not judged ({few})")


def _say_waiver(waiver: Waiver) -> str:
    """Say who answers for a gate, why, and until when."""
    return f"waived until {waiver.until} by {waiver.approver}: {waiver.reason}"
