"""Metrics of labels, spans and texts. numpy only, so that a gate starts fast.

Formulas as in scikit-learn (`zero_division=0`), which the tests compare against. Nearly all of
those of labels need three counts for each class: `hits` (right), `gold` and `predicted`, of shape
(..., k).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nlp_gitops.core.names import ABSTAIN

Span = tuple[int, int, str]
_WORD = re.compile(r"\w+")


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


def count_spans(gold: Any, predicted: Any) -> tuple[int, int, int, int]:
    """Return (exact, partial, gold, predicted) for one row.

    Spans are `{"start", "end", "label"}`. Exact: same borders and label. Partial: of the rest, same
    label and overlapping, matched left to right, each span at most once. Raises ValueError for
    anything that is no list of spans.
    """
    left, right = _spans(gold), _spans(predicted)
    same = left & right
    return len(same), _overlaps(sorted(left - same), sorted(right - same)), len(left), len(right)


def _overlaps(gold: Sequence[Span], predicted: Sequence[Span]) -> int:
    found = 0
    for label in {span[2] for span in gold}:
        ones = [span for span in gold if span[2] == label]
        others = [span for span in predicted if span[2] == label]
        i = j = 0
        while i < len(ones) and j < len(others):
            if ones[i][0] < others[j][1] and others[j][0] < ones[i][1]:
                found, i, j = found + 1, i + 1, j + 1
            elif ones[i][1] <= others[j][0]:
                i += 1
            else:
                j += 1
    return found


def _spans(value: Any) -> set[Span]:
    if not isinstance(value, list):
        raise ValueError("label and prediction must be lists of spans")
    return {_span(item) for item in value}


def _span(item: Any) -> Span:
    if isinstance(item, Mapping) and {"start", "end", "label"} <= item.keys():
        start, end, label = item["start"], item["end"], item["label"]
        if isinstance(start, int) and isinstance(end, int) and isinstance(label, str):
            return start, end, label
    raise ValueError(f"not a span with start, end and label: {str(item)[:60]}")


def rouge_l(reference: Any, answer: Any) -> float:
    """Return ROUGE-L F1 (Lin 2004) of two texts, 0 … 1: lower case words, no stemming.

    Two texts without a word are equal (1). Raises ValueError for anything that is no string.
    """
    if not isinstance(reference, str) or not isinstance(answer, str):
        raise ValueError("label and prediction must be strings for texts")
    one, other = (_WORD.findall(text.lower()) for text in (reference, answer))
    if not one and not other:
        return 1.0
    return 2 * longest_common(one, other) / (len(one) + len(other))


def longest_common(one: list[str], other: list[str]) -> int:
    """Return the length of the longest common subsequence (bit-parallel: Hyyrö 2004)."""
    places: dict[str, int] = {}
    for index, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << index
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        hits = row & places.get(word, 0)
        row = (row + hits | row - hits) & full
    return len(one) - row.bit_count()
