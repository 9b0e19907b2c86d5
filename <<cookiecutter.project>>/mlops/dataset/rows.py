"""Rows of a dataset: reading files, giving every row its split, and digests that ignore layout."""

import csv
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops.dataset.manifest import DataFile, Manifest
from mlops.errors import NotMeasured, UsageError

Row = dict[str, Any]


def read_split(manifest: Manifest, split: str) -> list[Row]:
    """Return the rows of `train`, `valid` or `test` in file order."""
    if split not in manifest.split_names:
        raise UsageError(f"{manifest.path}: no split {split!r}; there are "
                         + ", ".join(manifest.split_names))
    if manifest.named is not None:
        return [row for file in manifest.named[split] for _, row in read_rows(file)]
    return [row for file in manifest.files for _, row in read_rows(file)
            if split_of(row, manifest) == split]


def split_of(row: Mapping[str, Any], manifest: Manifest) -> str:
    """Return a row's split from its group (or id, or text) alone, so added rows move no other."""
    assert manifest.ratios is not None
    key = row.get(manifest.group or "id", row.get("text"))
    digest = hashlib.sha256(f"{manifest.seed}:{key}".encode("utf-8", "surrogatepass")).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64
    edge = 0.0
    for name in manifest.split_names:
        edge += manifest.ratios[name]
        if point < edge:
            return name
    return manifest.split_names[-1]


def read_rows(file: DataFile) -> Iterator[tuple[int, Row]]:
    """Yield (line number, row). Raise UsageError at the first line that is no row."""
    path = local_path(file)
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    name = path.name.lower()
    try:
        if name.endswith((".jsonl", ".jsonl.gz")):
            yield from _read_jsonl(path)
        elif name.endswith((".csv", ".tsv")):
            yield from _read_csv(path, "\t" if name.endswith(".tsv") else ",")
        elif name.endswith(".parquet"):
            yield from _read_parquet(path)
        else:
            raise UsageError(f"{path}: unknown kind of file; use .jsonl, .jsonl.gz, .csv, .tsv "
                             "or .parquet")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 ({error.reason}); convert it, for example with "
                         "iconv -t UTF-8") from None


def local_path(file: DataFile) -> Path:
    """Return where a row file's bytes are."""
    if file.url is not None:
        raise NotMeasured(f"{file.url}: fetching rows from a URL is not supported yet; "
                          "put the file beside dataset.yaml")
    return file.path


def _read_jsonl(path: Path) -> Iterator[tuple[int, Row]]:
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UsageError(f"{path}:{number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise UsageError(f"{path}:{number}: a row must be a JSON object")
            yield number, row


def _read_csv(path: Path, delimiter: str) -> Iterator[tuple[int, Row]]:
    with open(path, encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise UsageError(f"{path}:{reader.line_num}: this row has not as many "
                                     "columns as the header")
                yield reader.line_num, row
        except csv.Error as error:
            raise UsageError(f"{path}:{reader.line_num}: not valid CSV: {error}") from None


def _read_parquet(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise NotMeasured(f"{path}: reading Parquet needs pyarrow; "
                          "install it with: pip install pyarrow") from None
    try:
        table = parquet.ParquetFile(path)
        number = 0
        for batch in table.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not a Parquet file: {str(error).splitlines()[0]}") from None


def canonical(row: Mapping[str, Any]) -> bytes:
    """Return a row as bytes that do not depend on key order or white space."""
    return json.dumps(row, sort_keys=True, ensure_ascii=False,
                      separators=(",", ":")).encode("utf-8", "surrogatepass")


def digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the sha256 of a set of rows, whatever their order and layout in files."""
    total = hashlib.sha256()
    for line in sorted(canonical(row) for row in rows):
        total.update(line + b"\n")
    return total.hexdigest()
