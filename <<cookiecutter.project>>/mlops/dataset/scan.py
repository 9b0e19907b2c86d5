"""Reads row files once and hands on columns, batch by batch, with the faults of the rows.

JSONL lines that are clean take the fast path; all others, and all other formats, are judged one by
one. Whoever iterates sees the same batches either way.
"""

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from mlops.dataset import tabular
from mlops.dataset.blocks import MAX_LINE, Block, read_blocks
from mlops.dataset.fastpath import FastPattern, compile_pattern
from mlops.dataset.jsonline import LineFault, Row, parse
from mlops.dataset.rowcheck import Fault, Shape, has_text, judge, usable

MAX_FAST_BLOCK = 1 << 20
MAX_COMPILED = 8
BOM = b"\xef\xbb\xbf"

Report = Callable[[int, str | None, Fault], None]


@dataclass(slots=True)
class Batch:
    """Columns of some rows in file order. None stands for a value that is absent or faulty.

    `sources` holds what the row was read from, a JSON line or a parsed row.
    `may_be_odd` is False if no text can hold control, replacement or wrongly decoded characters.
    """

    lines: list[int] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)
    texts: list[str | None] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    sources: list[str | Row] = field(default_factory=list)
    may_be_odd: bool = True

    def row(self, index: int) -> Row:
        """Return one row, parsed."""
        source = self.sources[index]
        # A line that the fast path accepted holds no key twice and no NaN.
        return source if isinstance(source, dict) else json.loads(source)


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
        self.layout = Layout()

    def batches(self, path: Path) -> Iterator[Batch]:
        """Yield the rows of one file; damaged parts are reported, not raised."""
        self._pattern, self._compiled, self.layout = None, 0, Layout()
        name = path.name.lower()
        if name.endswith((".jsonl", ".jsonl.gz")):
            opener = gzip.open if name.endswith(".gz") else open
            with opener(path, "rb") as stream:
                yield from self._jsonl(stream)
        else:
            yield from self._records(tabular.records(path, tuple(self._shape.fields.values())))

    def _jsonl(self, stream: IO[bytes]) -> Iterator[Batch]:
        last = 0
        try:
            for block in read_blocks(stream):
                last = block.first
                if block.overlong:
                    self._report(block.first, None, Fault(
                        "D004", f"{block.overlong:,} bytes, more than {MAX_LINE:,}",
                        hint="the line was not read; cut the text"))
                    continue
                if block.first == 1 and block.data.startswith(BOM):
                    self.layout.has_bom = True
                    block = Block(block.data[len(BOM):], 1)
                yield self._block(block)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self._report(last, None, Fault("D001", f"damaged gzip file: {error}"))

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
        count = block.data.count(b"\n")
        columns = self._pattern.accept_block(text, count)
        if columns is None:
            batch = self._slow_block(block, self._pattern)
            if batch.sources and not any(isinstance(source, str) for source in batch.sources):
                # Not one line fits: the order of the keys has changed.
                self._pattern = None
            return batch
        for name in self._pattern.unknown:
            self.layout.add_unknown(name, block.first, count)
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

    def _batch(self, columns: dict[str, Sequence[str]], block: Block, text: str) -> Batch:
        texts = columns["text"]
        count = len(texts)
        absent: Sequence[None] = (None,) * count
        return Batch(
            range(block.first, block.first + count), columns.get("id", absent), texts,
            columns.get("label", absent), columns.get(self._shape.group or "", absent),
            _Lines(text), may_be_odd(block.data, text))

    def _slow_block(self, block: Block, pattern: FastPattern | None) -> Batch:
        batch = Batch()
        for number, line in enumerate(block.data.split(b"\n")[:-1], block.first):
            if pattern and self._accept_line(pattern, line, number, batch):
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
            self._add(batch, number, row)
        return batch

    def _accept_line(self, pattern: FastPattern, line: bytes, number: int, batch: Batch) -> bool:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return False
        columns = pattern.accept_line(text + "\n")
        if columns is None:
            return False
        batch.lines.append(number)
        for column, name in ((batch.ids, "id"), (batch.texts, "text"), (batch.labels, "label"),
                             (batch.groups, self._shape.group or "")):
            column.append(columns[name][0] if name in columns else None)
        batch.sources.append(text)
        for name in pattern.unknown:
            self.layout.add_unknown(name, number)
        return True

    def _records(self, records: Iterator[tuple[int, Row | Fault]]) -> Iterator[Batch]:
        batch = Batch()
        for number, row in records:
            if isinstance(row, Fault):
                self._report(number, None, row)
                continue
            self._add(batch, number, row)
            if len(batch.lines) >= 1000:
                yield batch
                batch = Batch()
        yield batch

    def _add(self, batch: Batch, number: int, row: Row) -> None:
        shape = self._shape
        faults = judge(row, shape)
        row_id = usable(row, faults, "id")
        for fault in faults:
            self._report(number, row_id, fault)
        for name in row.keys() - shape.fields.keys():
            self.layout.add_unknown(name, number)
        batch.lines.append(number)
        batch.ids.append(row_id)
        batch.texts.append(row["text"] if has_text(row) and usable(row, faults, "text") else None)
        batch.labels.append(usable(row, faults, "label"))
        batch.groups.append(usable(row, faults, shape.group))
        batch.sources.append(row)


class _Lines(Sequence[str]):
    """A block's lines, split only if one is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: list[str] | None = None

    def __len__(self) -> int:
        return self._text.count("\n")

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
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
