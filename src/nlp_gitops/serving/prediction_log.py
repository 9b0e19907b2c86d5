"""The prediction log: one JSON line per answered text, written by a thread of its own.

Files (`log_files.py`) are rotated by size and by day (UTC). Every write ends with a whole line, a
process never appends to a file that another one began, and a reader may read at any time.
"""

import hmac
import json
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from nlp_gitops import privacy
from nlp_gitops.model import Prediction
from nlp_gitops.serving.log_files import LogFile, Uploads, closed_files
from nlp_gitops.serving.release import Release

LOG_SCHEMA = "nlp-gitops/prediction/1"
_WAITING = 10_000
_AT_ONCE = 500
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)


@dataclass(frozen=True, slots=True)
class Entry:
    """One answered request. `at` is seconds since 1970, `seconds` how long it took.

    No caller gets the answer of a `shadow`.
    """

    request_id: str
    at: float
    seconds: float
    status: int
    texts: Sequence[str] = ()
    predictions: Sequence[Prediction] = ()
    fields: Mapping[str, Any] | None = None
    tokens: Sequence[int] = ()
    shadow: bool = False


def text_writer(mode: str,
                masked: privacy.Masker = privacy.mask) -> Callable[[str], dict[str, str]]:
    """Return what a line says of a text. The modes `keyed` and `hashed` need a key (`privacy.key`).

    `masked`: without personal data; `keyed`: each identifier as a keyed hash; `hashed`: one keyed
    hash (HMAC-SHA256) of the text; `none`: nothing.
    """
    if mode == "none":
        return lambda text: {}
    if mode == "hashed":
        key = privacy.key()
        return lambda text: {"text_hmac": hmac.digest(key, text.encode(), "sha256").hex()}
    writer = replace(masked, key=privacy.key()) if mode == "keyed" else masked
    return lambda text: {"text": writer(text)}


def lines(entry: Entry, release: Release, told: Callable[[str], dict[str, str]],
          masked: privacy.Masker = privacy.mask) -> list[str]:
    """Return the lines of a request as JSON."""
    return [_ENCODER.encode(values) for values in line_values(entry, release, told, masked)]


def line_values(entry: Entry, release: Release, told: Callable[[str], dict[str, str]],
                masked: privacy.Masker = privacy.mask) -> list[dict[str, Any]]:
    """Return the lines of a request: one per text, or one without a label if it was refused."""
    head = {"schema": LOG_SCHEMA, "request_id": entry.request_id,
            "at": datetime.fromtimestamp(entry.at, timezone.utc).isoformat(timespec="milliseconds"),
            "model": release.model, "version": release.version, "dataset": release.dataset,
            "prompt": release.prompt, "variant": release.variant,
            "shadow": entry.shadow, "status": entry.status,
            "latency_ms": round(entry.seconds * 1000, 3)}
    if not entry.predictions:
        return [head]
    counts: Sequence[int | None] = entry.tokens or [None] * len(entry.texts)
    fields = {name: masked(value) if isinstance(value, str) else value
              for name, value in (entry.fields or {}).items()}
    return [{
        **head, "row": row, "label": prediction.label,
        "score": round(prediction.scores[prediction.label], 6), "characters": len(text),
        "tokens": tokens, "fields": fields, **told(text)}
        for row, (text, prediction, tokens) in enumerate(zip(
            entry.texts, entry.predictions, counts, strict=True))]


class Watcher(Protocol):
    """What else wants to see every answered request, in the log's own thread."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Take some requests; raise OSError where they cannot be kept."""

    def close(self) -> None:
        """Finish."""


class PredictionLog:
    """Takes entries without ever blocking; a full queue or disk loses lines and counts them.

    Closed files are copied to `url`, if there is one. Slice fields are `masked`.
    """

    def __init__(self, folder: Path, release: Release, told: Callable[[str], dict[str, str]],
                 most_bytes: int, watcher: Watcher | None = None, url: str | None = None,
                 masked: privacy.Masker = privacy.mask) -> None:
        self.dropped = 0
        self._release, self._told, self._masked = release, told, masked
        self._watcher = watcher
        # Half lines of a process that was killed vanish before anything is read or sent.
        deque(closed_files(folder), maxlen=0)
        self.uploads = Uploads(folder, url) if url else None
        self._file = LogFile(folder, release.model, most_bytes,
                             self.uploads.begin if self.uploads else lambda: None)
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
        if self.uploads:
            self.uploads.close()

    def _work(self) -> None:
        ended = False
        while not ended:
            entries = self._taken()
            ended = None in entries
            block = [line for entry in entries if entry
                     for line in lines(entry, self._release, self._told, self._masked)]
            try:
                self._file.write(block)
            except OSError as error:
                if not self.dropped:
                    print(f"prediction log: {error.strerror}; lines are lost", file=sys.stderr)
                self.dropped += len(block)
            self._show([entry for entry in entries if entry])

    def _show(self, entries: Sequence[Entry]) -> None:
        try:
            if self._watcher:
                self._watcher.add(entries)
        except Exception as error:
            # A model's own embedding may raise anything; the log must go on.
            print(f"drift profile: {type(error).__name__}; some requests are not in it",
                  file=sys.stderr, flush=True)

    def _taken(self) -> list[Entry | None]:
        """Wait for one entry, then take those that are there as well."""
        found = [self._queue.get()]
        while len(found) < _AT_ONCE and not self._queue.empty():
            found.append(self._queue.get())
        return found
