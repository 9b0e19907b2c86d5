"""Reads row files once and hands on columns, batch by batch, with the faults of the rows.

JSONL lines that are clean take the fast path; all others, and all other formats, are judged one by
one. Whoever iterates sees the same batches either way.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from nlp_gitops.data import rows
from nlp_gitops.data.fastpath import FastPattern, compile_pattern
from nlp_gitops.data.jsonlines import Block, LineFault, Row, blocks_of, is_jsonl, parse
from nlp_gitops.data.rowcheck import Fault, Shape, has_text, judge, usable

MAX_FAST_BLOCK = 1 << 20
MAX_COMPILED = 8
ROWS_OF_BATCH = 1000

Report = Callable[[int, str | None, Fault], None]
Values = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Columns of some rows in file order. None stands for a value that is absent or faulty.

    `sources` holds what the row was read from, a JSON line or a parsed row.
    `may_be_odd` is False if no text can hold control, replacement or wrongly decoded characters.
    `start` is (number of the first line, its offset in bytes), None where the file has no such.
    """

    lines: Sequence[int]
    ids: Values
    texts: Values
    labels: Values
    groups: Values
    sources: Sequence[str | Row]
    may_be_odd: bool = True
    start: tuple[int, int] | None = None

    def rows(self, indexes: Iterable[int]) -> list[Row]:
        """Return some of the rows, parsed."""
        sources = self.sources[:]
        found = [sources[index] for index in indexes]
        # Lines that the fast path accepted hold no key twice and no NaN. One call is the fast way.
        lines = [source for source in found if isinstance(source, str)]
        parsed = iter(json.loads(f"[{','.join(lines)}]"))
        return [source if isinstance(source, dict) else next(parsed) for source in found]


class _Builder:
    """Collects rows one by one into a batch."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.sources: list[str | Row] = []
        self._values: list[tuple[str | None, ...]] = []

    def add(self, line: int, source: str | Row, *values: str | None) -> None:
        """Append a row; `values` are id, text, label and group."""
        self.lines.append(line)
        self.sources.append(source)
        self._values.append(values)

    def batch(self, start: tuple[int, int] | None = None) -> Batch:
        """Return the rows so far."""
        ids, texts, labels, groups = list(zip(*self._values)) or [()] * 4
        return Batch(self.lines, ids, texts, labels, groups, self.sources, start=start)


@dataclass
class Layout:
    """What is wrong with a file as a whole, told once: name -> (count, first line)."""

    unknown: Counter[str] = field(default_factory=Counter)
    first_unknown: dict[str, int] = field(default_factory=dict)
    empty_lines: int = 0
    first_empty: int = 0
    has_bom: bool = False

    def add_unknown(self, name: str, line: int, count: int = 1) -> None:
        """Count rows with a field that the schema does not know."""
        self.unknown[name] += count
        self.first_unknown.setdefault(name, line)


class Scanner:
    """Scans files by one schema. `report` is called with (line, row id, fault) in file order."""

    def __init__(self, shape: Shape, report: Report, fast: bool = True) -> None:
        self._shape = shape
        self._report = report
        self._fast = fast
        self._pattern: FastPattern | None = None
        self._compiled = 0
        self._roles = ("id", "text", "label", shape.group or "")
        self.layout = Layout()

    def batches(self, path: Path) -> Iterator[Batch]:
        """Yield the rows of one file; damaged parts are reported, not raised."""
        self._pattern, self._compiled, self.layout = None, 0, Layout()
        if is_jsonl(path):
            yield from self._jsonl(path)
        else:
            yield from self._records(rows.records(path, tuple(self._shape.fields.values())))

    def _jsonl(self, path: Path) -> Iterator[Batch]:
        for block in blocks_of(path):
            if block.fault:
                self._report(block.first, None, block.fault)
            else:
                self.layout.has_bom |= block.has_bom
                yield self._block(block)

    def _block(self, block: Block) -> Batch:
        if not self._fast or len(block.data) > MAX_FAST_BLOCK:
            return self._slow_block(block, None)
        try:
            text = block.data.decode()
        except UnicodeDecodeError:
            return self._slow_block(block, self._pattern)
        if self._pattern is None:
            self._compile(block)
        if self._pattern is None:
            return self._slow_block(block, None)
        columns = self._pattern.accept_block(text, block.lines)
        if columns is None:
            batch = self._slow_block(block, self._pattern)
            if not any(isinstance(source, str) for source in batch.sources):
                # Not one line fits: the order of the keys has changed.
                self._pattern = None
            return batch
        for name in self._pattern.unknown:
            self.layout.add_unknown(name, block.first, block.lines)
        return self._batch(columns, block, text)

    def _compile(self, block: Block) -> None:
        if self._compiled >= MAX_COMPILED:
            return
        for line in block.data.split(b"\n", 5)[:5]:
            try:
                row = parse(line)
            except LineFault:
                continue
            self._compiled += 1
            self._pattern = compile_pattern(row, self._shape)
            if self._pattern:
                return

    def _batch(self, columns: Mapping[str, Sequence[str]], block: Block, text: str) -> Batch:
        absent: Values = (None,) * block.lines
        ids, texts, labels, groups = (columns.get(name, absent) for name in self._roles)
        return Batch(range(block.first, block.first + block.lines), ids, texts, labels, groups,
                     _Lines(text), may_be_odd(block.data, text), (block.first, block.offset))

    def _slow_block(self, block: Block, pattern: FastPattern | None) -> Batch:
        builder = _Builder()
        for number, line in enumerate(block.data.split(b"\n")[:-1], block.first):
            if pattern and self._accept_line(pattern, line, number, builder):
                continue
            if not line.strip(b" \t\r"):
                self.layout.empty_lines += 1
                self.layout.first_empty = self.layout.first_empty or number
                continue
            try:
                row = parse(line)
            except LineFault as fault:
                self._report(number, None, Fault(fault.code, str(fault)))
                continue
            self._add(builder, number, row)
        return builder.batch((block.first, block.offset))

    def _accept_line(self, pattern: FastPattern, line: bytes, number: int,
                     builder: _Builder) -> bool:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return False
        columns = pattern.accept_line(text + "\n")
        if columns is None:
            return False
        builder.add(number, text, *(columns[name][0] if name in columns else None
                                    for name in self._roles))
        for name in pattern.unknown:
            self.layout.add_unknown(name, number)
        return True

    def _records(self, records: Iterator[tuple[int, Row | Fault]]) -> Iterator[Batch]:
        builder = _Builder()
        for number, row in records:
            if isinstance(row, Fault):
                self._report(number, None, row)
                continue
            self._add(builder, number, row)
            if len(builder.lines) >= ROWS_OF_BATCH:
                yield builder.batch()
                builder = _Builder()
        yield builder.batch()

    def _add(self, builder: _Builder, number: int, row: Row) -> None:
        faults = judge(row, self._shape)
        row_id, text, label, group = (usable(row, faults, name) for name in self._roles)
        for fault in faults:
            self._report(number, row_id, fault)
        for name in row:
            if name not in self._shape.fields:
                self.layout.add_unknown(name, number)
        builder.add(number, row, row_id, text if has_text(row) else None, label, group)


class _Lines(Sequence[str]):
    """A block's lines, split only if one is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: list[str] | None = None

    def __len__(self) -> int:
        return self._text.count("\n")

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if self._lines is None:
            self._lines = self._text.split("\n")
        return self._lines[index]


def may_be_odd(data: bytes, text: str) -> bool:
    """Say whether a block can hold a character that `texts.oddity` looks for. Never a false no."""
    if "\\" in text or "\x7f" in text:
        return True
    # The bytes of C1 controls and of the letter Â begin with C2, the others are looked for as text:
    # searches for one character are the fast ones.
    return not text.isascii() and (b"\xc2" in data or "\ufffd" in text or "Ã" in text
                                   or "â" in text)
