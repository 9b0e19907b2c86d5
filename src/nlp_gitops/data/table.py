"""What is remembered of each row: hashes and small numbers, never texts. About 40 bytes a row."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nlp_gitops.data.scan import Batch

Int = NDArray[np.int64]


@dataclass
class Table:
    """One entry a row, in reading order. A hash or code of 0 stands for an absent value.

    `splits` holds indexes into `split_names`; `labels` holds 1 + an index into `label_names`.
    `marks` holds (line, offset in bytes) of some lines of a file, so that rows are found again.
    Hashes are Python's own: fast, keyed anew in each process, so they are never stored.
    """

    split_names: tuple[str, ...]
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    texts: "array[int]" = field(default_factory=lambda: array("q"))
    folded: "array[int]" = field(default_factory=lambda: array("q"))
    groups: "array[int]" = field(default_factory=lambda: array("q"))
    labels: "array[int]" = field(default_factory=lambda: array("i"))
    lengths: "array[int]" = field(default_factory=lambda: array("i"))
    lines: "array[int]" = field(default_factory=lambda: array("i"))
    splits: "array[int]" = field(default_factory=lambda: array("b"))
    label_names: list[str] = field(default_factory=list)
    files: list[tuple[int, Path]] = field(default_factory=list)
    marks: dict[Path, list[tuple[int, int]]] = field(default_factory=dict)
    _codes: dict[str | None, int] = field(default_factory=lambda: {None: 0})

    def __len__(self) -> int:
        return len(self.lines)

    def begin_file(self, path: Path) -> None:
        """Say that the next rows come from this file."""
        self.files.append((len(self), path))
        self.marks[path] = []

    def file_of(self, row: int) -> Path:
        """Return the file that a row came from."""
        starts = [start for start, _ in self.files]
        return self.files[bisect_right(starts, row) - 1][1]

    def add(self, batch: Batch, splits: bytes) -> None:
        """Append the rows of a batch; `splits` has one index for each."""
        known = len(self)
        if batch.start:
            self.marks[self.files[-1][1]].append(batch.start)
        if isinstance(batch.lines, range):
            # Copying bytes is far faster than taking numbers out of Python objects.
            numbers = np.arange(batch.lines.start, batch.lines.stop, dtype=np.int32)
            self.lines.frombytes(numbers.tobytes())
        else:
            self.lines.extend(batch.lines)
        self.splits.frombytes(splits)
        append_hashes(self.ids, batch.ids)
        append_hashes(self.texts, batch.texts)
        append_hashes(self.groups, batch.groups)
        self.lengths.extend(map(len, batch.texts) if None not in batch.texts  # type: ignore
                            else [0 if text is None else len(text) for text in batch.texts])
        try:
            self.labels.extend(map(self._codes.__getitem__, batch.labels))
        except KeyError:
            # extend() has kept what came before the unknown label.
            del self.labels[known:]
            self.labels.extend(map(self._code, batch.labels))

    def _code(self, label: str | None) -> int:
        code = self._codes.get(label)
        if code is None:
            assert label is not None
            self.label_names.append(label)
            code = self._codes[label] = len(self.label_names)
        return code

    def column(self, name: str) -> Int:
        """Return a column as an array that shares the memory."""
        values: "array[int]" = getattr(self, name)
        return np.frombuffer(values, dtype=f"i{values.itemsize}")


def append_hashes(column: "array[int]", values: Sequence[str | None]) -> None:
    """Append 64-bit hashes; 0 for None."""
    if None not in values:
        column.extend(map(hash, values))
    elif any(values):
        column.extend([0 if value is None else hash(value) for value in values])
    else:
        column.frombytes(bytes(column.itemsize * len(values)))
