"""What chance alone would show: the null distribution of a statistic, and its p-value.

Traffic of one day is alike, so days, not lines, are what chance deals out (block permutation). With
too few days hours are taken, and without those lines; each of these is a weaker claim. The test
over lines is always made as well and the larger p-value counts: blocks alone would take too little
chance for granted where the current days are much smaller than the reference's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb
from zlib import crc32

import numpy as np

from mlops.drift.distances import Statistic
from mlops.drift.layout import Layout
from mlops.drift.profile import UNTIMED, Profile
from mlops.statistics import POWER, z

LEAST_BLOCKS = 28
FIRST = 999
# So many draws as extreme, and a p-value cannot become significant any more.
_PLAINLY_CHANCE = 20
_CHUNK = 4_000_000
UNITS = {"day": 24, "hour": 1}

Compute = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Window:
    """One slice of one window: block sums (blocks, width), and moments of the embedding (d, d)."""

    blocks: np.ndarray
    moments: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Return the sum over the blocks."""
        return self.blocks.sum(axis=0)


@dataclass(frozen=True)
class Found:
    """One statistic of one slice. `noise` is the mean and standard deviation of the tested value's
    effect under chance; `p` counts the draws that are as extreme as the observed one.
    """

    value: float
    p: float
    noise: tuple[float, float]
    draws: int


def unit_of(reference: Profile, current: Profile, draws: int) -> str:
    """Return what is dealt out: `day`, `hour` or `line`, the largest that there are enough of."""
    for unit, hours in UNITS.items():
        numbers = [len({hour // hours for hour in profile.blocks.get("all", {}) if hour >= 0})
                   for profile in (reference, current)]
        timed = UNTIMED not in reference.blocks.get("all", {})
        if timed and numbers[0] >= LEAST_BLOCKS and comb(sum(numbers), numbers[1]) > 10 * draws:
            return unit
    return "line"


def window(profile: Profile, name: str, unit: str) -> Window:
    """Return a slice as blocks of a unit; for `line` as one block."""
    hours = profile.blocks.get(name, {})
    found: dict[int, np.ndarray] = {}
    for hour, vector in hours.items():
        key = hour // UNITS[unit] if unit in UNITS else 0
        found[key] = found[key] + vector if key in found else vector
    width, size = profile.layout.width, profile.layout.vector
    blocks = np.array([found[key] for key in sorted(found)]).reshape(len(found), width)
    return Window(blocks, profile.moments.get(name, np.zeros((size, size))))


def judge(statistic: Statistic, layout: Layout, reference: Window, current: Window, unit: str,
          draws: int, seed: str) -> Found | None:
    """Return a statistic with its p-value; None where it cannot be computed.

    `draws` many, unless the first 999 show that it cannot become significant.
    """
    sides = [np.concatenate([side.blocks[:, layout.columns[name]] for name in statistic.groups],
                            axis=1) for side in (current, reference)]
    totals = [side.sum(axis=0)[None] for side in sides]
    if min(total[0, 0] if statistic.draw == "means" else total.sum() for total in totals) < 2:
        return None
    if statistic.name == "language" and not any(total[0, 1:].sum() for total in totals):
        return None
    compute = statistic.compute
    observed, effect = (float(array[0]) for array in compute(*totals))
    if np.isnan(observed):
        return None
    ways = [_by_line(statistic, layout, reference, current, totals, seed)]
    if unit != "line" and len(sides[0]) and len(sides[1]):
        ways.append(_by_block(*sides, seed))
    results = [_p(compute, way, observed, draws) for way in ways]
    worst = max(results, key=lambda result: result[0])
    return Found(effect, worst[0], max((result[1] for result in results), key=sum), worst[2])


def _p(compute: Compute, way: Callable[[int], Iterator[tuple[np.ndarray, np.ndarray]]],
       observed: float, draws: int) -> tuple[float, tuple[float, float], int]:
    """Return (1 + extreme) / (1 + draws) (Phipson and Smyth 2010), the noise, and the draws."""
    extreme, made, effects = 0, 0, []
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


def _by_block(current: np.ndarray, reference: np.ndarray, seed: str
              ) -> Callable[[int], Iterator[tuple[np.ndarray, np.ndarray]]]:
    """Deal the blocks of both windows out again, as many as there were to each."""
    blocks = np.concatenate([current, reference])
    total, number = blocks.sum(axis=0), len(current)
    generator = np.random.default_rng(crc32(f"block {seed}".encode()))

    def way(draws: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for size in _sizes(draws, max(blocks.shape)):
            order = generator.random((size, len(blocks))).argpartition(number - 1, axis=1)
            chosen = np.zeros((size, len(blocks)))
            np.put_along_axis(chosen, order[:, :number], 1.0, axis=1)
            sums = chosen @ blocks
            yield sums, total - sums

    return way


def _by_line(statistic: Statistic, layout: Layout, reference: Window, current: Window,
             totals: list[np.ndarray], seed: str
             ) -> Callable[[int], Iterator[tuple[np.ndarray, np.ndarray]]]:
    """Deal single lines out: exactly for counts (hypergeometric), else by the central limit."""
    generator = np.random.default_rng(crc32(f"line {seed}".encode()))
    if statistic.draw == "counts":
        now, before = (total[0] for total in totals)
        pooled = (now + before).astype(np.int64)

        def counts(draws: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for size in _sizes(draws, len(pooled)):
                drawn = generator.multivariate_hypergeometric(
                    pooled, int(now.sum()), size=size, method="marginals").astype(float)
                yield drawn, pooled - drawn

        return counts
    numbers, mean, spread, fixed = _moments(statistic, layout, reference, current, totals)
    # Eigenvalues that rounding made negative are none.
    values, axes = np.linalg.eigh(spread)
    root = axes * np.sqrt(np.maximum(values, 0))

    def sums(draws: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for size in _sizes(draws, len(mean)):
            yield tuple(np.concatenate([
                np.tile(head, (size, 1)),
                n * mean + np.sqrt(n) * generator.standard_normal((size, len(mean))) @ root.T],
                axis=1) for n, head in zip(numbers, fixed, strict=True))

    return sums


def _moments(statistic: Statistic, layout: Layout, reference: Window, current: Window,
             totals: list[np.ndarray]) -> tuple[list[float], np.ndarray, np.ndarray,
                                                list[np.ndarray]]:
    """Return n of both windows, mean and covariance of a line, and the columns chance leaves."""
    numbers = [float(total[0, 0]) for total in totals]
    n, *rest = totals[0][0] + totals[1][0]
    if statistic.name == "unknown_words":
        words, unknown, words2, unknown2, both = rest
        mean, second = np.array([words, unknown]) / n, np.array([[words2, both], [both, unknown2]])
        return numbers, mean, second / n - np.outer(mean, mean), [np.array([m]) for m in numbers]
    whole, size = reference.moments + current.moments, layout.size
    if statistic.name == "embedding":
        squares, mean, part = rest[0], np.array(rest[1:]) / n, whole[:size, :size]
    else:
        squares, mean, part = n, np.array(rest) / n, whole[size:, size:]
    # Of a window that was cut from its profile, the moments are those of the whole profile.
    spread = part * (squares / max(np.trace(part), 1e-9)) / n - np.outer(mean, mean)
    heads = [np.array([m, m * squares / n]) for m in numbers]
    return numbers, mean, spread, heads if statistic.name == "embedding" else [
        head[:1] for head in heads]


def _sizes(draws: int, width: int) -> Iterator[int]:
    size = max(1, min(draws, _CHUNK // max(width, 1)))
    for start in range(0, draws, size):
        yield min(size, draws - start)


def detectable(found: Found, alpha: float, tests: int) -> float:
    """Return the effect that is found four times out of five at the strictest step of Holm.

    An approximation: as if the effect's noise were normal, and the same with and without drift.
    """
    mean, deviation = found.noise
    return mean + (z(1 - alpha / tests) + z(POWER)) * deviation
