"""Classification metrics from a confusion matrix. numpy only, so that a gate starts fast.

Formulas as in scikit-learn (`f1_score`, `zero_division=0`), which the tests compare against.
"""

from collections.abc import Sequence

import numpy as np


def confusion(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Return the (k, k) count matrix; rows are gold labels, columns predictions.

    Raises KeyError for a label that is not in `labels`.
    """
    index = {label: number for number, label in enumerate(labels)}
    size = len(labels)
    cells = [index[g] * size + index[p] for g, p in zip(gold, predicted, strict=True)]
    return np.bincount(cells, minlength=size * size).reshape(size, size)


def f1_per_class(matrix: np.ndarray) -> np.ndarray:
    """Return F1 of each class; 0 where a class was neither seen nor predicted."""
    hits = np.diagonal(matrix)
    total = matrix.sum(axis=0) + matrix.sum(axis=1)
    return np.divide(2 * hits, total, out=np.zeros(len(matrix)), where=total > 0)


def f1_macro(matrix: np.ndarray) -> float:
    """Return the mean F1 over the classes that occur in gold or predictions; NaN if none."""
    present = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    return float(f1_per_class(matrix)[present].mean()) if present.any() else float("nan")


def accuracy(matrix: np.ndarray) -> float:
    """Return the share of right predictions; NaN if there are none."""
    return float(np.trace(matrix) / matrix.sum()) if matrix.sum() else float("nan")


def per_class(matrix: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and support of every label."""
    hits, support, predicted = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    scores = f1_per_class(matrix)
    return {label: {
        "precision": float(hits[i] / predicted[i]) if predicted[i] else 0.0,
        "recall": float(hits[i] / support[i]) if support[i] else 0.0,
        "f1": float(scores[i]),
        "support": int(support[i]),
    } for i, label in enumerate(labels)}
