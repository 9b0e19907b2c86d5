"""Reads a file of lines in blocks, plain or gzip, with bounded memory however long a line is."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

from nlp_gitops.data.rowcheck import Fault

BLOCK = 1 << 16
MAX_LINE = 1 << 24
BOM = b"\xef\xbb\xbf"


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
