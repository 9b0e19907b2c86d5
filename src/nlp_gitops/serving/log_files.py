"""The files of a prediction log: rotated, locked while written, and whole after a kill.

    DIR/dt=2026-03-01/NAME-120000-4711-1.jsonl
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

_TAIL = 1 << 20
_NUMBERS = count(1)


class LogFile:
    """The file that is written now, and the choice of the next; `rotated` hears of each change."""

    def __init__(self, folder: Path, name: str, most_bytes: int,
                 rotated: Callable[[], None] = lambda: None) -> None:
        self._folder, self._name, self._most, self._rotated = folder, name, most_bytes, rotated
        self._handle, self._day, self._size = -1, "", 0

    def write(self, block: Sequence[str]) -> None:
        """Append whole lines; raise OSError, and leave no half line, if the disk is full."""
        if not block:
            return
        data = "".join(f"{line}\n" for line in block).encode("utf-8", "replace")
        now = datetime.now(timezone.utc)
        if self._handle < 0 or self._day != f"{now:%Y-%m-%d}" or self._size >= self._most:
            self._next(now)
        written = 0
        try:
            while written < len(data):
                written += os.write(self._handle, data[written:])
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(data)

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _next(self, now: datetime) -> None:
        self.close()
        self._day = f"{now:%Y-%m-%d}"
        folder = self._folder / f"dt={self._day}"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self._name}-{now:%H%M%S}-{os.getpid()}-{next(_NUMBERS)}.jsonl"
        self._handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND,
                               0o640)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        self._size = 0
        self._rotated()


def closed_files(folder: Path) -> Iterator[Path]:
    """Yield the files that no process writes, each without the half line that a kill may leave."""
    for path in sorted(folder.glob("dt=*/*.jsonl")):
        with open(path, "r+b") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            size = os.fstat(stream.fileno()).st_size
            stream.seek(max(size - _TAIL, 0))
            tail = stream.read()
            if tail and not tail.endswith(b"\n"):
                stream.truncate(size - len(tail) + tail.rfind(b"\n") + 1)
        yield path
