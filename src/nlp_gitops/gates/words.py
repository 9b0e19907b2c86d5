"""The sentences of the gate: what was found, in words and with its numbers."""

from typing import TYPE_CHECKING

from nlp_gitops.gates.measure import Measured
from nlp_gitops.gates.rules import Gate, Waiver

if TYPE_CHECKING:
    from nlp_gitops.gates.judge import Verdict


def where(metric: str, name: str | None) -> str:
    """Return `f1_macro of long_text`."""
    return f"{metric} of {name}" if name else metric


def number(metric: str, value: float) -> str:
    """Return a value with the metric's unit."""
    if metric.startswith("latency_ms"):
        return f"{value:.1f} ms"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:g}"


def against_bound(result: "Verdict", gate: Gate, judged: float, verdict: str) -> str:
    """Say how a value lies to its bound."""
    assert result.bound is not None
    named = "" if gate.decide == "point" else f"the {gate.decide.replace('_', ' ')} of "
    unit = " ms" if gate.metric.startswith("latency_ms") else ""
    said = f"{named}{where(result.metric, result.slice)} {number(result.metric, judged)} is "
    missed = "below" if result.side == "min" else "above"
    if verdict == "FAIL":
        return said + f"{missed} {result.bound:g}{unit}"
    kept = f"not {missed}"
    if verdict == "WARN":
        assert result.interval is not None
        low, high = (number(result.metric, value) for value in result.interval)
        return said + f"{kept} {result.bound:g}{unit}, perhaps by luck ({low} to {high})"
    return said + f"{kept} {result.bound:g}{unit}"


def against_champion(result: "Verdict", verdict: str) -> str:
    """Say how a value lies to the champion's."""
    assert result.value is not None and result.champion is not None and result.delta is not None
    value, champion = (number(result.metric, item) for item in (result.value, result.champion))
    difference = number(result.metric, abs(result.delta))
    side = "below" if result.delta < 0 else "above"
    said = (f"{where(result.metric, result.slice)} {value} is {difference} {side} the champion's "
            f"{champion}" if result.delta else
            f"{where(result.metric, result.slice)} {value} equals the champion's")
    limit = f"at most {result.max_drop:.3g} allowed"
    if verdict == "FAIL":
        p = f"p = {result.p:.3f}" if result.p >= 0.001 else "p < 0.001"
        return f"{said} ({limit}; {p})"
    if verdict == "INCONCLUSIVE":
        rows = f"; about {result.rows_needed:,} rows would tell" if result.rows_needed else ""
        return f"{said} ({limit}), which may be luck (p = {result.p:.2f}{rows})"
    return f"{said} ({limit})"


def below_support(result: "Verdict", found: Measured, gate: Gate) -> str:
    """Say that there are too few rows to judge."""
    if found.n < gate.support_rows:
        few = f"{found.n} rows, {gate.support_rows} needed"
    else:
        few = f"{found.smallest} rows of a class, {gate.support_per_class} needed"
    return (f"{where(result.metric, result.slice)} {number(result.metric, found.value)} is shown "
            f"and not judged ({few})")


def waived(waiver: Waiver) -> str:
    """Say who answers for a gate, why, and until when."""
    return f"waived until {waiver.until} by {waiver.approver}: {waiver.reason}"
