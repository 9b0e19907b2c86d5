"""The data of `report.json`: everything that was measured and judged, as plain JSON values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.evaluation import figures, metrics, statistics
from nlp_gitops.evaluation.families import FAMILIES, family_of
from nlp_gitops.gates import Answers, Bench, Evidence, Gates, Verdict, overall
from nlp_gitops.gates.evaluate import Evaluation
from nlp_gitops.privacy.sensitive import mask
from nlp_gitops.tracking import Run

REPORT_SCHEMA = "nlp-gitops/report/1"
SHOWN_ROWS = 50
SHOWN_CHARACTERS = 300
LATENCY_BINS = 24
SHOWN_LINES = 300
SHOWN_REASONS = 3
BLOCKING = ("NOT_MEASURED", "FAIL", "INCONCLUSIVE")
SHARES_OF_ROWS = ("f1_macro", "f1_micro", "f1_weighted", "accuracy")


@dataclass(frozen=True)
class Subject:
    """What the report is about: a model, the run that made it, and where it comes from."""

    model: str
    run: str
    lineage: Mapping[str, Any]


def subject_of(run: Run) -> Subject:
    """Return a run as a report's subject."""
    return Subject(run.model, run.name, {
        **{key: run.tags[key] for key in sorted(run.tags)},
        "model_sha256": run.details["model_sha256"], "prompt": run.details["prompt"]})


def build(subject: Subject, evaluation: Evaluation, gates: Gates,
          verdicts: Sequence[Verdict], bench: Bench | None = None) -> dict[str, Any]:
    """Return the report as plain data; what was not measured is None.

    `bench` spares measuring again what `judge` has measured with it.
    """
    evidence, champion = evaluation.evidence, evaluation.champion
    bench = bench or Bench(gates, evidence)
    labels = _labels(evidence)
    gold = [row["label"] for row in evidence.rows]
    ours = _confusion(gold, evidence.candidate, labels)
    theirs = _confusion(gold, evidence.champion, labels)
    return _finite({
        "schema": REPORT_SCHEMA,
        "verdict": overall(verdicts),
        "headline": headline(evidence, gates, verdicts),
        "model": subject.model,
        "run": subject.run,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "confidence": gates.confidence,
        "metrics": _metrics(evidence, "candidate", gates),
        "champion": {"version": champion.version, "status": champion.status, "why": champion.why,
                     "metrics": _metrics(evidence, "champion", gates)},
        "gates": [_gate(item) for item in verdicts],
        "slices": _slices(gates, bench),
        "per_class": metrics.per_class(ours, labels) if ours is not None else {},
        "confusion": {"labels": labels, "counts": ours.tolist() if ours is not None else [],
                      "champion_counts": theirs.tolist() if theirs is not None else None},
        "calibration": _calibration(evidence),
        "latency": _latency(evidence),
        "changed_rows": _changed_rows(evidence),
        "prompt_change": list(evaluation.prompt_change[:SHOWN_LINES]),
        "faults": _faults(evidence),
        "behaviour": [result.to_json() for result in evaluation.behaviour],
        "hints": hints(verdicts, evaluation),
        "lineage": {**subject.lineage, "test_sha256": evaluation.test_sha256,
                    "gates_sha256": gates.digest, "champion": champion.version,
                    "champion_sha256": champion.archive_sha256},
    })


def _labels(evidence: Evidence) -> list[str]:
    found: set[Any] = set()
    for answers in (evidence.candidate, evidence.champion):
        found.update(item for item in (answers.predictions if answers else ())
                     if isinstance(item, str))
    return sorted(found | {row["label"] for row in evidence.rows if isinstance(row["label"], str)})


def _confusion(gold: Sequence[Any], answers: Answers | None,
               labels: Sequence[str]) -> np.ndarray | None:
    """Return the matrix (k, k); None for answers that are no labels, or texts as many as rows."""
    if answers is None or len(labels) > max(300, len(gold) // 2):
        return None
    try:
        return metrics.confusion(gold, answers.predictions, labels)
    except (KeyError, TypeError):
        return None


def _metrics(evidence: Evidence, who: str, gates: Gates) -> dict[str, Any] | None:
    """Return the metrics of the gates' families, and every figure that was measured."""
    answers: Answers | None = getattr(evidence, who)
    if answers is None:
        return None
    found: dict[str, Any] = {}
    gold = [row["label"] for row in evidence.rows]
    asked = {family_of(gate.metric) for gate in gates.gates} | {family_of(gates.main)}
    for family in (family for family in FAMILIES if family in asked):
        try:
            table = family.table(gold, answers.predictions, None)
        except ValueError:
            continue
        sums = np.bincount(table.cell) @ table.candidate
        found.update({name: float(family.score(name, None, sums)) for name in family.metrics
                      if family.support(name, None, sums)})
    for name, single in evidence.singles.items():
        value = single.value if who == "candidate" else single.champion
        if value is not None and ":" not in name and not name.startswith("latency_ratio"):
            found[name] = value
    return {**found, "rows": len(gold)}


def _gate(item: Verdict) -> dict[str, Any]:
    waiver = item.waiver
    return {"id": item.id, "metric": item.metric, "slice": item.slice, "value": item.value,
            "interval": item.interval, "bound": item.bound, "side": item.side,
            "champion": item.champion, "delta": item.delta,
            "delta_interval": item.delta_interval, "max_drop": item.max_drop, "n": item.n,
            "mde": item.mde, "rows_needed": item.rows_needed, "p": item.p,
            "verdict": item.verdict, "counts_as": item.counts_as, "severity": item.severity,
            "why": item.why, "reason": item.reason,
            "waiver": {"reason": waiver.reason, "approver": waiver.approver,
                       "until": waiver.until.isoformat()} if waiver else None}


def _slices(gates: Gates, bench: Bench) -> list[dict[str, Any]]:
    """Return every defined slice in the main metric, gated or not."""
    found = []
    for defined in gates.slices:
        try:
            parts = bench.parts(defined)
        except NotMeasured:
            continue
        bounds = [gate.min for gate in gates.gates if gate.metric == gates.main
                  and defined in gate.slices and gate.min is not None]
        for name, indexes in parts.items():
            try:
                item = bench.measured(gates.main, name, indexes)
            except NotMeasured:
                continue
            compared = item.compared
            found.append({
                "name": name, "n": item.n, "value": item.value, "interval": item.interval,
                "bound": max(bounds, default=None),
                "champion": compared.champion if compared else None,
                "delta": compared.delta if compared else None,
                "delta_interval": compared.interval if compared else None})
    return found


def _calibration(evidence: Evidence) -> dict[str, Any] | None:
    if not evidence.candidate.scores:
        return None
    return {"bins": figures.reliability_bins([row["label"] for row in evidence.rows],
                                             evidence.candidate)}


def _latency(evidence: Evidence) -> dict[str, Any] | None:
    """Return histograms of both models' latencies over the same logarithmic edges."""
    times = evidence.candidate.latency_ms
    others = evidence.champion.latency_ms if evidence.champion else None
    if not times:
        return None
    all_times = np.array([*times, *(others or ())], dtype=float)
    low = max(float(all_times.min()), 1e-3)
    edges = np.geomspace(low * 0.999, max(float(all_times.max()), low * 1.01) * 1.001,
                         LATENCY_BINS + 1)
    ratios = {f"ratio_{q}": evidence.singles[f"latency_ratio_{q}"].value for q in ("p50", "p95")}
    return {"requests": len(times), "edges": edges.tolist(),
            "counts": np.histogram(times, edges)[0].tolist(),
            "champion_counts": np.histogram(others, edges)[0].tolist() if others else None,
            **ratios}


def _changed_rows(evidence: Evidence) -> dict[str, Any] | None:
    """Return the rows that only the champion had right, and those that only the candidate has."""
    if evidence.champion is None:
        return None
    broken: list[dict[str, Any]] = []
    fixed: list[dict[str, Any]] = []
    for row, ours, theirs in zip(evidence.rows, evidence.candidate.predictions,
                                 evidence.champion.predictions, strict=True):
        if (ours == row["label"]) == (theirs == row["label"]):
            continue
        (fixed if ours == row["label"] else broken).append({
            "id": row.get("id"), "text": _masked(row.get("text")), "label": row["label"],
            "champion": theirs, "prediction": ours})
    return {"broken": broken[:SHOWN_ROWS], "fixed": fixed[:SHOWN_ROWS],
            "broken_total": len(broken), "fixed_total": len(fixed),
            "mcnemar_p": statistics.mcnemar(len(broken), len(fixed))}


def _faults(evidence: Evidence) -> dict[str, Any] | None:
    """Return the answers of a provider that were not accepted, and why; None for other models."""
    if evidence.candidate.faults is None:
        return None
    found = [{"id": row.get("id"), "fault": _masked(fault)} for row, fault in zip(
        evidence.rows, evidence.candidate.faults, strict=True) if fault]
    return {"total": len(found), "rows": found[:SHOWN_ROWS]}


def _masked(text: Any) -> str | None:
    """Return the beginning of a text without personal data: reports are kept and passed on."""
    return mask(text)[:SHOWN_CHARACTERS] if isinstance(text, str) else None


def _finite(value: Any) -> Any:
    """Return the value with every number that JSON lacks as None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


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
        found += [_hint(item, evaluation) for item in group[:SHOWN_REASONS]]
        if len(group) > SHOWN_REASONS:
            found.append(f"{group[0].id}: and {len(group) - SHOWN_REASONS} more, "
                         "in the table of gates")
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
    left = len(reasons) - SHOWN_REASONS
    more = [f"and {left} more gate" + "s" * (left > 1)] if left > 0 else []
    return "; ".join([*reasons[:SHOWN_REASONS], *more])


def _hint(item: Verdict, evaluation: Evaluation) -> str:
    where = f"{item.id} ({item.slice})" if item.slice else item.id
    if item.verdict == "NOT_MEASURED" or item.value is None or item.bound is None:
        return (f"{where}: fix what is missing, or take the rule out of gates.yaml in a pull "
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
