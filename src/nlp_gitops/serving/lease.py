"""A file that allows a process to answer, until a time. Who renews it is alive, or it ends.

A canary's weight in the proxy does not end by itself when the judge dies. Its lease does: without
one the process answers 503, and the proxy asks the champion instead.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops.core import files

SECONDS = 60.0
_REREAD = 0.25


def grant(path: Path, seconds: float | None) -> None:
    """Allow answers for so many seconds from now; None means until it is withdrawn."""
    files.write_json(path, {"until": None if seconds is None else time.time() + seconds})


def withdraw(path: Path) -> None:
    """End a lease now."""
    path.unlink(missing_ok=True)


@dataclass
class Lease:
    """The reader's side. Without a path everything is allowed."""

    path: Path | None
    _until: float | None = 0.0
    _looked: float = 0.0

    def holds(self) -> bool:
        """Say whether requests may be answered; the file is read at most four times a second."""
        if self.path is None:
            return True
        if time.monotonic() - self._looked >= _REREAD:
            self._until, self._looked = _read(self.path), time.monotonic()
        return self._until is None or time.time() < self._until


def _read(path: Path) -> float | None:
    """Return the end of a lease; an absent or broken file is a lease that has ended."""
    try:
        until = json.loads(path.read_bytes())["until"]
        return None if until is None else float(until)
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
