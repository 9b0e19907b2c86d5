"""Classification metrics. numpy only, so that a gate starts fast.

Formulas as in scikit-learn (`zero_division=0`), which the tests compare against. Nearly all of them
need three counts for each class: `hits` (right), `gold` and `predicted`, of shape (..., k).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nlp_gitops.core.names import ABSTAIN


def confusion(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Return the (k, k) count matrix; rows are gold labels, columns predictions.

    Raises KeyError for a label that is not in `labels`.
    """
    index = {label: number for number, label in enumerate(labels)}
    size = len(labels)
    cells = [index[g] * size + index[p] for g, p in zip(gold, predicted, strict=True)]
    return np.bincount(cells, minlength=size * size).reshape(size, size)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole as floats; 0 where the whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


def class_f1(hits: np.ndarray, gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return F1 of each class (..., k)."""
    return ratio(2 * hits, gold + predicted)


def macro_f1(hits: np.ndarray, gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return (...,) the mean F1 over the classes that occur in gold or predictions; 0 if none."""
    present = ((gold + predicted) > 0).sum(axis=-1)
    return ratio(class_f1(hits, gold, predicted).sum(axis=-1), present)


def weighted_f1(hits: np.ndarray, gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return (...,) the mean F1 weighted by gold rows."""
    return ratio((class_f1(hits, gold, predicted) * gold).sum(axis=-1), gold.sum(axis=-1))


def right(hits: np.ndarray, gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return (...,) the share of right rows: accuracy, and micro-F1 of single-label rows."""
    return ratio(hits.sum(axis=-1), gold.sum(axis=-1))


def matthews(hits: np.ndarray, gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return (...,) the Matthews correlation (Gorodkin 2004); 0 where one side is constant."""
    hits, gold, predicted = (np.asarray(part, dtype=float) for part in (hits, gold, predicted))
    n = gold.sum(axis=-1)
    above = hits.sum(axis=-1) * n - (gold * predicted).sum(axis=-1)
    below = np.sqrt((n * n - (predicted ** 2).sum(axis=-1)) * (n * n - (gold ** 2).sum(axis=-1)))
    return ratio(above, below)


def f1_macro(matrix: np.ndarray, labels: Sequence[str] = ()) -> float:
    """Return macro-F1 of a confusion matrix; NaN if it is empty.

    No answer, where `labels` (k) name it, is a miss and no class to average over.
    """
    hits, gold, predicted = _counts(matrix)
    if labels:
        predicted = predicted * [label != ABSTAIN for label in labels]
    return float(macro_f1(hits, gold, predicted)) if matrix.sum() else float("nan")


def accuracy(matrix: np.ndarray) -> float:
    """Return the share of right predictions of a confusion matrix; NaN if it is empty."""
    return float(right(*_counts(matrix))) if matrix.sum() else float("nan")


def per_class(matrix: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and support of every label; no answer is none."""
    hits, gold, predicted = _counts(matrix)
    columns = (ratio(hits, predicted), ratio(hits, gold), class_f1(hits, gold, predicted))
    return {label: {**{name: float(column[i]) for name, column
                       in zip(("precision", "recall", "f1"), columns)}, "support": int(gold[i])}
            for i, label in enumerate(labels) if label != ABSTAIN}


def _counts(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)


def score_matrix(scores: Sequence[Mapping[str, float]], labels: Sequence[str]) -> np.ndarray:
    """Return scores as (n, k); a label without a score has 0."""
    return np.array([[row.get(label, 0.0) for label in labels] for row in scores], dtype=float)


def brier_rows(scores: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Return (n,) the squared distance of each row's (n, k) scores from the truth, 0 … 2.

    `gold` (n,) holds column numbers. The mean is the Brier score (Brier 1950).
    """
    truth = np.zeros(scores.shape)
    truth[np.arange(len(gold)), gold] = 1
    return ((scores - truth) ** 2).sum(axis=1)


def reliability(confidence: np.ndarray, hit: np.ndarray, bins: int = 10) -> list[dict[str, Any]]:
    """Return the bins of a reliability diagram that hold rows.

    `confidence` (n,) is the score of the predicted label, `hit` (n,) says whether it was right.
    """
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return [{"from": i / bins, "to": (i + 1) / bins, "confidence": float(confidence[inside].mean()),
             "accuracy": float(hit[inside].mean()), "n": int(inside.sum())}
            for i in range(bins) if (inside := number == i).any()]


def ece(bins: Sequence[Mapping[str, Any]]) -> float:
    """Return the expected calibration error (Naeini 2015) of the bins of `reliability`."""
    n = sum(part["n"] for part in bins)
    return sum(part["n"] * abs(part["accuracy"] - part["confidence"]) for part in bins) / n


def roc_auc(scores: np.ndarray, gold: np.ndarray) -> float:
    """Return the area under the ROC curve, one label against the rest, mean over labels.

    `scores` (n, k), `gold` (n,) column numbers. Two labels give the usual binary figure. NaN if
    a label has no row, or all of them.
    """
    return float(np.mean([_binary_auc(scores[:, label], gold == label)
                          for label in range(scores.shape[1])]))


def roc_auc_influence(scores: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Return (n,) how far each row pulls `roc_auc`; the mean square by n is its variance.

    These are the placements of DeLong (1988), found by ranks (Sun and Xu 2014). Every label must
    have a row, and none all of them.
    """
    return np.mean([_binary_influence(scores[:, label], gold == label)
                    for label in range(scores.shape[1])], axis=0)


def _binary_auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Return the share of (positive, negative) pairs ranked right; ties count half."""
    above, below = int(positive.sum()), int((~positive).sum())
    if not above or not below:
        return float("nan")
    return (_ranks(score)[positive].sum() - above * (above + 1) / 2) / (above * below)


def _binary_influence(score: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return (n,) each row's share of right pairs less the mean, by its label's share of rows."""
    pull = _ranks(score)
    for side in (positive, ~positive):
        pull[side] -= _ranks(score[side])
    # The rows of the other label that a row outranks, as a share.
    pull[positive] /= (~positive).sum()
    pull[~positive] = 1 - pull[~positive] / positive.sum()
    for side in (positive, ~positive):
        pull[side] = (pull[side] - pull[side].mean()) / side.mean()
    return pull


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return (n,) ranks from 1; equal values share their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
