"""Days dealt out: p-values of all slices and statistics, from the same permutations.

Traffic of one day is alike, so days, not lines, are what chance deals out (block permutation); with
too few days hours, which is a weaker claim. Every statistic of every slice sees the same deals, so
that the chance of any false alarm in a report is known exactly, however much they depend on each
other: the step-down min-p method of Westfall and Young (1993).

Where the current days are larger or smaller than the reference's, chance is one thing if days
differ by nature, and another if only the number of lines counts. Distances are judged as they are,
which is right for the first, and scaled by the numbers of lines, which is right for the second. The
larger p-value counts; with days of one size both are the same.
"""

from collections.abc import Sequence
from math import comb

import numpy as np

from nlp_gitops.drift.chance import FIRST, Found, is_measurable, sizes
from nlp_gitops.drift.columns import UNTIMED
from nlp_gitops.drift.distances import Statistic
from nlp_gitops.drift.profile import Profile

LEAST_BLOCKS = 28
UNITS = {"day": 24, "hour": 1}
LINE = "line"
# After the first draws: a report whose best adjusted p-value is so many times alpha has no alarm.
_PLAINLY_CHANCE = 4

Key = tuple[str, str]


def unit_of(reference: Profile, current: Profile, draws: int) -> str:
    """Return what is dealt out: `day`, `hour` or `line`, the largest that there are enough of."""
    for unit, hours in UNITS.items():
        numbers = [len({hour // hours for hour in profile.blocks.get("all", {}) if hour >= 0})
                   for profile in (reference, current)]
        timed = UNTIMED not in reference.blocks.get("all", {})
        if timed and numbers[0] >= LEAST_BLOCKS and comb(sum(numbers), numbers[1]) > 10 * draws:
            return unit
    return LINE


def of_blocks(statistics: Sequence[Statistic], names: Sequence[str], reference: Profile,
              current: Profile, unit: str, draws: int, alpha: float
              ) -> tuple[dict[Key, Found | None], dict[Key, float]]:
    """Return every statistic of some slices, and the adjusted p-values of those that were measured.

    `draws` many, unless the first 999 show that nothing can become significant.
    """
    keys = [sorted({hour // UNITS[unit] for hour in profile.blocks["all"]})
            for profile in (current, reference)]
    for number in dict.fromkeys((min(FIRST, draws), draws)):
        deals = _deals(len(keys[0]), len(keys[1]), number)
        found: dict[Key, Found | None] = {}
        columns: dict[Key, np.ndarray] = {}
        for name in names:
            sides = [_sums(profile, name, unit, days)
                     for profile, days in zip((current, reference), keys, strict=True)]
            for statistic in statistics:
                key = name, statistic.name
                found[key], column = _measured(statistic, current, sides, deals)
                if column is not None:
                    columns[key] = column
        if not columns:
            return found, {}
        ways = np.array(list(columns.values()))
        adjusted = np.maximum(step_down(ways[:, 0]), step_down(ways[:, 1]))
        if adjusted.min() > _PLAINLY_CHANCE * alpha:
            break
    return found, dict(zip(columns, adjusted.tolist(), strict=True))


def _deals(current: int, reference: int, draws: int) -> np.ndarray:
    """Return which blocks are current (draws + 1, blocks): first as they are, then by chance."""
    found = np.zeros((draws + 1, current + reference), bool)
    found[0, :current] = True
    generator, start = np.random.default_rng(0), 1
    for size in sizes(draws, current + reference):
        order = generator.random((size, current + reference)).argpartition(current - 1, axis=1)
        np.put_along_axis(found[start:start + size], order[:, :current], True, axis=1)
        start += size
    return found


def _sums(profile: Profile, name: str, unit: str, keys: Sequence[int]) -> np.ndarray:
    """Return a slice's blocks (blocks, width), zeros where a block has no line of it."""
    place = {key: row for row, key in enumerate(keys)}
    found = np.zeros((len(keys), profile.layout.width))
    for hour, vector in profile.blocks.get(name, {}).items():
        found[place[hour // UNITS[unit]]] += vector
    return found


def _measured(statistic: Statistic, profile: Profile, sides: Sequence[np.ndarray],
              deals: np.ndarray) -> tuple[Found | None, np.ndarray | None]:
    """Return what a statistic shows, and the p-values of each deal, plain and scaled
    (2, draws + 1).
    """
    blocks = np.concatenate([np.concatenate(
        [side[:, profile.layout.columns[name]] for name in statistic.groups], axis=1)
        for side in sides])
    now, total = blocks[deals[0]].sum(axis=0)[None], blocks.sum(axis=0)[None]
    if not is_measurable(statistic, now, total - now):
        return None, None
    parts, start = [], 0
    for size in sizes(len(deals), max(blocks.shape)):
        sums = deals[start:start + size].astype(float) @ blocks
        start += size
        # A deal may leave a window without a line of a rare slice.
        with np.errstate(divide="ignore", invalid="ignore"):
            n, m = statistic.lines(sums), statistic.lines(total - sums)
            distance, effect = statistic.compute(sums, total - sums)
            parts.append((distance, distance * (n * m / (n + m)) ** statistic.power, effect))
    distance, scaled, effect = (np.concatenate(arrays) for arrays in zip(*parts))
    if np.isnan(distance[0]):
        return None, None
    p = np.array([_ranked(distance, 12), _ranked(scaled, 9)])
    known = effect[1:][np.isfinite(effect[1:])]
    noise = (float(known.mean()), float(known.std())) if len(known) else (0.0, float("inf"))
    found = Found(float(effect[0]), float(p[:, 0].max()), noise, len(deals) - 1)
    return found, p.astype(np.float32)


def _ranked(values: np.ndarray, digits: int) -> np.ndarray:
    """Return for each value the share that is as large (Phipson and Smyth 2010: itself as well).

    What cannot be computed is taken for the smallest: in a report it would make no alarm either.
    """
    rounded = np.round(np.where(np.isnan(values), -np.inf, values), digits)
    return 1 - np.searchsorted(np.sort(rounded), rounded) / len(rounded)


def step_down(p: np.ndarray) -> np.ndarray:
    """Return the adjusted p-values (tests,) of the first deal, from those of all (tests, deals).

    Westfall and Young 1993, algorithm 2.8: each is compared with the smallest of its own and all
    larger ones in each deal.
    """
    order = np.argsort(-p[:, 0], kind="stable")
    smallest = np.minimum.accumulate(p[order], axis=0)
    rarer = (smallest <= p[order, :1]).mean(axis=1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(rarer[::-1])[::-1]
    return adjusted
