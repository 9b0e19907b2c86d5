"""Goes through all rows of a dataset, batch by batch, and says which split each belongs to."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops.data.jsonlines import Row
from nlp_gitops.data.manifest import DataFile, Manifest
from nlp_gitops.data.rowcheck import Fault, Shape, judge, usable
from nlp_gitops.data.rows import Splitter, local_path, read_lines
from nlp_gitops.data.scan import Batch, Layout, Report, Scanner
from nlp_gitops.data.table import Table

SHOWN_TEXT = 80


@dataclass(frozen=True, slots=True)
class Step:
    """Some rows of one file. `splits` has one index into `manifest.split_names` a row."""

    path: Path
    batch: Batch
    splits: bytes


def walk(manifest: Manifest, shape: Shape, report: Callable[[Path], Report] | None = None,
         layout: Callable[[Path, Layout], None] | None = None,
         fast: bool = True) -> Iterator[Step]:
    """Yield all rows in the manifest's order of files.

    `report(path)` returns what receives the faults of one file; `layout` is called after each.
    """
    splitter = Splitter(manifest) if manifest.ratios is not None else None
    for file, split in _files(manifest):
        path = local_path(file)
        scanner = Scanner(shape, report(path) if report else _ignore, fast)
        for batch in scanner.batches(path):
            yield Step(path, batch, _splits(manifest, batch, split, splitter))
        if layout:
            layout(path, scanner.layout)


def again(manifest: Manifest, shape: Shape) -> Iterator[tuple[int, Batch]]:
    """Yield (index of its first row, batch) for all rows, in the order of `walk`."""
    start = 0
    for file, _ in _files(manifest):
        for batch in Scanner(shape, _ignore).batches(local_path(file)):
            yield start, batch
            start += len(batch.lines)


@dataclass(frozen=True, slots=True)
class Seen:
    """A row as findings show it."""

    id: str | None
    text: str | None
    label: str | None
    group: str | None


def fetch(table: Table, shape: Shape, rows: Iterable[int]) -> dict[int, Seen]:
    """Return the rows with these indexes, by reading their lines again."""
    wanted: dict[Path, dict[int, int]] = {}
    for row in sorted(rows):
        wanted.setdefault(table.file_of(row), {})[table.lines[row]] = row
    return {lines[number]: _seen(row, shape) for path, lines in wanted.items()
            for number, row in read_lines(path, lines.keys(), tuple(shape.fields.values()),
                                          table.marks[path])}


def _seen(row: Row, shape: Shape) -> Seen:
    faults = judge(row, shape)
    row_id, text, label, group = (usable(row, faults, name)
                                  for name in ("id", "text", "label", shape.group))
    return Seen(row_id, text and text[:SHOWN_TEXT], label, group)


def _files(manifest: Manifest) -> Iterator[tuple[DataFile, int | None]]:
    if manifest.named is None:
        yield from ((file, None) for file in manifest.files)
        return
    for index, name in enumerate(manifest.split_names):
        yield from ((file, index) for file in manifest.named[name])


def _splits(manifest: Manifest, batch: Batch, split: int | None,
            splitter: Splitter | None) -> bytes:
    if split is not None:
        return bytes((split,)) * len(batch.lines)
    assert splitter is not None
    keys = batch.groups if manifest.group else batch.ids
    return bytes(splitter.index(text if key is None else key)
                 for key, text in zip(keys, batch.texts))


def _ignore(line: int, row_id: str | None, fault: Fault) -> None:
    """Drop a fault that was reported when the rows were read for the first time."""
