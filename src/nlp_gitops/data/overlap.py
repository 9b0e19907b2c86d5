"""Rows that meet: duplicates, contradicting labels, leaks between splits, groups in two splits."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nlp_gitops.data.table import Int, Table


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that should not meet: `row` is the later one, `first` the one it repeats."""

    code: str
    row: int
    first: int


class _Firsts:
    """The earliest row, and the earliest one whose key differs from that one's."""

    def __init__(self, row: int, key: int) -> None:
        self._first, self._key = row, key
        self._other: int | None = None

    def other_than(self, key: int) -> int | None:
        """Return the earliest row with another key."""
        return self._first if key != self._key else self._other

    def add(self, row: int, key: int) -> None:
        """Remember a later row."""
        if self._other is None and key != self._key:
            self._other = row


def same_ids(table: Table) -> Iterator[Pair]:
    """Yield D020 for each row whose id stood before."""
    for rows in clusters(table.column("ids")):
        yield from (Pair("D020", row, rows[0]) for row in rows[1:])


def same_texts(table: Table) -> Iterator[Pair]:
    """Yield one pair for each row whose text stood before.

    D030 where it stood in another split, else D022 where it had another label, else D021.
    """
    for rows in clusters(table.column("texts")):
        split = _Firsts(rows[0], table.splits[rows[0]])
        label = _Firsts(rows[0], table.labels[rows[0]])
        for row in rows[1:]:
            elsewhere = split.other_than(table.splits[row])
            otherwise = label.other_than(table.labels[row])
            if elsewhere is not None:
                yield Pair("D030", row, elsewhere)
            elif otherwise is not None and table.labels[row] and table.labels[otherwise]:
                yield Pair("D022", row, otherwise)
            else:
                yield Pair("D021", row, rows[0])
            split.add(row, table.splits[row])
            label.add(row, table.labels[row])


def folded_leaks(table: Table) -> Iterator[Pair]:
    """Yield D031: the same folded text as that of a row in another split, but not the same text."""
    for rows in clusters(table.column("folded")):
        split = _Firsts(rows[0], table.splits[rows[0]])
        for row in rows[1:]:
            elsewhere = split.other_than(table.splits[row])
            if elsewhere is not None and table.texts[elsewhere] != table.texts[row]:
                yield Pair("D031", row, elsewhere)
            split.add(row, table.splits[row])


def straddling_groups(table: Table) -> Iterator[Pair]:
    """Yield D033 once for each group with rows in more than one split."""
    splits = table.column("splits")
    for rows in clusters(table.column("groups")):
        elsewhere = np.flatnonzero(splits[rows] != splits[rows[0]])
        if len(elsewhere):
            yield Pair("D033", rows[elsewhere[0]], rows[0])


def copies(table: Table) -> int:
    """Return how many rows repeat the text of an earlier row."""
    texts = table.column("texts")
    known = texts[texts != 0]
    return len(known) - len(np.unique(known))


def clusters(keys: Int) -> Iterator[list[int]]:
    """Yield the rows (ascending) of each key that more than one row has; 0 is no key.

    Clusters come in the order of their first rows, so that hashes decide nothing that is seen.
    """
    if not len(keys):
        return
    ranked = np.sort(keys)
    repeated = np.unique(ranked[1:][(ranked[1:] == ranked[:-1]) & (ranked[1:] != 0)])
    if not len(repeated):
        return
    rows = np.flatnonzero(np.isin(keys, repeated))
    rows = rows[np.argsort(keys[rows], kind="stable")]
    bounds = np.flatnonzero(np.diff(keys[rows])) + 1
    yield from sorted(cluster.tolist() for cluster in np.split(rows, bounds))
