"""Rows of a dataset, wherever and in whatever format they lie, and digests that ignore layout."""

import csv
import hashlib
import json
import os
import re
import tempfile
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.files import sha256_file
from nlp_gitops.data.jsonlines import BOM, MAX_LINE, LineFault, Row, blocks_of, is_jsonl, parse
from nlp_gitops.data.manifest import DataFile, Field, Manifest
from nlp_gitops.data.rowcheck import Fault, has_text, value_key

PIECE = 1 << 20
_LITERAL = {
    "integer": re.compile(r"-?(?:0|[1-9][0-9]{0,18})"),
    "number": re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?"),
    "boolean": re.compile("true|false"),
    "spans": re.compile(r"\[.*\]", re.DOTALL),
}
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"),
                            check_circular=False)


def local_path(file: DataFile) -> Path:
    """Return a path to read; fetch a URL first, where the cache lacks it."""
    if file.url is None:
        if not file.path.is_file():
            reason = "not a regular file" if os.path.lexists(file.path) else "no such file"
            raise UsageError(f"{file.path}: {reason}")
        return file.path
    if not (file.path.is_file() and sha256_file(file.path) == file.sha256):
        _fetch(file)
    return file.path


def _fetch(file: DataFile) -> None:
    try:
        import fsspec
    except ImportError:
        raise NotMeasured(f"{file.url}: reading rows from a URL needs fsspec; "
                          "install it with: pip install fsspec") from None
    file.path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.path.parent, prefix=".fetch.")
    try:
        total = hashlib.sha256()
        with os.fdopen(handle, "wb") as target, fsspec.open(file.url, "rb") as source:
            while piece := source.read(PIECE):
                total.update(piece)
                target.write(piece)
        if total.hexdigest() != file.sha256:
            raise CheckFailed(f"{file.url}: sha256 is {total.hexdigest()}, not {file.sha256} as "
                              "the manifest says; the data has changed")
        os.replace(draft, file.path)
    except CheckFailed:
        raise
    except Exception as error:
        # Every protocol of fsspec raises errors of its own, from a library of its own.
        reason = (str(error).splitlines() or [""])[0][:200]
        raise NotMeasured(f"{file.url}: cannot be fetched: {type(error).__name__}: "
                          f"{reason}") from None
    finally:
        if os.path.exists(draft):
            os.unlink(draft)


def records(path: Path, fields: Sequence[Field]) -> Iterator[tuple[int, Row | Fault]]:
    """Yield (line, row or fault) of a CSV, TSV or Parquet file; `line` counts rows in Parquet."""
    name = path.name.lower()
    if name.endswith((".csv", ".tsv")):
        return _csv(path, "\t" if name.endswith(".tsv") else ",", fields)
    if name.endswith(".parquet"):
        return _parquet(path)
    raise UsageError(f"{path}: unknown kind of file; use .jsonl, .jsonl.gz, .csv, .tsv or .parquet")


def _csv(path: Path, delimiter: str,
         fields: Sequence[Field]) -> Iterator[tuple[int, Row | Fault]]:
    csv.field_size_limit(MAX_LINE)
    kinds = {field.name: field for field in fields}
    # A cell may hold line breaks, so an undecodable byte is kept as a surrogate and found by judge.
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        header: list[str] | None = None
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, Fault("D001", f"not valid CSV: {error}")
                if header is None:
                    return
                continue
            if header is None:
                header = cells
                for twin in sorted({name for name in header if header.count(name) > 1}):
                    yield line, Fault("D002", f"duplicate column {twin[:60]!r}")
            elif cells and len(cells) != len(header):
                yield line, Fault("D001", f"{len(cells)} columns, but the header has {len(header)}")
            elif cells:
                yield line, {name: cell_value(cell, kinds.get(name))
                             for name, cell in zip(header, cells)}


def cell_value(cell: str, field: Field | None) -> Any:
    """Return a cell as the field's type, or as the string it is where it does not fit."""
    if field is None:
        return cell
    if not cell and field.nullable:
        return None
    literal = _LITERAL.get(field.type)
    if literal and literal.fullmatch(cell):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell


def _parquet(path: Path) -> Iterator[tuple[int, Row | Fault]]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise NotMeasured(f"{path}: reading Parquet needs pyarrow; "
                          "install it with: pip install pyarrow") from None
    number = 0
    try:
        with parquet.ParquetFile(path) as table:
            for batch in table.iter_batches(batch_size=1000):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (OSError, ValueError, NotImplementedError) as error:
        reason = (str(error).splitlines() or ["unknown reason"])[0]
        yield number, Fault("D001", f"damaged Parquet file: {reason[:200]}")


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
        yield from records(path, fields)
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
