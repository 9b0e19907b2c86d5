"""How far a measured value can be trusted. numpy only, no global random state.

The rows of a test set fall into a few *cells*: rows of one cell are alike for every metric. Drawing
rows with replacement is drawing cell counts from a multinomial, so the row bootstrap is done
exactly on the cells, without touching rows. Below, `counts` has shape (c,), and a draw is an array
of shape (b, c): b resamples of c counts, each row adding up to n.

Intervals of means, percentiles, ROC-AUC and ECE are closed forms, and for the ECE a bootstrap over
bins, so that they cost the same however many rows there are. Each takes a two-sided confidence; a
one-sided bound at 95 % is an end of the interval at 90 %.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from nlp_gitops.evaluation import metrics

Pair = tuple[float, float]

POWER = 0.8
CHUNK_CELLS = 2_000_000
LARGE_CELL = 5
ECE_RESAMPLES = 1000


def z(probability: float) -> float:
    """Return the standard normal quantile."""
    return NormalDist().inv_cdf(probability)


def bootstrap(counts: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield chunks (b, c) of bootstrap counts, `resamples` rows in all.

    Large cells are drawn as counts. The small ones together are one more count, and their rows are
    then drawn one by one: the same distribution, in less time.
    """
    n = int(counts.sum())
    generator = np.random.default_rng(seed)
    large = counts >= LARGE_CELL
    totals = np.concatenate([[counts[~large].sum()], counts[large]])
    for size in _chunks(resamples, max(len(counts), int(totals[0]))):
        drawn = np.empty((size, len(counts)), np.int64)
        found = generator.multinomial(n, totals / n, size=size)
        drawn[:, ~large] = _by_rows(counts[~large], found[:, 0], generator)
        drawn[:, large] = found[:, 1:]
        yield drawn


def _by_rows(counts: np.ndarray, sizes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw `sizes` (b,) rows with replacement; return the cells' counts (b, c)."""
    cell_of_row = np.repeat(np.arange(len(counts)), counts)
    # Without rows all sizes are 0, and the end of the range is never drawn.
    drawn = cell_of_row[generator.integers(0, max(len(cell_of_row), 1), size=sizes.sum())]
    drawn += np.repeat(np.arange(len(sizes)) * len(counts), sizes)
    return np.bincount(drawn, minlength=len(sizes) * len(counts)).reshape(len(sizes), -1)


def swaps(counts: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield chunks (b, c): of the rows of each cell, how many exchange the two models' answers.

    This is the paired randomisation test (Fisher; Yeh 2000): if two models are equally good, who
    gave which answer is a coin toss for each row.
    """
    generator = np.random.default_rng([seed, 1])
    for size in _chunks(resamples, max(len(counts), 1)):
        yield generator.binomial(counts, 0.5, size=(size, len(counts)))


def _chunks(total: int, width: int) -> Iterator[int]:
    size = max(1, min(total, CHUNK_CELLS // width))
    for begin in range(0, total, size):
        yield min(size, total - begin)


def interval(samples: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the two-sided percentile interval."""
    tail = 50 * (1 - confidence)
    low, high = np.percentile(samples, [tail, 100 - tail])
    return float(low), float(high)


def one_sided(samples: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the lower and the upper one-sided percentile bound, each at this confidence."""
    low, high = np.percentile(samples, [100 * (1 - confidence), 100 * confidence])
    return float(low), float(high)


def wilson(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share of n rows; never collapses at 0 or 1."""
    if n <= 0:
        return 0.0, 1.0
    t = z(0.5 + confidence / 2)
    middle = (share + t * t / (2 * n)) / (1 + t * t / n)
    half = t / (1 + t * t / n) * math.sqrt(share * (1 - share) / n + t * t / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def rule_of_three(n: float, confidence: float) -> float:
    """Return the largest rate at which an event that never showed in n rows is still believable.

    Exact: 1 - (1 - confidence)^(1/n), about 3/n at 95 %.
    """
    return 1.0 if n <= 0 else 1 - (1 - confidence) ** (1 / n)


def p_of_drop(differences: np.ndarray, observed: float) -> float:
    """Return the chance that equal models show a difference as low as the observed one.

    `differences` (b,) come from `swaps`; the observed one counts as one of them, so p > 0.
    """
    # Sums of the same shares in another order may differ in the last digit.
    extreme = int((differences <= observed + 1e-12).sum())
    return (extreme + 1) / (len(differences) + 1)


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979), in the order given."""
    adjusted = [0.0] * len(p)
    worst = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        worst = max(worst, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = worst
    return adjusted


def mcnemar(broken: int, fixed: int) -> float:
    """Return the exact two-sided McNemar p-value of rows newly wrong and newly right."""
    n, extreme = broken + fixed, min(broken, fixed)
    if not n:
        return 1.0
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2)
            for i in range(extreme + 1)]
    return min(1.0, 2 * math.fsum(math.exp(value) for value in logs))


def mde(standard_error: float, weight: float, confidence: float) -> float:
    """Return the minimum detectable effect: the drop that is seen four times out of five.

    (z_confidence + z_power) * SE, and at least (z + z)^2 / weight, since a drop d means that at
    least a share d of the rows changed. `weight` is the number of rows, or for a mean over classes
    the number of classes times the rows of the rarest.
    """
    factor = z(confidence) + z(POWER)
    return max(factor * standard_error, factor * factor / weight if weight else math.inf)


def rows_needed(n: int, standard_error: float, weight: float, allowed: float,
                confidence: float) -> int | None:
    """Return how many rows would detect the allowed drop; None if none is allowed.

    From n rows with this standard error and effective number `weight` (see `mde`).
    """
    if allowed <= 0 or not weight:
        return None
    factor = z(confidence) + z(POWER)
    return math.ceil(max(n * (factor * standard_error / allowed) ** 2,
                         factor * factor / allowed * n / weight))


def percentile_interval(ordered: Sequence[float] | np.ndarray, q: float,
                        confidence: float) -> Pair | None:
    """Return the distribution-free interval of a quantile q of sorted values.

    Ranks n q -+ z sqrt(n q (1 - q)) (Conover 1999). None where a rank falls outside the values.
    """
    n = len(ordered)
    half = z(0.5 + confidence / 2) * math.sqrt(n * q * (1 - q))
    low, high = math.floor(n * q - half), math.ceil(n * q + half)
    if low < 1 or high > n:
        return None
    return float(ordered[low - 1]), float(ordered[high - 1])


def mean_interval(values: np.ndarray, confidence: float, ends: Pair) -> Pair:
    """Return the normal interval of the mean of (n,) values that can only lie between `ends`.

    Where all values are equal, the share of other ones is at most that of the rule of three.
    """
    n, middle = len(values), float(np.mean(values))
    if float(np.ptp(values)) > 1e-12:
        half = z(0.5 + confidence / 2) * float(np.std(values, ddof=1)) / math.sqrt(n)
        return max(ends[0], middle - half), min(ends[1], middle + half)
    share = rule_of_three(n, confidence)
    return middle - share * (middle - ends[0]), middle + share * (ends[1] - middle)


def roc_auc_interval(scores: np.ndarray, gold: np.ndarray, confidence: float) -> Pair | None:
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
        return wilson(area, int(np.bincount(gold).min()), confidence)
    middle = math.log(area / (1 - area))
    half = z(0.5 + confidence / 2) * error / (area * (1 - area))
    return 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))


def ece_interval(bins: Sequence[Mapping[str, Any]], confidence: float, seed: int) -> Pair:
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
            for drawn in bootstrap(counts, ECE_RESAMPLES, seed)]
    samples = np.abs(np.concatenate(gaps)).sum(axis=1) / counts.sum()
    high = interval(samples, confidence)[1]
    return max(0.0, 2 * value - high), max(value, high - (float(samples.mean()) - value))
