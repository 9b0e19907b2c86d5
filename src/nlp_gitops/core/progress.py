"""How far a command is: one line a phase; on a terminal the phase shows before it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Progress:
    """Writes phases to a stream; to none where the stream is None."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._live = stream is not None and stream.isatty()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Show a phase and, when it ends well, the seconds it took."""
        begin = time.monotonic()
        if self._live:
            self._write(f"{name:<9} …")
        try:
            yield
        except BaseException:
            if self._live:
                self._write("\n")
            raise
        # The carriage return puts the finished line over the one that said "…".
        over = "\r" if self._live else ""
        self._write(f"{over}{name:<9} {time.monotonic() - begin:6.1f} s\n")

    def _write(self, text: str) -> None:
        if self._stream:
            self._stream.write(text)
            self._stream.flush()
