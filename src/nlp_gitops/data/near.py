"""Near leaks: texts of two splits that share most of their 5-word shingles.

The shingles of the smaller splits (test and valid) are held as hashes, 12 bytes each; the rest is
streamed past them. The similarity is exact but for collisions of 52-bit hashes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nlp_gitops.data.table import Int
from nlp_gitops.data.texts import folded_words

WORDS = 5
JACCARD = 0.8
# Texts with fewer shingles are too short to tell a copy from a common phrase.
MIN_SHINGLES = 4
MAX_WORDS = 2_000
MAX_SHINGLES = 3_000_000
MAX_CHUNK = 1 << 11
# A shingle in more rows than this is a phrase of the genre: it counts, but suggests no pair.
MAX_ROWS_OF_SHINGLE = 50
# The filter has about 32 places for each shingle.
MAX_FILTER_BITS, FILTER_BITS_A_SHINGLE = 26, 5
HASH_BITS = 52

# Odd multipliers, so that the order of the words matters.
_WEIGHTS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                     0x27D4EB2F165667C5, 0xD6E8FEB86659FD93], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class NearPair:
    """Rows of two splits with their similarity, 0 to 1."""

    row: int
    other: int
    similarity: float


@dataclass(frozen=True)
class Shingles:
    """Distinct shingle hashes of some rows. `owners` holds indexes into `rows` and `sizes`."""

    rows: Int
    sizes: Int
    owners: Int
    hashes: Int


def shingles(rows: Sequence[int], texts: Sequence[str]) -> Shingles:
    """Return the shingles of at most MAX_CHUNK texts; too short ones have none."""
    assert len(texts) <= MAX_CHUNK
    words = [folded_words(text)[:MAX_WORDS] for text in texts]
    lengths = np.array(list(map(len, words)), dtype=np.int64)
    counts = np.maximum(lengths - WORDS + 1, 0)
    counts[counts < MIN_SHINGLES] = 0
    hashed = np.array([code for item in words for code in map(hash, item)],
                      dtype=np.int64).view(np.uint64)
    starts = _ranges(np.cumsum(lengths) - lengths, counts)
    mixed = np.zeros(len(starts), np.uint64)
    for offset, weight in enumerate(_WEIGHTS):
        mixed += hashed[starts + offset] * weight
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _WEIGHTS[0] >> np.uint64(64 - HASH_BITS)
    owners = np.repeat(np.arange(len(texts)), counts)
    keys = np.sort((owners << HASH_BITS) | mixed.astype(np.int64))
    keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))] if len(keys) else keys
    owners = keys >> HASH_BITS
    return Shingles(np.asarray(rows, dtype=np.int64), np.bincount(owners, minlength=len(texts)),
                    owners, keys & ((1 << HASH_BITS) - 1))


class Index:
    """The shingles of the smaller splits, as `parts` and sorted by hash.

    `left_out` counts rows that there was no room for.
    """

    def __init__(self, parts: Iterable[Shingles]) -> None:
        hashes, rows = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
        self._sizes: dict[int, int] = {}
        self.left_out = 0
        self.parts: list[Shingles] = []
        room = MAX_SHINGLES
        for part in parts:
            if len(part.hashes) > room:
                self.left_out += len(part.rows)
                continue
            room -= len(part.hashes)
            self.parts.append(part)
            hashes.append(part.hashes)
            rows.append(part.rows[part.owners].astype(np.int32))
            self._sizes.update(zip(part.rows.tolist(), part.sizes.tolist()))
        self._hashes = np.concatenate(hashes)
        order = np.argsort(self._hashes)
        self._hashes, self._rows = self._hashes[order], np.concatenate(rows)[order]
        bits = min(MAX_FILTER_BITS, len(self._hashes).bit_length() + FILTER_BITS_A_SHINGLE)
        self._shift = HASH_BITS - bits
        present = np.zeros(1 << bits, bool)
        present[self._hashes >> self._shift] = True
        self._filter = np.packbits(present)

    def pairs(self, other: Shingles) -> Iterator[NearPair]:
        """Yield the similar pairs of a row of `other` and a row of the index."""
        slots = other.hashes >> self._shift
        maybe = (self._filter[slots >> 3] >> (7 - (slots & 7)).astype(np.uint8) & 1).astype(bool)
        hashes, owners = other.hashes[maybe], other.owners[maybe]
        low = np.searchsorted(self._hashes, hashes, "left")
        counts = np.searchsorted(self._hashes, hashes, "right") - low
        counts[counts > MAX_ROWS_OF_SHINGLE] = 0
        matches = self._rows[_ranges(low, counts)].astype(np.int64)
        keys, numbers = np.unique((np.repeat(owners, counts) << 32) | matches, return_counts=True)
        # Few of the pairs that share a shingle share enough of them.
        likely = numbers >= JACCARD * other.sizes[keys >> 32]
        for key, count in zip(keys[likely].tolist(), numbers[likely].tolist()):
            owner, member = key >> 32, key & 0xFFFFFFFF
            row = int(other.rows[owner])
            similarity = count / (int(other.sizes[owner]) + self._sizes[member] - count)
            if row != member and similarity >= JACCARD:
                yield NearPair(row, member, similarity)


def _ranges(starts: Int, counts: Int) -> Int:
    """Return starts[0], starts[0]+1, … (counts[0] numbers), then those of starts[1], and so on."""
    offsets = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(starts, counts) + offsets
