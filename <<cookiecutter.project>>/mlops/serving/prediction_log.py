"""The prediction log: one JSON line per answered text, written by a thread of its own.

    DIR/dt=2026-03-01/NAME-120000-4711-1.jsonl

Files are rotated by size and by day (UTC). Every write ends with a whole line, a process never
appends to a file that another one began, and a reader may read at any time.
"""

import hmac
import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from mlops import privacy
from mlops.serving.release import Release
from nlp.model import Prediction

LOG_SCHEMA = "nlp-gitops/prediction/1"
_WAITING = 10_000
_AT_ONCE = 500
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)


@dataclass(frozen=True, slots=True)
class Entry:
    """One answered request. `at` is seconds since 1970, `seconds` how long it took."""

    request_id: str
    at: float
    seconds: float
    status: int
    texts: Sequence[str] = ()
    predictions: Sequence[Prediction] = ()
    fields: Mapping[str, Any] | None = None


def text_writer(mode: str, language: str = "en") -> Callable[[str], dict[str, str]]:
    """Return what a line says of a text. The modes `keyed` and `hashed` need a key (`privacy.key`).

    `masked`: without personal data; `keyed`: each identifier as a keyed hash; `hashed`: one keyed
    hash (HMAC-SHA256) of the text; `none`: nothing.
    """
    if mode == "none":
        return lambda text: {}
    if mode == "hashed":
        key = privacy.key()
        return lambda text: {"text_hmac": hmac.digest(key, text.encode(), "sha256").hex()}
    masker = privacy.Masker(language, privacy.key() if mode == "keyed" else None)
    return lambda text: {"text": masker(text)}


def lines(entry: Entry, release: Release, told: Callable[[str], dict[str, str]]) -> list[str]:
    """Return the lines of a request as JSON."""
    return [_ENCODER.encode(values) for values in line_values(entry, release, told)]


def line_values(entry: Entry, release: Release,
                told: Callable[[str], dict[str, str]]) -> list[dict[str, Any]]:
    """Return the lines of a request: one per text, or one without a label if it was refused."""
    head = {"schema": LOG_SCHEMA, "request_id": entry.request_id,
            "at": datetime.fromtimestamp(entry.at, timezone.utc).isoformat(timespec="milliseconds"),
            "model": release.model, "version": release.version, "dataset": release.dataset,
            "prompt": release.prompt, "variant": release.variant, "status": entry.status,
            "latency_ms": round(entry.seconds * 1000, 3)}
    if not entry.predictions:
        return [head]
    fields = {name: privacy.mask(value) if isinstance(value, str) else value
              for name, value in (entry.fields or {}).items()}
    return [{
        **head, "row": row, "label": prediction.label,
        "score": round(prediction.scores[prediction.label], 6), "characters": len(text),
        "fields": fields, **told(text)}
        for row, (text, prediction) in enumerate(zip(entry.texts, entry.predictions, strict=True))]


class Watcher(Protocol):
    """What else wants to see every answered request, in the log's own thread."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Take some requests; raise OSError where they cannot be kept."""

    def close(self) -> None:
        """Finish."""


class PredictionLog:
    """Takes entries without ever blocking; a full queue or disk loses lines and counts them."""

    def __init__(self, folder: Path, release: Release, told: Callable[[str], dict[str, str]],
                 most_bytes: int, watcher: Watcher | None = None) -> None:
        self.dropped = 0
        self._release, self._told, self._watcher = release, told, watcher
        self._file = LogFile(folder, release.model, most_bytes)
        self._queue: queue.Queue[Entry | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, name="prediction-log", daemon=True)
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Hand an entry over."""
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join(timeout=10)
        self._file.close()
        if self._watcher:
            self._watcher.close()

    def _work(self) -> None:
        ended = False
        while not ended:
            entries = self._taken()
            ended = None in entries
            block = [line for entry in entries if entry
                     for line in lines(entry, self._release, self._told)]
            try:
                self._file.write(block)
                if self._watcher:
                    self._watcher.add([entry for entry in entries if entry])
            except OSError as error:
                if not self.dropped:
                    print(f"prediction log: {error.strerror}; lines are lost", file=sys.stderr)
                self.dropped += len(block)

    def _taken(self) -> list[Entry | None]:
        """Wait for one entry, then take those that are there as well."""
        found = [self._queue.get()]
        while len(found) < _AT_ONCE and not self._queue.empty():
            found.append(self._queue.get())
        return found


class LogFile:
    """The file that is written now, and the choice of the next."""

    def __init__(self, folder: Path, name: str, most_bytes: int) -> None:
        self._folder, self._name, self._most = folder, name, most_bytes
        self._numbers = count(1)
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
        name = f"{self._name}-{now:%H%M%S}-{os.getpid()}-{next(self._numbers)}.jsonl"
        self._handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND,
                               0o640)
        self._size = 0
