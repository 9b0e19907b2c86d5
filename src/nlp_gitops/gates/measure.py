"""Each metric measured on some rows: for one model, and for two side by side."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.evaluation import slices, statistics
from nlp_gitops.evaluation.families import Table, family_of, split_metric
from nlp_gitops.evaluation.predictions import Evidence, Pair
from nlp_gitops.gates.rules import Gate, Gates


@dataclass(frozen=True)
class Precision:
    """How statistics are computed: see `stats` in gates.yaml.

    `together` is the largest number of slices whose tests are corrected for their number.
    """

    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 20240613
    together: int = 1

    @property
    def swaps(self) -> int:
        """Return the draws of the randomisation test: enough for the strictest level of Holm."""
        # The smallest p is 1 / (draws + 1); times `together` it must still be evidence.
        return max(self.resamples, math.ceil(2 * self.together / (1 - self.confidence)))


@dataclass(frozen=True)
class Compared:
    """Candidate against champion on the same rows. `delta` is candidate minus champion.

    `error` is its standard error, `p` the chance of such a drop between equal models; None where
    it was not asked for.
    """

    champion: float
    delta: float
    interval: Pair
    bounds: Pair
    error: float
    mde: float
    p: float | None


@dataclass(frozen=True)
class Measured:
    """A metric on some rows: two-sided `interval`, one-sided `bounds`, all at one confidence.

    `n` is the metric's denominator, `smallest` the items of its rarest class, `weight` these times
    the number of classes that the metric averages over.
    """

    n: int
    smallest: int
    weight: int
    value: float
    interval: Pair
    bounds: Pair
    mde: float
    compared: Compared | None


def measure(table: Table, indexes: Sequence[int] | np.ndarray, wanted: Sequence[str],
            tested: Sequence[str], precision: Precision) -> dict[str, Measured]:
    """Measure metrics on the rows with these indexes; those without a denominator are left out.

    For the metrics in `tested` the difference to the champion is tested too.
    """
    counts = np.bincount(table.cell[indexes], minlength=len(table.candidate))
    seen = np.flatnonzero(counts)
    if not len(seen):
        return {}
    sample = _Sample(table, counts[seen], table.candidate[seen],
                     None if table.champion is None else table.champion[seen], precision)
    parts = {metric: parsed for metric in wanted
             if (parsed := _parse(table, metric)) and sample.support(*parsed)}
    drawn = sample.draw(parts)
    swapped = sample.swap({metric: parts[metric] for metric in tested if metric in parts})
    return {metric: sample.measured(*parsed, *drawn[metric], swapped.get(metric))
            for metric, parsed in parts.items()}


def _parse(table: Table, metric: str) -> tuple[str, int | None] | None:
    name, label = split_metric(metric)
    if label is None:
        return name, None
    return (name, table.labels.index(label)) if label in table.labels else None


@dataclass(frozen=True)
class _Sample:
    """Some rows of a table: their cells' counts (c,) and features (c, m)."""

    table: Table
    counts: np.ndarray
    candidate: np.ndarray
    champion: np.ndarray | None
    precision: Precision

    def support(self, metric: str, label: int | None) -> int:
        return self.table.family.support(metric, label, self.counts @ self.candidate)

    @cached_property
    def differing(self) -> np.ndarray:
        """Say of each cell (c,) whether the champion's features are others."""
        assert self.champion is not None
        return np.any(self.champion != self.candidate, axis=1)

    @cached_property
    def moves(self) -> np.ndarray:
        """Return what turns the candidate's features into the champion's, in differing cells."""
        assert self.champion is not None
        return self.champion[self.differing] - self.candidate[self.differing]

    def draw(self, parts: Mapping[str, tuple[str, int | None]]
             ) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
        """Return for each metric its bootstrap values (b,), candidate's and champion's."""
        chunks: dict[str, list[list[np.ndarray]]] = {metric: [[], []] for metric in parts}
        for weights in statistics.bootstrap(self.counts, self.precision.resamples,
                                            self.precision.seed):
            weights = weights.astype(float)
            sums = [weights @ self.candidate]
            if self.champion is not None:
                sums.append(sums[0] + weights[:, self.differing] @ self.moves)
            for number, side in enumerate(sums):
                for metric, part in parts.items():
                    chunks[metric][number].append(self.table.family.score(*part, side))
        return {metric: (np.concatenate(ours), np.concatenate(theirs) if theirs else None)
                for metric, (ours, theirs) in chunks.items()}

    def swap(self, parts: Mapping[str, tuple[str, int | None]]) -> dict[str, np.ndarray]:
        """Return for each metric the differences (b,) after swapping the models' answers."""
        if self.champion is None or not parts:
            return {}
        if not self.differing.any():
            return {metric: np.zeros(self.precision.swaps) for metric in parts}
        ours, theirs = self.counts @ self.candidate, self.counts @ self.champion
        chunks: dict[str, list[np.ndarray]] = {metric: [] for metric in parts}
        for swapped in statistics.swaps(self.counts[self.differing], self.precision.swaps,
                                        self.precision.seed):
            moved = swapped.astype(float) @ self.moves
            for metric, part in parts.items():
                score = self.table.family.score
                chunks[metric].append(score(*part, ours + moved) - score(*part, theirs - moved))
        return {metric: np.concatenate(parts) for metric, parts in chunks.items()}

    def measured(self, metric: str, label: int | None, ours: np.ndarray,
                 theirs: np.ndarray | None, swapped: np.ndarray | None) -> Measured:
        family, confidence = self.table.family, self.precision.confidence
        sums = self.counts @ self.candidate
        value = float(family.score(metric, label, sums))
        classes, smallest = family.smallest(metric, label, sums)
        # One row of the rarest class moves a mean over classes by about 1 / (classes * smallest).
        weight = classes * smallest
        compared = None
        if theirs is not None:
            champion = float(family.score(metric, label, self.counts @ self.champion))
            compared = _compared(value, champion, ours - theirs, swapped, weight, confidence)
        return Measured(
            n=family.support(metric, label, sums), smallest=smallest, weight=weight,
            value=value,
            interval=_interval(ours, value, weight, confidence),
            bounds=_bounds(ours, value, weight, confidence),
            mde=statistics.mde(float(ours.std()), weight, confidence), compared=compared)


def _compared(value: float, champion: float, differences: np.ndarray, swapped: np.ndarray | None,
              weight: int, confidence: float) -> Compared:
    delta = value - champion
    if _constant(differences):
        # No row changed, or all in one way: the bootstrap has nothing to vary.
        half = statistics.rule_of_three(weight, confidence)
        interval = bounds = (delta - half, delta + half)
    else:
        interval = statistics.interval(differences, confidence)
        bounds = statistics.one_sided(differences, confidence)
    p = None if swapped is None else statistics.p_of_drop(swapped, delta)
    error = float(differences.std())
    return Compared(champion, delta, interval, bounds, error,
                    statistics.mde(error, weight, confidence), p)


def _interval(samples: np.ndarray, value: float, weight: int, confidence: float) -> Pair:
    if _constant(samples):
        return _collapsed(value, weight, confidence)
    return statistics.interval(samples, confidence)


def _bounds(samples: np.ndarray, value: float, weight: int, confidence: float) -> Pair:
    if _constant(samples):
        return _collapsed(value, weight, 2 * confidence - 1)
    return statistics.one_sided(samples, confidence)


def _collapsed(value: float, weight: int, confidence: float) -> Pair:
    """Return Wilson's interval where the bootstrap has none, as with no error at all."""
    low, high = statistics.wilson(min(1.0, max(0.0, value)), weight, confidence)
    return min(low, value), max(high, value)


def _constant(samples: np.ndarray) -> bool:
    return float(np.ptp(samples)) < 1e-12


class Bench:
    """Measures each slice once, with all metrics that any gate asks of its family."""

    def __init__(self, gates: Gates, evidence: Evidence) -> None:
        self.gates, self.evidence = gates, evidence
        self._tables: dict[str, Table] = {}
        self._parts: dict[str, Mapping[str, list[int]]] = {}
        self._measured: dict[tuple[str, str | None], Mapping[str, Measured]] = {}

    @cached_property
    def precision(self) -> Precision:
        """Return how to compute, with enough draws for the gate on the most slices."""
        together = (sum(1 for _ in self.parts_of(gate)) for gate in self.gates.gates
                    if gate.max_drop is not None)
        return Precision(self.gates.confidence, self.gates.resamples, self.gates.seed,
                         max(together, default=1))

    @property
    def compared(self) -> bool:
        """Say whether there is a champion."""
        return self.evidence.champion is not None

    def parts(self, name: str) -> Mapping[str, list[int]]:
        """Return the parts of a defined slice: name -> indexes of rows."""
        if name not in self._parts:
            self._parts[name] = slices.members(self.gates.slices[name], name, self.evidence.rows)
        return self._parts[name]

    def parts_of(self, gate: Gate) -> Iterator[tuple[str | None, list[int] | str | None]]:
        """Yield what a gate judges: (slice, its rows, or why there are none to be had)."""
        if not gate.slices:
            yield None, None
        for name in gate.slices:
            try:
                parts = self.parts(name)
            except NotMeasured as error:
                yield name, str(error)
                continue
            yield from parts.items() or [(name, [])]

    def measured(self, metric: str, name: str | None, indexes: Sequence[int] | None) -> Measured:
        """Return a metric on some rows (None: all); raise NotMeasured where there is none."""
        family = family_of(metric)
        assert family is not None
        key = (family.name, name)
        if key not in self._measured:
            rows = range(len(self.evidence.rows)) if indexes is None else indexes
            mine = [gate for gate in self.gates.gates if family_of(gate.metric) is family]
            # `metric` may be the main one, which slices are shown in, gated or not.
            self._measured[key] = measure(
                self.table(metric), list(rows), sorted({metric, *(g.metric for g in mine)}),
                sorted({g.metric for g in mine if g.max_drop is not None}),
                self.precision) if len(rows) else {}
        found = self._measured[key].get(metric)
        if found is None:
            raise NotMeasured("no rows")
        return found

    def table(self, metric: str) -> Table:
        """Return the rows as cells of the metric's family."""
        family = family_of(metric)
        assert family is not None
        if family.name not in self._tables:
            rows, champion = self.evidence.rows, self.evidence.champion
            try:
                self._tables[family.name] = family.table(
                    [row["label"] for row in rows], self.evidence.candidate.predictions,
                    champion.predictions if champion else None)
            except ValueError as error:
                raise NotMeasured(str(error)) from None
        return self._tables[family.name]
