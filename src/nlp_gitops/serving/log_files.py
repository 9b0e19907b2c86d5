"""The files of a prediction log: rotated, whole after a kill, and copied where fsspec reaches.

    DIR/dt=2026-03-01/NAME-120000-4711-1.jsonl

A file that a process still writes is locked by it, so closed files are those without a lock, also
after a kill. What is there already in its full size is not sent again; what could not be sent is
tried again later. Local files stay.
"""

import fcntl
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

from nlp_gitops.core.errors import UsageError

_TAIL = 1 << 20
_NUMBERS = count(1)
_AGAIN_SECONDS = 300.0
_LAST_SECONDS = 10.0


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


class Uploads:
    """A thread that keeps `url` equal to the closed files in `folder`; `failed` counts failures."""

    def __init__(self, folder: Path, url: str) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise UsageError("service.log_url in project.yaml needs fsspec, and the package of its "
                             "protocol; install them with: pip install fsspec") from None
        try:
            self._files, self._root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UsageError(f"service.log_url in project.yaml: {error}") from None
        self.failed = 0
        self._folder = folder
        self._due, self._ended = threading.Event(), False
        self._thread = threading.Thread(target=self._work, name="log-upload", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Look for closed files soon."""
        self._due.set()

    def close(self) -> None:
        """Send what is closed by now, and end; a location that hangs is not waited for."""
        self._ended = True
        self._due.set()
        self._thread.join(_LAST_SECONDS)

    def _work(self) -> None:
        self._due.set()
        while True:
            self._due.wait(_AGAIN_SECONDS)
            self._due.clear()
            ended = self._ended
            try:
                for path in closed_files(self._folder):
                    self._send(path)
            except Exception as error:
                # Every protocol of fsspec raises errors of its own, from a library of its own.
                self.failed += 1
                print(f"log upload: {type(error).__name__}; tried again later", file=sys.stderr,
                      flush=True)
            if ended:
                return

    def _send(self, path: Path) -> None:
        target = f"{self._root.rstrip('/')}/{path.parent.name}/{path.name}"
        if self._files.exists(target) and self._files.size(target) == path.stat().st_size:
            return
        self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(path), target)
