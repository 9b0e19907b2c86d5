"""Rows of a dataset for training and evaluation, and digests that ignore layout."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mlops.dataset import tabular
from mlops.dataset.blocks import read_blocks
from mlops.dataset.jsonline import LineFault, Row, parse
from mlops.dataset.manifest import DataFile, Field, Manifest
from mlops.dataset.rowcheck import Fault, has_text, value_key
from mlops.dataset.sources import local_path
from mlops.errors import UsageError

BOM = b"\xef\xbb\xbf"


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
    return [row for file in manifest.files for _, row in read_rows(file, manifest.fields)
            if has_text(row) and split_of(row, manifest) == split]


def split_of(row: Mapping[str, object], manifest: Manifest) -> str:
    """Return a row's split from its group (or id, or text) alone, so added rows move no other."""
    value = row.get(manifest.group or "id")
    if value is None:
        value = row.get("text")
    return split_at(value if value is None else value_key(value), manifest)


def split_at(key: str | None, manifest: Manifest) -> str:
    """Return the split of the rows with this group, id or text, where the splits are ratios."""
    assert manifest.ratios is not None
    digest = hashlib.sha256(f"{manifest.seed}:{key}".encode("utf-8", "surrogatepass")).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64
    edge = 0.0
    for name in manifest.split_names:
        edge += manifest.ratios[name]
        if point < edge:
            return name
    return manifest.split_names[-1]


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
    name = path.name.lower()
    if not name.endswith((".jsonl", ".jsonl.gz")):
        yield from tabular.records(path, fields)
        return
    opener = gzip.open if name.endswith(".gz") else open
    last = 0
    try:
        with opener(path, "rb") as stream:
            for block in read_blocks(stream):
                last = block.first
                if block.overlong:
                    yield last, Fault("D004", f"a line of {block.overlong:,} bytes")
                    continue
                for last, line in enumerate(block.data.split(b"\n")[:-1], block.first):
                    if last == 1:
                        line = line.removeprefix(BOM)
                    if line.strip(b" \t\r"):
                        yield last, _row_or_fault(line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield last, Fault("D001", f"damaged gzip file: {error}")


def _row_or_fault(line: bytes) -> Row | Fault:
    try:
        return parse(line)
    except LineFault as fault:
        return Fault(fault.code, str(fault))


def canonical(row: Mapping[str, object]) -> bytes:
    """Return a row as bytes that do not depend on key order or white space."""
    return json.dumps(row, sort_keys=True, ensure_ascii=False,
                      separators=(",", ":")).encode("utf-8", "surrogatepass")


def digest(rows: Iterable[Mapping[str, object]]) -> str:
    """Return one sha256 of a set of rows, whatever their order and layout in files."""
    return digest_of(hashlib.sha256(canonical(row)).digest() for row in rows)


def digest_of(digests: Iterable[bytes]) -> str:
    """Return one sha256 of the sha256 digests of rows, whatever their order."""
    total = hashlib.sha256()
    for part in sorted(digests):
        total.update(part)
    return total.hexdigest()
