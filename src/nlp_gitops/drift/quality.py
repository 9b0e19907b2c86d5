"""How good the answers are: estimated from the model's own scores, measured where labels came.

The estimate takes, for every score, the share that was right on the validation rows (isotonic), and
averages it over the scores of now; known as confidence-based performance estimation. It believes
that a score still means what it meant: a text whose right answer has changed stays invisible.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nlp_gitops.core.names import ABSTAIN
from nlp_gitops.drift.columns import OTHER
from nlp_gitops.drift.profile import Profile
from nlp_gitops.evaluation import metrics
from nlp_gitops.evaluation.statistics import bootstrap, interval, wilson, z

CONFIDENCE = 0.95
LEAST_JUDGED = 200
RESAMPLES = 2000
BLIND = ("It cannot see answers that became wrong while their texts look the same, nor kinds of "
         "text on which the model is sure and wrong; only labels can.")


def estimate(judge: Profile, current: Profile) -> dict[str, Any] | None:
    """Return the estimated accuracy with its interval; None without enough gold labels.

    `judge` is a profile of rows with gold labels that the model was not trained on.
    """
    columns = judge.layout.columns
    judged, right = (judge.total()[columns[group]] for group in ("judged", "right"))
    scores = current.total()[columns["score"]]
    n = scores.sum()
    if judged.sum() < LEAST_JUDGED or not n:
        return None
    parts = isotonic(judged, right)
    weights = np.array([scores[part.start:part.stop].sum() for part, _, _ in parts]) / n
    known = np.array([number for _, number, _ in parts])
    share = np.array([accuracy for _, _, accuracy in parts])
    value = float(weights @ share)
    # Half a success and half a failure more, so that a bin that was always right is not certain.
    smooth = (share * known + 0.5) / (known + 1)
    chance = smooth * (1 - smooth)
    deviation = float(np.sqrt((weights ** 2 * chance / known).sum() + weights @ chance / n))
    half = z(0.5 + CONFIDENCE / 2) * deviation
    return {"accuracy": value, "interval": [max(value - half, 0.0), min(value + half, 1.0)],
            "n": int(n), "reference_accuracy": float(right.sum() / judged.sum()),
            "judged": int(judged.sum()), "blind": BLIND}


def isotonic(judged: np.ndarray, right: np.ndarray) -> list[tuple[slice, float, float]]:
    """Return (bins, rows, share right) with shares that do not fall (pool adjacent violators).

    Bins without rows belong to the next lower ones that have some.
    """
    found: list[tuple[slice, float, float]] = []
    for place in np.flatnonzero(judged):
        start = found[-1][0].stop if found else 0
        part = slice(start, int(place) + 1), float(judged[place]), float(
            right[place] / judged[place])
        while found and found[-1][2] >= part[2]:
            last = found.pop()
            rows = last[1] + part[1]
            part = (slice(last[0].start, part[0].stop), rows,
                    (last[1] * last[2] + part[1] * part[2]) / rows)
        found.append(part)
    last = found.pop()
    return [*found, (slice(last[0].start, len(judged)), *last[1:])]


def labelled(confusion: Mapping[str, np.ndarray], labels: Sequence[str]) -> dict[str, Any]:
    """Return accuracy and macro-F1 with intervals, by slice, from confusion matrices of counts.

    Rows are gold labels, columns predictions, of the k `labels` and of any other. No answer is a
    miss and no class to average over; so is an other label where none is gold.
    """
    found = {}
    for name, matrix in confusion.items():
        n = int(matrix.sum())
        if not n:
            continue
        accuracy = metrics.accuracy(matrix)
        columns = [*labels, OTHER if matrix[-1].any() else ABSTAIN]
        answers = np.array([label != ABSTAIN for label in columns])
        f1 = np.concatenate([metrics.macro_f1(*_margins(drawn, answers))
                             for drawn in bootstrap(matrix.ravel(), RESAMPLES, 0)])
        found[name] = {
            "n": n, "accuracy": accuracy,
            "accuracy_interval": list(wilson(accuracy, n, CONFIDENCE)),
            "f1_macro": metrics.f1_macro(matrix, columns), "f1_macro_interval": list(
                interval(f1, CONFIDENCE))}
    return {"slices": found}


def _margins(drawn: np.ndarray,
             answers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hits, gold and predicted counts (b, k) of drawn confusion matrices (b, k * k).

    Predictions that are no `answers` (k) are not counted.
    """
    cube = drawn.reshape(-1, len(answers), len(answers))
    return np.diagonal(cube, axis1=1, axis2=2), cube.sum(axis=2), cube.sum(axis=1) * answers
