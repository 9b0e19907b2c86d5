"""How far two windows are apart, one statistic at a time. Pure functions over sums.

Each takes the sums of b pairs of windows, current and reference (b, k), and returns two arrays
(b,): a distance, which is tested, and the effect in units that people judge. Every effect is about
0 without drift, whatever the number of lines, because what chance alone makes is taken off.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Measured = tuple[np.ndarray, np.ndarray]
_NO_DIRECTION = np.nan


@dataclass(frozen=True)
class Statistic:
    """A statistic: the groups of counts it reads, how it is computed, and how chance draws it.

    `draw` is `counts` (lines fall into cells) or `means` (sums of vectors). `unit` is the effect.
    Chance alone makes distances that grow like (1/n + 1/m)^`power`.
    """

    name: str
    groups: tuple[str, ...]
    compute: Callable[[np.ndarray, np.ndarray], Measured]
    draw: str
    power: float
    unit: str
    missing: str

    def lines(self, sums: np.ndarray) -> np.ndarray:
        """Return the number of lines in each of b windows (b, k)."""
        return sums[:, 0] if self.draw == "means" else sums.sum(axis=1)


def embedding(current: np.ndarray, reference: np.ndarray) -> Measured:
    """Return the debiased cosine distance of mean embeddings (columns: n, squares, sums).

    1 - a.b / sqrt(A B), where a and b are the means and A and B are unbiased estimates of their
    squared lengths: the mean of x.y over pairs of different lines. The plain cosine distance of n
    and m lines is larger by about (1 - |mean|^2) / (2 |mean|^2) (1/n + 1/m).
    """
    dots = np.einsum("bk,bk->b", current[:, 2:], reference[:, 2:])
    dots = dots / (current[:, 0] * reference[:, 0])
    lengths = _squared_length(current) * _squared_length(reference)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.where(lengths > 0, 1 - dots / np.sqrt(np.abs(lengths)), _NO_DIRECTION)
    return distance, distance


def _squared_length(sums: np.ndarray) -> np.ndarray:
    n = sums[:, 0]
    pairs = np.einsum("bk,bk->b", sums[:, 2:], sums[:, 2:]) - sums[:, 1]
    # Both factors of a product are either above 0 or make it useless.
    return np.where(pairs > 0, pairs / np.maximum(n * (n - 1), 1), 0.0)


def plain_cosine(current: np.ndarray, reference: np.ndarray) -> float:
    """Return the cosine distance of two vectors (k,); a zero vector is at distance 1."""
    lengths = np.linalg.norm(current) * np.linalg.norm(reference)
    return float(1 - current @ reference / lengths) if lengths else 1.0


def features(current: np.ndarray, reference: np.ndarray) -> Measured:
    """Return the unbiased squared MMD of random Fourier features (columns: n, sums).

    The features have length 1 (Rahimi and Recht 2007), so of n lines n(n-1) pairs are different.
    """
    n, m = current[:, 0], reference[:, 0]
    own = [(np.einsum("bk,bk->b", sums[:, 1:], sums[:, 1:]) - count)
           / np.maximum(count * (count - 1), 1)
           for sums, count in ((current, n), (reference, m))]
    distance = own[0] + own[1] - 2 * np.einsum("bk,bk->b", current[:, 1:],
                                               reference[:, 1:]) / (n * m)
    return distance, distance


def shares(current: np.ndarray, reference: np.ndarray) -> Measured:
    """Return G (1/n + 1/m), and the debiased Jensen-Shannon distance (base 2, 0 to 1).

    The divergence of equal shares is about (k - 1) / (8 ln 2) (1/n + 1/m) for k cells in use.
    """
    n, m = (sums.sum(axis=1, keepdims=True) for sums in (current, reference))
    pooled = (current + reference) / (n + m)
    g = 2 * (_relative(current, n * pooled) + _relative(reference, m * pooled))
    p, q = current / n, reference / m
    middle = (p + q) / 2
    divergence = (_relative(p, middle) + _relative(q, middle)) / (2 * np.log(2))
    used = (pooled > 0).sum(axis=1)
    share = (1 / n + 1 / m)[:, 0]
    chance = (used - 1) / (8 * np.log(2)) * share
    return g * share, np.sqrt(np.maximum(divergence - chance, 0))


def _relative(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the sum of c log(c / e); a cell without counts adds nothing."""
    ratio = np.divide(counts, expected, out=np.ones_like(counts), where=counts > 0)
    return (counts * np.log(ratio)).sum(axis=1)


def ordered(current: np.ndarray, reference: np.ndarray) -> Measured:
    """Return the Kolmogorov-Smirnov distance of two histograms, and what is left of its square
    after chance.

    Under equal distributions the distance squared is about (pi^2/12) (1/n + 1/m).
    """
    n, m = (sums.sum(axis=1) for sums in (current, reference))
    gap = np.cumsum(current, axis=1) / n[:, None] - np.cumsum(reference, axis=1) / m[:, None]
    distance = np.abs(gap).max(axis=1)
    chance = np.pi ** 2 / 12 * (1 / n + 1 / m)
    return distance, np.sqrt(np.maximum(distance ** 2 - chance, 0))


def unknown_words(current: np.ndarray, reference: np.ndarray) -> Measured:
    """Return the difference of the shares of unknown words (columns: texts, words, unknown)."""
    difference = _share(current) - _share(reference)
    return np.abs(difference), np.abs(difference)


def _share(sums: np.ndarray) -> np.ndarray:
    return sums[:, 2] / np.maximum(sums[:, 1], 1)


STATISTICS = (
    Statistic("embedding", ("embedded", "squares", "embedding"), embedding, "means", 1,
              "debiased cosine distance", "no texts or profiles with embeddings"),
    Statistic("features", ("embedded", "features"), features, "means", 1,
              "squared MMD", "drift.mmd is off in project.yaml"),
    Statistic("label", ("label",), shares, "counts", 1,
              "debiased Jensen-Shannon distance", "no labels"),
    Statistic("score", ("score",), ordered, "counts", 0.5,
              "debiased Kolmogorov-Smirnov distance", "no scores"),
    Statistic("length", ("length",), ordered, "counts", 0.5,
              "debiased Kolmogorov-Smirnov distance", "no lengths"),
    Statistic("unknown_words", ("words",), unknown_words, "means", 0.5,
              "difference of shares", "no texts or profiles with words"),
    Statistic("language", ("language",), shares, "counts", 1,
              "debiased Jensen-Shannon distance", "no field `language`"),
)
