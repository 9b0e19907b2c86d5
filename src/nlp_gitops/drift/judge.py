"""Verdicts on two profiles, by tests or by the plain rule of a fixed threshold.

Two keys open an alarm: the change is no chance (p-value, adjusted for all slices and statistics of
the report), and it is large (effect above its bound).

Kept because people know it. With few lines chance alone exceeds it, and with many it overlooks
real drift: see nlp-gitops help drift. No sample size, no p-value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np

from nlp_gitops.drift.blocks import LINE, of_blocks, unit_of
from nlp_gitops.drift.chance import Found, detectable, of_lines
from nlp_gitops.drift.distances import STATISTICS, Statistic, plain_cosine
from nlp_gitops.drift.profile import Profile, check_layouts
from nlp_gitops.evaluation.statistics import holm

DRAWS = 1999
# The worst first; what was not measured outweighs OK only where nothing was measured.
ORDER = ("CRITICAL", "ALERT", "WARN", "INSUFFICIENT", "OK", "NOT_MEASURED")
BOUNDS: Mapping[str, float | None] = {
    "embedding": 0.08, "features": None, "label": 0.1, "score": 0.1, "length": 0.1,
    "unknown_words": 0.05, "language": 0.1}
EXIT_CODES = {"OK": 0, "WARN": 0, "ALERT": 1, "CRITICAL": 1, "INSUFFICIENT": 3, "NOT_MEASURED": 3}
THRESHOLD = 0.08


@dataclass(frozen=True)
class Rules:
    """When to say what. `alpha` is the chance of any false alarm in a report without drift.

    `bounds` maps statistics to effects; without one a statistic can warn only. `least` lines are
    needed overall, `least_slice` in a slice. `alerted` holds (slice, statistic) of the last report.
    """

    alpha: float = 0.01
    least: int = 500
    least_slice: int = 200
    bounds: Mapping[str, float | None] = field(default_factory=lambda: BOUNDS)
    alerted: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Judged:
    """Every signal by slice and statistic, what was dealt out (`unit`), and what to know of it."""

    slices: dict[str, dict[str, dict[str, Any]]]
    unit: str
    tests: int
    draws: int

    @property
    def verdict(self) -> str:
        """Return the worst verdict; too few lines overall are INSUFFICIENT whatever slices say."""
        return overall(self.slices)


def overall(slices: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Return the report's verdict from its signals."""
    # An estimate that is fine does not stand for what was not measured.
    whole = {signal["verdict"] for name, signal in slices.get("all", {}).items()
             if (name, signal["verdict"]) != ("accuracy", "OK")}
    found = whole | {signal["verdict"] for signals in slices.values()
                     for signal in signals.values() if signal["verdict"] != "INSUFFICIENT"}
    if whole <= {"NOT_MEASURED"}:
        return "NOT_MEASURED"
    return next(verdict for verdict in ORDER if verdict in found)


def compare(reference: Profile, current: Profile, rules: Rules) -> Judged:
    """Judge every slice by every statistic; raise UsageError if the profiles do not match."""
    check_layouts(reference, current)
    names = [name for name in reference.layout.slice_names
             if name == "all" or name in current.blocks or name in reference.blocks]
    lines = {name: (_rows(current, name), _rows(reference, name)) for name in names}
    enough = [name for name in names if min(lines[name]) >= (
        rules.least if name == "all" else rules.least_slice)]
    statistics = [item for item in STATISTICS if item.name != "features"
                  or reference.layout.features]
    # The smallest p-value that the draws can show must pass the strictest step.
    tests = max(len(enough) * len(statistics), 1)
    draws = max(DRAWS, ceil(4 * tests / rules.alpha) - 1)
    unit = unit_of(reference, current, draws)
    if unit == LINE:
        found = {(name, statistic.name): of_lines(statistic, reference.layout, reference, current,
                                                  name, draws)
                 for name in enough for statistic in statistics}
        p = {key: item.p for key, item in found.items() if item}
        adjusted = dict(zip(p, holm(list(p.values())), strict=True))
    else:
        found, adjusted = of_blocks(statistics, enough, reference, current, unit, draws,
                                    rules.alpha)
    return Judged(_signals(names, statistics, lines, found, adjusted, rules), unit, tests, draws)


def _rows(profile: Profile, name: str) -> int:
    return int(profile.total(name)[0])


def _signals(names: Sequence[str], statistics: Sequence[Statistic],
             lines: Mapping[str, tuple[int, int]],
             found: Mapping[tuple[str, str], Found | None],
             adjusted: Mapping[tuple[str, str], float],
             rules: Rules) -> dict[str, dict[str, dict[str, Any]]]:
    slices: dict[str, dict[str, dict[str, Any]]] = {}
    for name in names:
        n, m = lines[name]
        shared = {"n": n, "n_reference": m}
        for statistic in statistics:
            key = name, statistic.name
            if key not in found:
                need = rules.least if name == "all" else rules.least_slice
                signal = {"verdict": "INSUFFICIENT", "why": f"{n:,} lines and {m:,} in the "
                          f"reference; {need:,} of each are needed"}
            elif (item := found[key]) is None:
                signal = {"verdict": "NOT_MEASURED", "why": statistic.missing}
            else:
                signal = _signal(key, item, adjusted[key], len(adjusted), rules)
            slices.setdefault(name, {})[statistic.name] = {**signal, **shared}
    return slices


def _signal(key: tuple[str, str], found: Found, adjusted: float, tests: int,
            rules: Rules) -> dict[str, Any]:
    bound = rules.bounds.get(key[1])
    verdict = "OK"
    if adjusted < rules.alpha:
        verdict = "WARN"
        if bound is not None and found.value > bound:
            verdict = "CRITICAL" if key in rules.alerted else "ALERT"
    return {"value": found.value, "p": found.p, "p_adjusted": adjusted, "bound": bound,
            "mde": detectable(found, rules.alpha, tests), "draws": found.draws,
            "verdict": verdict}


def alerts(slices: Mapping[str, Mapping[str, Mapping[str, Any]]]
           ) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    """Yield slice, statistic and signal of what is not OK, the worst first."""
    found = [(name, statistic, signal) for name, signals in slices.items()
             for statistic, signal in signals.items()
             if signal["verdict"] in ("CRITICAL", "ALERT", "WARN")]
    return sorted(found, key=lambda item: (ORDER.index(item[2]["verdict"]),
                                           -(item[2]["value"] / (item[2]["bound"] or 1))))


def verdict(reference: np.ndarray, current: np.ndarray,
            threshold: float = THRESHOLD) -> tuple[str, float]:
    """Return OK or ALERT, and the distance of two mean vectors (d,)."""
    distance = plain_cosine(current, reference)
    return "ALERT" if distance > threshold else "OK", distance


def compare_fixed(reference: Profile, current: Profile, threshold: float = THRESHOLD
                  ) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the signal of every slice by the plain rule, in the shape of `compare`.

    Raises UsageError if the profiles do not match.
    """
    check_layouts(reference, current)
    columns = reference.layout.columns
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in reference.layout.slice_names:
        sums = [profile.total(name)[columns["embedding"]] for profile in (reference, current)]
        numbers = [int(profile.total(name)[columns["embedded"]][0])
                   for profile in (reference, current)]
        if name != "all" and not any(numbers):
            continue
        if all(numbers):
            said, distance = verdict(sums[0], sums[1], threshold)
            signal: dict[str, Any] = {"verdict": said, "value": distance, "bound": threshold}
        else:
            signal = {"verdict": "NOT_MEASURED", "why": "no texts or profiles with embeddings"}
        found[name] = {"embedding": {**signal, "n": numbers[1], "n_reference": numbers[0]}}
    return found
