"""Files of JSON lines: read in blocks with bounded memory, each line strictly one row."""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from nlp_gitops.data.rowcheck import Fault

BLOCK = 1 << 16
MAX_LINE = 1 << 24
BOM = b"\xef\xbb\xbf"
MAX_DEPTH = 50
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines: `data` ends with a line feed, `first` is the number of the first of `lines`.

    `offset` is where it starts in the unpacked file, in bytes. Where `fault` is set there are no
    data: the line is too long, or the file ends damaged.
    """

    data: bytes
    first: int
    lines: int = 0
    offset: int = 0
    fault: Fault | None = None
    has_bom: bool = False


def is_jsonl(path: Path) -> bool:
    """Say whether a file holds JSON lines, plain or gzip."""
    return path.name.lower().endswith((".jsonl", ".jsonl.gz"))


def blocks_of(path: Path) -> Iterator[Block]:
    """Yield a file's lines, those of a .gz file unpacked; a byte order mark is taken off."""
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    last = 1
    try:
        with opener(path, "rb") as stream:
            for block in read_blocks(cast(IO[bytes], stream)):
                last = block.first
                if last == 1 and block.data.startswith(BOM):
                    block = replace(block, data=block.data[len(BOM):], has_bom=True)
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Block(b"", last, fault=Fault("D001", f"damaged gzip file: {error}"))


def read_blocks(stream: IO[bytes]) -> Iterator[Block]:
    """Yield the stream's lines in blocks of about 64 KiB, or one line where it is longer."""
    pieces: list[bytes] = []
    held = dropped = offset = 0
    line = 1
    while chunk := stream.read(BLOCK):
        if dropped:
            end = chunk.find(b"\n") + 1
            dropped += end - 1 if end else len(chunk)
            if not end:
                continue
            yield _overlong(line, dropped)
            offset += dropped + 1
            line, dropped, chunk = line + 1, 0, chunk[end:]
        cut = chunk.rfind(b"\n") + 1
        if cut:
            data = b"".join((*pieces, chunk[:cut]))
            lines = data.count(b"\n")
            yield Block(data, line, lines, offset)
            line += lines
            offset += len(data)
            pieces, held = [], 0
        if cut < len(chunk):
            pieces.append(chunk[cut:])
            held += len(chunk) - cut
        if held > MAX_LINE:
            dropped, pieces, held = held, [], 0
    if dropped:
        yield _overlong(line, dropped)
    elif pieces:
        yield Block(b"".join(pieces) + b"\n", line, 1, offset)


def _overlong(line: int, size: int) -> Block:
    return Block(b"", line, fault=Fault("D004", f"{size:,} bytes, more than {MAX_LINE:,}",
                                        hint="the line was not read; cut its text"))


class LineFault(ValueError):
    """A line is no row: a finding's code and message."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def parse(line: bytes) -> Row:
    """Return the row that a line holds; raise LineFault."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise LineFault("D001", f"not UTF-8 at byte {error.start + 1} "
                        f"({line[error.start:error.start + 1].hex()})") from None
    try:
        value = _DECODER.decode(text)
    except LineFault:
        raise
    except RecursionError:
        raise LineFault("D001", _too_deep()) from None
    except ValueError as error:
        raise LineFault("D001", f"not JSON: {_reason(error)}") from None
    if not isinstance(value, dict):
        raise LineFault("D001", "a row must be a JSON object")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise LineFault("D001", _too_deep())
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        seen: set[str] = set()
        twin = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore
        raise LineFault("D002", f"duplicate key {twin[:60]!r}")
    return row


def _constant(name: str) -> NoReturn:
    raise LineFault("D001", f"{name} is not JSON; write null")


# The C scanner is used for both hooks.
_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "a number with too many digits"


def _too_deep() -> str:
    return f"nested deeper than {MAX_DEPTH} levels"


def _depth(value: Any) -> int:
    """Return how deep a value is nested, without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(item, dict):
            waiting.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            waiting.extend((child, depth + 1) for child in item)
    return deepest
