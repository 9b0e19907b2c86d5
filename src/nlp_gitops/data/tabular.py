"""Rows of CSV, TSV and Parquet files."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.data.blocks import MAX_LINE
from nlp_gitops.data.jsonline import Row
from nlp_gitops.data.manifest import Field
from nlp_gitops.data.rowcheck import Fault

_LITERAL = {
    "integer": re.compile(r"-?(?:0|[1-9][0-9]{0,18})"),
    "number": re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?"),
    "boolean": re.compile("true|false"),
    "spans": re.compile(r"\[.*\]", re.DOTALL),
}


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
                    yield line, Fault("D002", f"column {twin[:60]!r} stands twice")
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
