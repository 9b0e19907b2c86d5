"""What chance alone would show if lines were dealt out: null distribution and p-value.

For profiles without enough days or hours to deal out (`drift/blocks.py`). Profiles keep no
lines, so every statistic is drawn by itself, and Holm's method adjusts for their number.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from nlp_gitops.drift.columns import Layout
from nlp_gitops.drift.distances import Statistic
from nlp_gitops.drift.profile import Profile
from nlp_gitops.evaluation.statistics import POWER, z

FIRST = 999
# So many draws as extreme, and a p-value cannot become significant any more.
_PLAINLY_CHANCE = 20
CHUNK = 4_000_000

Compute = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Found:
    """One statistic of one slice. `noise` is the mean and standard deviation of the tested value's
    effect under chance; `p` counts the draws that are as extreme as the observed one.
    """

    value: float
    p: float
    noise: tuple[float, float]
    draws: int


def of_lines(statistic: Statistic, layout: Layout, reference: Profile, current: Profile, name: str,
             draws: int) -> Found | None:
    """Return a statistic of a slice with its p-value; None where it cannot be computed.

    `draws` many, unless the first 999 show that it cannot become significant.
    """
    totals = [np.concatenate([profile.total(name)[layout.columns[group]]
                              for group in statistic.groups])[None]
              for profile in (current, reference)]
    if not is_measurable(statistic, *totals):
        return None
    observed, effect = (float(array[0]) for array in statistic.compute(*totals))
    if np.isnan(observed):
        return None
    moments = np.zeros((layout.vector, layout.vector))
    for profile in (reference, current):
        moments = moments + profile.moments.get(name, 0.0)
    way = _by_line(statistic, layout, moments, totals, f"line {name} {statistic.name}")
    return Found(effect, *_p(statistic.compute, way, observed, draws))


def is_measurable(statistic: Statistic, current: np.ndarray, reference: np.ndarray) -> bool:
    """Say whether both windows (1, k) hold enough of what a statistic needs."""
    if min(statistic.lines(current)[0], statistic.lines(reference)[0]) < 2:
        return False
    return statistic.name != "language" or any(
        total[0, 1:].sum() for total in (current, reference))


def _p(compute: Compute, way: Callable[[int], Iterator[tuple[np.ndarray, np.ndarray]]],
       observed: float, draws: int) -> tuple[float, tuple[float, float], int]:
    """Return (1 + extreme) / (1 + draws) (Phipson and Smyth 2010), the noise, and the draws."""
    extreme, made = 0, 0
    effects: list[np.ndarray] = []
    for number in (min(FIRST, draws), draws - FIRST):
        if number <= 0 or extreme >= _PLAINLY_CHANCE:
            break
        for pair in way(number):
            tested, effect = compute(*pair)
            # What cannot be computed is taken for extreme, so that it never makes an alarm.
            extreme += int((~(tested < observed - 1e-12)).sum())
            made += len(tested)
            if len(effects) < 4:
                effects.append(effect[np.isfinite(effect)])
    known = np.concatenate(effects) if effects else np.zeros(1)
    noise = (float(known.mean()), float(known.std())) if len(known) else (0.0, float("inf"))
    return (1 + extreme) / (1 + made), noise, made


def _by_line(statistic: Statistic, layout: Layout, moments: np.ndarray,
             totals: list[np.ndarray], seed: str
             ) -> Callable[[int], Iterator[tuple[np.ndarray, np.ndarray]]]:
    """Deal single lines out: exactly for counts (hypergeometric), else by the central limit."""
    generator = np.random.default_rng(crc32(seed.encode()))
    if statistic.draw == "counts":
        now, before = (total[0] for total in totals)
        pooled = (now + before).astype(np.int64)

        def counts(draws: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for size in sizes(draws, len(pooled)):
                drawn = generator.multivariate_hypergeometric(
                    pooled, int(now.sum()), size=size, method="marginals").astype(float)
                yield drawn, pooled - drawn

        return counts
    numbers, mean, spread, fixed = _moments(statistic, layout, moments, totals)
    # Eigenvalues that rounding made negative are none.
    values, axes = np.linalg.eigh(spread)
    root = axes * np.sqrt(np.maximum(values, 0))

    def sums(draws: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for size in sizes(draws, len(mean)):
            now, before = (np.concatenate([
                np.tile(head, (size, 1)),
                n * mean + np.sqrt(n) * generator.standard_normal((size, len(mean))) @ root.T],
                axis=1) for n, head in zip(numbers, fixed, strict=True))
            yield now, before

    return sums


def _moments(statistic: Statistic, layout: Layout, whole: np.ndarray,
             totals: list[np.ndarray]) -> tuple[list[float], np.ndarray, np.ndarray,
                                                list[np.ndarray]]:
    """Return n of both windows, mean and covariance of a line, and the columns chance leaves."""
    numbers = [float(total[0, 0]) for total in totals]
    n, *rest = totals[0][0] + totals[1][0]
    if statistic.name == "unknown_words":
        words, unknown, words2, unknown2, both = rest
        mean, second = np.array([words, unknown]) / n, np.array([[words2, both], [both, unknown2]])
        return numbers, mean, second / n - np.outer(mean, mean), [np.array([m]) for m in numbers]
    size = layout.size
    if statistic.name == "embedding":
        squares, mean, part = rest[0], np.array(rest[1:]) / n, whole[:size, :size]
    else:
        squares, mean, part = n, np.array(rest) / n, whole[size:, size:]
    # Of a window that was cut from its profile, the moments are those of the whole profile.
    spread = part * (squares / max(np.trace(part), 1e-9)) / n - np.outer(mean, mean)
    heads = [np.array([m, m * squares / n]) for m in numbers]
    return numbers, mean, spread, heads if statistic.name == "embedding" else [
        head[:1] for head in heads]


def sizes(draws: int, width: int) -> Iterator[int]:
    """Yield how many draws of so many numbers to make at once, in bounded memory."""
    size = max(1, min(draws, CHUNK // max(width, 1)))
    for start in range(0, draws, size):
        yield min(size, draws - start)


def detectable(found: Found, alpha: float, tests: int) -> float:
    """Return the effect that is found four times out of five at the strictest step of Holm.

    An approximation: as if the effect's noise were normal, and the same with and without drift.
    """
    mean, deviation = found.noise
    return mean + (z(1 - alpha / tests) + z(POWER)) * deviation
