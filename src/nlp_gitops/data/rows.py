"""Rows of a dataset for training and evaluation, and digests that ignore layout."""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from nlp_gitops.core.errors import UsageError
from nlp_gitops.data import tabular
from nlp_gitops.data.blocks import BOM, blocks_of, is_jsonl
from nlp_gitops.data.jsonline import LineFault, Row, parse
from nlp_gitops.data.manifest import DataFile, Field, Manifest
from nlp_gitops.data.rowcheck import Fault, has_text, value_key
from nlp_gitops.data.sources import local_path

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"),
                            check_circular=False)


def read_split(manifest: Manifest, split: str) -> list[Row]:
    """Return the rows of `train`, `valid` or `test` in file order.

    A row without text is left out; tools/check_schema.py reports it.
    """
    if split not in manifest.split_names:
        raise UsageError(f"{manifest.path}: no split {split!r}; there are "
                         + ", ".join(manifest.split_names))
    if manifest.named is not None:
        return [row for file in manifest.named[split]
                for _, row in read_rows(file, manifest.fields) if has_text(row)]
    splitter = Splitter(manifest)
    return [row for file in manifest.files for _, row in read_rows(file, manifest.fields)
            if has_text(row) and splitter.split_of(row) == split]


class Splitter:
    """Gives rows their split where the splits are ratios: by a hash of group, else id, else text.

    A row's split depends on nothing but that value, so added rows move no other.
    """

    def __init__(self, manifest: Manifest) -> None:
        assert manifest.ratios is not None
        self._names = manifest.split_names
        self._field = manifest.group or "id"
        shares = [manifest.ratios[name] for name in self._names]
        self._edges = [edge * 2**64 for edge in accumulate(shares)][:-1]
        self._prefix = f"{manifest.seed}:"

    def index(self, key: str | None) -> int:
        """Return the index into `manifest.split_names` of the rows with this key."""
        data = f"{self._prefix}{key}".encode("utf-8", "surrogatepass")
        return bisect_right(self._edges, int.from_bytes(hashlib.sha256(data).digest()[:8]))

    def split_of(self, row: Mapping[str, object]) -> str:
        """Return the name of a row's split."""
        value = row.get(self._field)
        if value is None:
            value = row.get("text")
        return self._names[self.index(None if value is None else value_key(value))]


def read_rows(file: DataFile, fields: Sequence[Field] = ()) -> Iterator[tuple[int, Row]]:
    """Yield (line number, row). Raise UsageError at the first line that is no row.

    `fields` gives the cells of CSV and TSV files their types; without it they are strings.
    """
    path = local_path(file)
    for number, row in read_records(path, fields):
        if isinstance(row, Fault):
            raise UsageError(f"{path}:{number}: {row.message}")
        yield number, row


def read_records(path: Path, fields: Sequence[Field] = ()) -> Iterator[tuple[int, Row | Fault]]:
    """Yield (line number, row or what is wrong with the line); empty lines are skipped."""
    if not is_jsonl(path):
        yield from tabular.records(path, fields)
        return
    for block in blocks_of(path):
        if block.fault:
            yield block.first, block.fault
        for number, line in enumerate(block.data.split(b"\n")[:-1], block.first):
            if line.strip(b" \t\r"):
                yield number, _row_or_fault(line)


def read_lines(path: Path, wanted: Collection[int], fields: Sequence[Field],
               marks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Row]]:
    """Yield (line number, row) of the rows on certain lines.

    `marks` holds (line, offset in bytes) of some lines, ascending, for files that can be sought in.
    """
    if is_jsonl(path) and not path.name.lower().endswith(".gz"):
        yield from _sought(path, wanted, marks)
        return
    last = max(wanted)
    for number, row in read_records(path, fields):
        if number in wanted and not isinstance(row, Fault):
            yield number, row
        if number >= last:
            return


def _sought(path: Path, wanted: Iterable[int],
            marks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Row]]:
    starts = [line for line, _ in marks]
    with open(path, "rb") as stream:
        for number in sorted(wanted):
            line, offset = marks[bisect_right(starts, number) - 1]
            stream.seek(offset)
            for _ in range(line, number):
                stream.readline()
            yield number, parse(stream.readline().removeprefix(BOM))


def _row_or_fault(line: bytes) -> Row | Fault:
    try:
        return parse(line)
    except LineFault as fault:
        return Fault(fault.code, str(fault))


def canonical(row: Mapping[str, object]) -> bytes:
    """Return a row as bytes that do not depend on key order or white space."""
    return _ENCODER.encode(row).encode("utf-8", "surrogatepass")


def digest(rows: Iterable[Mapping[str, object]]) -> str:
    """Return one sha256 of a set of rows, whatever their order and layout in files."""
    return digest_of(hashlib.sha256(canonical(row)).digest() for row in rows)


def digest_of(digests: Iterable[bytes]) -> str:
    """Return one sha256 of the sha256 digests of rows, whatever their order."""
    total = hashlib.sha256()
    for part in sorted(digests):
        total.update(part)
    return total.hexdigest()
