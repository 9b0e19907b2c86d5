"""Reads a file of lines in blocks, with bounded memory however long a line is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

BLOCK = 1 << 16
MAX_LINE = 1 << 24


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines: `data` ends with a line feed, `first` is the number of its first line.

    An overlong line comes alone, with `data` empty and `overlong` its length in bytes.
    """

    data: bytes
    first: int
    overlong: int = 0


def read_blocks(stream: IO[bytes]) -> Iterator[Block]:
    """Yield the stream's lines in blocks of about 64 KiB, or one line where it is longer."""
    pieces: list[bytes] = []
    held = 0
    dropped = 0
    line = 1
    while True:
        chunk = stream.read(BLOCK)
        if not chunk:
            break
        cut = chunk.rfind(b"\n") + 1
        if dropped:
            end = chunk.find(b"\n") + 1
            dropped += end or len(chunk)
            if not end:
                continue
            yield Block(b"", line, dropped - 1)
            line += 1
            dropped = 0
            chunk, cut = chunk[end:], cut - end
        if cut:
            data = b"".join((*pieces, chunk[:cut]))
            yield Block(data, line)
            line += data.count(b"\n")
            pieces, held = [], 0
        if cut < len(chunk):
            pieces.append(chunk[cut:])
            held += len(chunk) - cut
        if held > MAX_LINE:
            dropped, pieces, held = held, [], 0
    if dropped:
        yield Block(b"", line, dropped)
    elif pieces:
        yield Block(b"".join(pieces) + b"\n", line)
