"""Near leaks: texts of two splits that share most of their 5-word shingles.

Held are only the shingles of the smaller splits (test and valid) as hashes; train is streamed past
them. Both sides are bounded, and what was not looked at is said.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mlops.dataset.texts import folded

WORDS = 5
JACCARD = 0.8
MIN_SHINGLES = 4
MAX_SHINGLES = 2_000_000
MAX_ROWS = 300_000
# A shingle in so many rows is a phrase of the genre and says nothing.
MAX_ROWS_OF_SHINGLE = 50
MAX_WORDS = 2_000


@dataclass(frozen=True, slots=True)
class NearPair:
    """Rows of two splits with their similarity, 0 to 1."""

    row: int
    other: int
    similarity: float


@dataclass
class Index:
    """Shingle hash -> rows of the index. `is_full` says that rows were left out."""

    rows_of: dict[int, list[int]] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    split_of: dict[int, int] = field(default_factory=dict)
    total: int = 0
    is_full: bool = False

    def add(self, row: int, split: int, text: str) -> None:
        """Remember a row, if there is room."""
        found = shingles(text)
        if len(found) < MIN_SHINGLES:
            return
        if self.total + len(found) > MAX_SHINGLES:
            self.is_full = True
            return
        self.total += len(found)
        self.sizes[row] = len(found)
        self.split_of[row] = split
        for shingle in found:
            self.rows_of.setdefault(shingle, []).append(row)

    def best(self, row: int, split: int, text: str) -> NearPair | None:
        """Return the most similar row of another split, if it is similar enough."""
        found = shingles(text)
        if len(found) < MIN_SHINGLES:
            return None
        shared: Counter[int] = Counter()
        for shingle in found:
            rows = self.rows_of.get(shingle)
            if rows and len(rows) <= MAX_ROWS_OF_SHINGLE:
                shared.update(rows)
        best: NearPair | None = None
        for other, count in shared.items():
            if self.split_of[other] == split:
                continue
            similarity = count / (len(found) + self.sizes[other] - count)
            if similarity >= JACCARD and (best is None or similarity > best.similarity):
                best = NearPair(row, other, similarity)
        return best


def shingles(text: str) -> set[int]:
    """Return the hashes of a text's runs of five words."""
    words = folded(text).split()[:MAX_WORDS]
    return set(map(hash, zip(*(words[start:] for start in range(WORDS)))))


Rows = Iterable[tuple[int, int, str]]


def near_pairs(small: Rows, large: Rows, index: Index) -> Iterator[NearPair]:
    """Yield pairs within `small` and between `large` and `small`; items are (row, split, text).

    Fills `index`, whose `is_full` says whether rows of `small` were left out.
    """
    for row, split, text in small:
        best = index.best(row, split, text)
        if best:
            yield best
        index.add(row, split, text)
    for row, split, text in large:
        best = index.best(row, split, text)
        if best:
            yield best
