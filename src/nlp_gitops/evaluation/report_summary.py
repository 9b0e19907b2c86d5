"""A verdict in few words: why, and what would make it another one."""

import math
from collections.abc import Sequence

from nlp_gitops.evaluation.evaluate import Evaluation
from nlp_gitops.gates import Evidence, Gates, Verdict

BLOCKING = ("NOT_MEASURED", "FAIL", "INCONCLUSIVE")
SHARES_OF_ROWS = ("f1_macro", "f1_micro", "f1_weighted", "accuracy")
SHOWN = 3


def headline(evidence: Evidence, gates: Gates, verdicts: Sequence[Verdict]) -> str:
    """Return one sentence: what stands in the way, what to look at, or what was reached."""
    bad = [group for kind in BLOCKING
           for group in _by_gate([item for item in verdicts if item.counts_as == kind])]
    if bad:
        return _shortened([_reason(group) for group in bad])
    main = next((item for item in verdicts
                 if item.metric == gates.main and item.slice is None and item.value is not None),
                None)
    said = f"{main.metric} {main.value:.3f} on {len(evidence.rows)} test rows" if main else (
        f"{len(verdicts)} gates on {len(evidence.rows)} test rows")
    latency = evidence.singles.get("latency_ms_p95")
    if latency and latency.value is not None:
        said += f", p95 latency {latency.value:.1f} ms"
    warned = sum(item.counts_as == "WARN" for item in verdicts)
    return f"{said}; {warned} to look at" if warned else said


def hints(verdicts: Sequence[Verdict], evaluation: Evaluation) -> list[str]:
    """Return what would make the gates pass, the farthest slices of each gate first."""
    found = []
    for group in _by_gate([item for item in verdicts if item.verdict == "FAIL"
                           or item.counts_as in BLOCKING]):
        found += [_hint(item, evaluation) for item in group[:SHOWN]]
        if len(group) > SHOWN:
            found.append(f"{group[0].id}: and {len(group) - SHOWN} more, in the table of gates")
    return found


def _by_gate(verdicts: Sequence[Verdict]) -> list[list[Verdict]]:
    """Return the verdicts of each gate, the farthest from its bound first."""
    groups: dict[str, list[Verdict]] = {}
    for item in verdicts:
        groups.setdefault(item.id, []).append(item)
    return [sorted(group, key=_distance, reverse=True) for group in groups.values()]


def _distance(item: Verdict) -> float:
    if item.value is None or item.bound is None:
        return 0.0
    return item.value - item.bound if item.side == "max" else item.bound - item.value


def _reason(group: Sequence[Verdict]) -> str:
    more = f" (and {len(group) - 1} more of {group[0].id})" if len(group) > 1 else ""
    return group[0].reason + more


def _shortened(reasons: Sequence[str]) -> str:
    left = len(reasons) - SHOWN
    more = [f"and {left} more gate" + "s" * (left > 1)] if left > 0 else []
    return "; ".join([*reasons[:SHOWN], *more])


def _hint(item: Verdict, evaluation: Evaluation) -> str:
    where = f"{item.id} ({item.slice})" if item.slice else item.id
    if item.verdict == "NOT_MEASURED" or item.value is None or item.bound is None:
        return (f"{where}: mend what is missing, or take the rule out of gates.yaml in a pull "
                "request of its own")
    if item.verdict == "INCONCLUSIVE":
        number = f"about {item.rows_needed:,}" if item.rows_needed else "more"
        return f"{where}: {number} test rows would decide; there are {item.n:,}"
    gap = _distance(item)
    if gap <= 0:
        return (f"{where}: {item.metric} itself keeps to {item.bound:.3g}, its interval does not; "
                "more test rows make that narrower")
    way = "less" if item.side == "max" else "more"
    rows = ""
    if item.metric in SHARES_OF_ROWS:
        rows = f", about {math.ceil(round(gap * item.n, 6)):,} more right rows of {item.n:,}"
    look = "; look at the newly broken rows" if (
        item.side == "drop" and evaluation.evidence.champion is not None) else ""
    return (f"{where}: {item.metric} {item.bound:.3g} would pass, {gap:.3g} {way} than "
            f"now{rows}{look}")
