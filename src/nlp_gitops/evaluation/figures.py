"""Figures over all rows that are no count of right answers: latency, cost, calibration, leaks."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ABSTAIN
from nlp_gitops.evaluation import metrics, statistics
from nlp_gitops.evaluation.predictions import Answers, Evidence, Pair, Single

PERCENTILES = (50, 95, 99)


def latency(candidate: Answers, champion: Answers | None, confidence: float) -> dict[str, Single]:
    """Return `latency_ms_pXX`, and the ratios to the champion where both were measured."""
    if not candidate.latency_ms:
        missing = Single(None, missing="latency_ms is not given for every row")
        return {f"latency_ms_p{q}": missing for q in PERCENTILES} | {
            f"latency_ratio_p{q}": missing for q in (50, 95)}
    times = np.sort(candidate.latency_ms)
    others = np.sort(champion.latency_ms) if champion and champion.latency_ms else None
    found = {}
    for q in PERCENTILES:
        value = float(np.percentile(times, q))
        theirs = None if others is None else float(np.percentile(others, q))
        interval, bounds = _ranges(
            lambda level: statistics.percentile_interval(times, q / 100, level), confidence)
        found[f"latency_ms_p{q}"] = Single(value, len(times), interval, theirs, bounds=bounds)
        if q < 99:
            found[f"latency_ratio_p{q}"] = (
                Single(value / theirs, len(times)) if theirs else
                Single(None, missing="the champion's latency was not measured"))
    return found


def _ranges(find: Callable[[float], Pair | None],
            confidence: float) -> tuple[Pair | None, Pair | None]:
    """Return the two-sided interval, and both one-sided bounds, each at this confidence."""
    return find(confidence), find(2 * confidence - 1)


def cost(answers: Answers, champion: Answers | None) -> dict[str, Single]:
    """Return tokens, cost, and the shares of valid answers and of rows without an answer."""
    found: dict[str, Single] = {}
    for name, column, of in (
            ("tokens_mean", "tokens", np.mean), ("cost_mean", "cost", np.mean),
            ("cost_total", "cost", np.sum), ("schema_valid_rate", "schema_valid", np.mean),
            ("tokens_p95", "tokens", lambda values: np.percentile(values, 95))):
        values = getattr(answers, column)
        others = getattr(champion, column) if champion else None
        found[name] = Single(None, missing=f"{column} is not given for every row") if (
            values is None) else Single(float(of(values)), len(values),
                                        champion=float(of(others)) if others else None)
    found["abstain_rate"] = Single(
        _abstained(answers), len(answers.predictions), missing="this model always has an answer",
        champion=_abstained(champion) if champion else None)
    return found


def agreement(ours: Sequence[Sequence[str]] | None, theirs: Sequence[Sequence[str]] | None,
              confidence: float) -> Single:
    """Return how often two answers to the same text are the same label; None is not measured.

    `ours` holds the labels (n,) of each repetition. A text counts once, by its share of agreeing
    pairs, so repetitions make no rows. No answer agrees with nothing.
    """
    if ours is None:
        return Single(None, missing="the model asks no provider")
    shares = _agreeing(ours)
    interval, bounds = _ranges(
        lambda level: statistics.mean_interval(shares, level, (0, 1)), confidence)
    return Single(float(shares.mean()), len(shares), interval,
                  None if theirs is None else float(_agreeing(theirs).mean()), bounds=bounds)


def _agreeing(labels: Sequence[Sequence[str]]) -> np.ndarray:
    """Return of each text the share of pairs of repetitions that give the same label (n,)."""
    pairs = list(itertools.combinations(labels, 2))
    return np.array([[one == other != ABSTAIN for one, other in zip(*pair, strict=True)]
                     for pair in pairs], dtype=float).mean(axis=0)


def _abstained(answers: Answers) -> float | None:
    """Return the share of rows without an answer; None for models that always have one."""
    found = [item == ABSTAIN for item in answers.predictions]
    return float(np.mean(found)) if answers.schema_valid or any(found) else None


def calibration(gold: Sequence[Any], answers: Answers, champion: Answers | None,
                seed: int, confidence: float) -> dict[str, Single]:
    """Return `ece`, `brier` and `roc_auc`, where every row has scores."""
    if not answers.scores:
        return {name: Single(None, missing="scores are not given for every row")
                for name in ("ece", "brier", "roc_auc")}
    ours = _Scored(gold, answers)
    theirs = _Scored(gold, champion) if champion and champion.scores else None
    found = {}
    for name, value in ours.values().items():
        interval, bounds = _ranges(lambda level: ours.interval(name, level, seed), confidence)
        found[name] = Single(value if math.isfinite(value) else None, len(gold), interval,
                             theirs.values()[name] if theirs else None,
                             "a label has no row, or all of them", bounds)
    return found


class _Scored:
    """The scores (n, k) of one model, the truth (n,) as column numbers, and its reliability."""

    def __init__(self, gold: Sequence[Any], answers: Answers) -> None:
        assert answers.scores is not None
        labels = sorted({*gold, *(label for row in answers.scores for label in row)})
        index = {label: number for number, label in enumerate(labels)}
        self.scores = metrics.score_matrix(answers.scores, labels)
        self.truth = np.array([index[label] for label in gold])
        self.bins = reliability_bins(gold, answers)

    def values(self) -> dict[str, float]:
        return {"ece": metrics.ece(self.bins),
                "brier": float(metrics.brier_rows(self.scores, self.truth).mean()),
                "roc_auc": metrics.roc_auc(self.scores, self.truth)}

    def interval(self, name: str, confidence: float, seed: int) -> Pair | None:
        if name == "ece":
            return statistics.ece_interval(self.bins, confidence, seed)
        if name == "brier":
            distances = metrics.brier_rows(self.scores, self.truth)
            return statistics.mean_interval(distances, confidence, (0, 2))
        return statistics.roc_auc_interval(self.scores, self.truth, confidence)


def reliability_bins(gold: Sequence[Any], answers: Answers) -> list[dict[str, Any]]:
    """Return the reliability diagram's bins of the predicted labels' scores."""
    assert answers.scores is not None
    confidence = np.array([row.get(label, 0.0) for row, label
                           in zip(answers.scores, answers.predictions, strict=True)])
    hit = np.array([one == other for one, other in zip(gold, answers.predictions, strict=True)])
    return metrics.reliability(confidence, hit)


def leak(rows: Sequence[Mapping[str, Any]], train: Iterable[str] | None) -> Single:
    """Return the share of rows whose text, folded, is one of the training texts."""
    from nlp_gitops.data.texts import folded

    texts = [text for row in rows if isinstance(text := row.get("text"), str)]
    if train is None or len(texts) < len(rows):
        return Single(None, missing="it needs the text of every row, and the train split")
    known = {folded(text) for text in train}
    return Single(sum(folded(text) in known for text in texts) / len(rows), len(rows))


def critical(path: Path, evidence: Evidence) -> dict[str, Single]:
    """Return how many rows of a file of ids are wrong, and how many the champion had right."""
    ids = read_ids(path)
    place = {str(row.get("id")): number for number, row in enumerate(evidence.rows)}
    absent = [name for name in ids if name not in place]
    if absent or not ids:
        cause = (f"{path.name}: {len(absent)} ids are no test rows, for example {absent[0]!r}"
                 if absent else f"{path.name}: no ids in it")
        return {kind: Single(None, missing=cause) for kind in ("wrong_ids", "broken_ids")}
    gold = [row["label"] for row in evidence.rows]
    wrong = [i for i in map(place.__getitem__, ids)
             if evidence.candidate.predictions[i] != gold[i]]
    found = {"wrong_ids": Single(float(len(wrong)), len(ids))}
    if evidence.champion:
        theirs = evidence.champion.predictions
        found["broken_ids"] = Single(float(sum(theirs[i] == gold[i] for i in wrong)), len(ids))
    return found


def read_ids(path: Path) -> list[str]:
    """Return the ids of a file: one a line, `#` begins a comment."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file of row ids")
    lines = (line.split("#", 1)[0].strip() for line in
             path.read_text(encoding="utf-8").splitlines())
    return list(dict.fromkeys(line for line in lines if line))
