"""Intervals of the figures that are not counted in cells: means, percentiles, ROC-AUC and ECE.

Closed forms, and for the ECE a bootstrap over bins, so that they cost the same however many rows
there are. Each function takes a two-sided confidence; a one-sided bound at 95 % is an end of the
interval at 90 %.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nlp_gitops.evaluation import metrics, statistics
from nlp_gitops.gates.measure import Pair

ECE_RESAMPLES = 1000


def percentile(ordered: Sequence[float] | np.ndarray, q: float, confidence: float) -> Pair | None:
    """Return the distribution-free interval of a quantile q of sorted values.

    Ranks n q -+ z sqrt(n q (1 - q)) (Conover 1999). None where a rank falls outside the values.
    """
    n = len(ordered)
    half = statistics.z(0.5 + confidence / 2) * math.sqrt(n * q * (1 - q))
    low, high = math.floor(n * q - half), math.ceil(n * q + half)
    if low < 1 or high > n:
        return None
    return float(ordered[low - 1]), float(ordered[high - 1])


def mean(values: np.ndarray, confidence: float, ends: Pair) -> Pair:
    """Return the normal interval of the mean of (n,) values that can only lie between `ends`.

    Where all values are equal, the share of other ones is at most that of the rule of three.
    """
    n, middle = len(values), float(np.mean(values))
    if float(np.ptp(values)) > 1e-12:
        half = statistics.z(0.5 + confidence / 2) * float(np.std(values, ddof=1)) / math.sqrt(n)
        return max(ends[0], middle - half), min(ends[1], middle + half)
    share = statistics.rule_of_three(n, confidence)
    return middle - share * (middle - ends[0]), middle + share * (ends[1] - middle)


def roc_auc(scores: np.ndarray, gold: np.ndarray, confidence: float) -> Pair | None:
    """Return the interval of `metrics.roc_auc`: DeLong's variance (1988), on the logit scale.

    `scores` (n, k), `gold` (n,) column numbers. None where the area is not defined.
    """
    area = metrics.roc_auc(scores, gold)
    if math.isnan(area):
        return None
    pull = metrics.roc_auc_influence(scores, gold)
    error = math.sqrt(float(np.mean(pull ** 2)) / len(gold))
    if error < 1e-12 or not 0 < area < 1:
        # Every pair is ranked alike. The rarest label gives this many pairs that share no row.
        return statistics.wilson(area, int(np.bincount(gold).min()), confidence)
    middle = math.log(area / (1 - area))
    half = statistics.z(0.5 + confidence / 2) * error / (area * (1 - area))
    return 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))


def ece(bins: Sequence[Mapping[str, Any]], confidence: float, seed: int) -> Pair:
    """Return a bootstrap interval of the ECE: rows of one bin and outcome count as alike.

    Chance makes the ECE of a sample too large, and that of its resamples again. So the lower end
    is the reflected one (basic bootstrap), and the upper one is moved down by the resamples' bias.
    """
    value = metrics.ece(bins)
    counts = np.array([round(part["n"] * share) for part in bins
                       for share in (part["accuracy"], 1 - part["accuracy"])])
    sure = np.repeat([part["confidence"] for part in bins], 2)
    hit = np.tile([1.0, 0.0], len(bins))
    gaps = [(drawn * (hit - sure)).reshape(len(drawn), -1, 2).sum(axis=2)
            for drawn in statistics.bootstrap(counts, ECE_RESAMPLES, seed)]
    samples = np.abs(np.concatenate(gaps)).sum(axis=1) / counts.sum()
    high = statistics.interval(samples, confidence)[1]
    return max(0.0, 2 * value - high), max(value, high - (float(samples.mean()) - value))
