"""The report as plain data: what was compared, every signal, figures, quality and explanations."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from nlp_gitops.drift import explain, figures, judge, quality
from nlp_gitops.drift.calibrate import Certificate
from nlp_gitops.drift.columns import OTHER
from nlp_gitops.drift.embedder import Embedder
from nlp_gitops.drift.inputs import Read, span
from nlp_gitops.drift.judge import Rules, alerts, compare, overall
from nlp_gitops.drift.profile import Profile
from nlp_gitops.privacy import Masker

REPORT_SCHEMA = "nlp-gitops/drift-report/1"
_UNITS = {"hour": "Hours were dealt out instead of days: the reference has fewer than 28 days. "
                  "Hours of one day are alike, so p-values are somewhat too small.",
          "line": "Lines were dealt out instead of days: the reference has too few days. Days that "
                  "differ by nature may look like drift; compare with an earlier log of four weeks "
                  "as soon as there is one."}


@dataclass(frozen=True)
class Subject:
    """What the report is about, and how it is judged. `rule` is `test` or `fixed`.

    `judge` is the packed profile, whose rows have gold labels.
    """

    model: str
    version: str | None
    embedder: Embedder | None
    judge: Profile | None
    rules: Rules
    rule: str = "test"
    certificate: Certificate | None = None
    min_accuracy: float | None = None
    language: str = "en"
    texts: int = explain.MOST_TEXTS
    owners: tuple[str, ...] = ()


def build(subject: Subject, reference: Read, current: Read,
          labelled: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the report; raise UsageError if the two cannot be compared."""
    if subject.rule == "fixed":
        slices = judge.compare_fixed(reference.profile, current.profile)
        method: dict[str, Any] = {"rule": "fixed"}
    else:
        judged = compare(reference.profile, current.profile, subject.rules)
        slices = judged.slices
        method = {"rule": "test", "unit": judged.unit, "tests": judged.tests,
                  "draws": judged.draws, "alpha": subject.rules.alpha,
                  "calibrated": subject.certificate is not None}
    estimate = quality.estimate(subject.judge or reference.profile, current.profile)
    accuracy = _accuracy(estimate, labelled, subject.min_accuracy)
    if accuracy:
        slices["all"]["accuracy"] = accuracy
    verdict = overall(slices)
    return {
        "schema": REPORT_SCHEMA, "verdict": verdict, "why": _why(verdict, slices, subject.rule),
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "model": subject.model, "version": subject.version, "owners": list(subject.owners),
        "windows": {"current": _window(current), "reference": _window(reference)},
        "method": {**method, "embedder": reference.profile.layout.embedder,
                   "layout": reference.profile.layout.sha256},
        "warnings": _warnings(subject, method, reference, current), "slices": slices,
        "service": {"current": figures.service(current.profile),
                    "reference": figures.service(reference.profile)},
        "quality": {"estimate": estimate, "labelled": labelled},
        "distributions": _distributions(reference, current),
        "explanation": _explanation(subject, reference, current, slices),
        "calibration": subject.certificate.record() if subject.certificate else None}


def not_measured(model: str, why: str) -> dict[str, Any]:
    """Return the report of what could not be measured."""
    return {"schema": REPORT_SCHEMA, "verdict": "NOT_MEASURED", "why": why,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "model": model, "slices": {}}


def _accuracy(estimate: Mapping[str, Any] | None, labelled: Mapping[str, Any] | None,
              bound: float | None) -> dict[str, Any] | None:
    """Return the signal of accuracy: by labels where there are some, else by the estimate."""
    known = (labelled or {}).get("slices", {}).get("all")
    if known:
        value, span_, n = known["accuracy"], known["accuracy_interval"], known["n"]
    elif estimate:
        value, span_, n = estimate["accuracy"], estimate["interval"], estimate["n"]
    else:
        return None
    verdict = "CRITICAL" if bound is not None and span_[1] < bound else "OK"
    return {"verdict": verdict, "value": value, "interval": span_, "bound": bound, "n": n,
            "source": "labels" if known else "estimate"}


def _why(verdict: str, slices: Mapping[str, Mapping[str, Mapping[str, Any]]], rule: str) -> str:
    """Return the verdict's reason in one sentence."""
    if verdict in ("INSUFFICIENT", "NOT_MEASURED"):
        return next((signal["why"] for signal in slices["all"].values()
                     if signal["verdict"] == verdict and "why" in signal), "nothing was measured")
    found = [f"{statistic} of {name}: {signal['value']:.3f}"
             + (f" ({'below' if statistic == 'accuracy' else 'bound'} {signal['bound']:g})"
                if signal.get("bound") is not None else "")
             for name, statistic, signal in alerts(slices) if signal["verdict"] == verdict]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    calm = "no significant change" if rule == "test" else "no distance above its bound"
    return "; ".join(found[:3]) + more if found else calm


def _window(read: Read) -> dict[str, Any]:
    times = span(read.profile)
    return {"place": read.place, "rows": int(read.profile.total()[0]),
            "from": times[0] if times else None, "to": times[1] if times else None,
            "lines": read.faults.lines, "torn": read.faults.torn, "wrong": read.faults.wrong,
            "faults": read.faults.told, "other_lines": read.others,
            "versions": dict(read.versions.most_common(10))}


def _warnings(subject: Subject, method: Mapping[str, Any], reference: Read,
              current: Read) -> list[str]:
    found = []
    if subject.rule == "fixed":
        found.append("The plain rule was applied: a fixed bound for the cosine distance, without a "
                     "test. It says nothing about chance.")
    elif subject.certificate is None:
        found.append("UNCALIBRATED: the bounds are general ones, not measured on this traffic. "
                     "With nine weeks of logs: python tools/drift_report.py calibrate "
                     "--current LOGS")
    if method.get("unit") in _UNITS:
        found.append(_UNITS[method["unit"]])
    for side, read in (("current", current), ("reference", reference)):
        if read.faults.wrong:
            found.append(f"{read.faults.wrong:,} of {read.faults.lines:,} lines of the {side} log "
                         f"were left out; first: {read.faults.told[0]}")
        if len(read.versions) > 1:
            found.append(f"{len(read.versions)} model versions answered in the {side} window: "
                         + ", ".join(sorted(read.versions)[:5]) + ". A new version moves labels "
                         "and scores by itself.")
    return found


def _distributions(reference: Read, current: Read) -> dict[str, Any]:
    """Return shares of labels and scores in both windows, for the plots."""
    found: dict[str, Any] = {}
    layout = reference.profile.layout
    for name in ("label", "score"):
        counts = [read.profile.total()[layout.columns[name]] for read in (current, reference)]
        if all(array.sum() for array in counts):
            found[name] = {side: [round(share, 5) for share in (array / array.sum()).tolist()]
                           for side, array in zip(("current", "reference"), counts, strict=True)}
    if "label" in found:
        found["label"]["names"] = [*layout.labels, OTHER]
    return found


def _explanation(subject: Subject, reference: Read, current: Read,
                 slices: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    masker = Masker(subject.language)
    days = explain.time_line(reference.profile, current.profile)
    moved = sorted(((name, statistic, signal["value"] / signal["bound"])
                    for name, signals in slices.items() for statistic, signal in signals.items()
                    if signal.get("bound") and statistic != "accuracy" and "value" in signal),
                   key=lambda item: -item[2])
    found: dict[str, Any] = {
        "time_line": days, "change_points": {
            statistic: point for statistic in ("embedding", "label", "score", "length")
            if (point := explain.change_point(days, statistic))},
        "slices": [{"slice": name, "statistic": statistic, "times_bound": ratio}
                   for name, statistic, ratio in moved[:10]]}
    if subject.embedder:
        found["words"] = explain.words(subject.embedder, reference.profile, current.profile)
        sample = [line for _, line in current.sample]
        if sample and subject.texts:
            found["new_words"] = explain.new_words(subject.embedder, sample, masker)
            found["texts"] = explain.texts(subject.embedder, reference.profile, current.profile,
                                           sample, masker, subject.texts)
    return found
