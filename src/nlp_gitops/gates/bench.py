"""The place where gates are measured: each slice once, whatever asks for it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.evaluation import slices
from nlp_gitops.gates.families import Table, family_of
from nlp_gitops.gates.measure import Evidence, Measured, Precision, measure
from nlp_gitops.gates.rules import Gate, Gates


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
