"""What a profile counts, and where each count stands in the vector of a block.

A block is one hour of one slice. Everything known about it is a sum over its lines, so it is one
vector of float64, and merging is addition.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nlp_gitops.core import files
from nlp_gitops.core.errors import UsageError

LAYOUT_SCHEMA = "nlp-gitops/drift-layout/1"
OTHER = "(other)"
NONE = "(none)"
SCORE_BINS = 50
# Half powers of two: 1, 1.4, 2 … 65,536 characters.
LENGTH_EDGES = 2.0 ** (np.arange(0, 33) / 2)
# A tenth more each: 0.1 ms to about a minute.
LATENCY_EDGES = 0.1 * 1.1 ** np.arange(0, 141)
# Texts, their words, unknown words, and the squares and the product of the two numbers.
WORD_SUMS = 6


@dataclass(frozen=True)
class Layout:
    """Names of labels, languages and slices, and size and digest of the embedder.

    Two profiles can be compared only if their layouts are equal. `slices` holds fields of a line
    with their known values. Unknown labels, languages and values are counted together as others.
    `size` is that of an embedding, `features` the number of random Fourier features of it (0: off).
    """

    labels: tuple[str, ...]
    languages: tuple[str, ...] = ()
    slices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    embedder: str | None = None
    size: int = 0
    features: int = 0

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Return where each group of counts stands."""
        widths = {
            "rows": 1, "label": len(self.labels) + 1, "score": SCORE_BINS,
            "length": len(LENGTH_EDGES) + 1, "language": len(self.languages) + 2,
            "requests": 1, "refused": 1, "failed": 1, "latency": len(LATENCY_EDGES) + 1,
            "prompt_tokens": 1, "completion_tokens": 1, "judged": SCORE_BINS, "right": SCORE_BINS,
            "words": WORD_SUMS, "embedded": 1, "squares": 1, "embedding": self.size,
            "features": self.features}
        found, start = {}, 0
        for name, width in widths.items():
            found[name] = slice(start, start + width)
            start += width
        return found

    @cached_property
    def width(self) -> int:
        """Return the length of a block's vector."""
        return self.columns["features"].stop

    @property
    def vector(self) -> int:
        """Return the length of a line's embedding and features together."""
        return self.size + self.features

    @property
    def slice_names(self) -> tuple[str, ...]:
        """Return every slice, `all` first."""
        return ("all", *(f"{field}={value}" for field, values in self.slices
                         for value in (*values, OTHER)))

    @property
    def sha256(self) -> str:
        """Return the digest that says whether profiles can be compared."""
        return files.sha256_text(repr(self.record()))

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"schema": LAYOUT_SCHEMA, "labels": list(self.labels),
                "languages": list(self.languages),
                "slices": [[field, list(values)] for field, values in self.slices],
                "embedder": self.embedder, "size": self.size, "features": self.features}


def from_record(record: Any) -> Layout:
    """Return a layout from plain data; raise UsageError for any other form."""
    try:
        if record["schema"] != LAYOUT_SCHEMA:
            raise UsageError(f"a profile of the form {record['schema']!r}; this version reads "
                             f"{LAYOUT_SCHEMA}")
        return Layout(tuple(map(str, record["labels"])), tuple(map(str, record["languages"])),
                      tuple((str(field), tuple(map(str, values)))
                            for field, values in record["slices"]),
                      record["embedder"], int(record["size"]), int(record["features"]))
    except (KeyError, TypeError, ValueError):
        raise UsageError("this is no layout of a drift profile") from None
