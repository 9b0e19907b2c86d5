"""Drift profiles written by the service, so that drift needs no stored text.

    DIR/dt=2026-03-01/NAME-120000-4711.profile.npz

One file for each process and day with a block for each hour, replaced every few minutes. It is
called by the thread of the prediction log, so no request waits for it.
"""

import os
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from nlp_gitops.drift.columns import Reader
from nlp_gitops.drift.logs import Faults
from nlp_gitops.drift.profile import SUFFIX, Profile, measure, merge, write
from nlp_gitops.drift.reference import Packed
from nlp_gitops.privacy import Masker
from nlp_gitops.serving.prediction_log import Entry, line_values
from nlp_gitops.serving.release import Release

SECONDS = 300.0
# Summing up many requests at once costs hardly more than one.
_AT_ONCE = 256


class ProfileWriter:
    """Sums up what one release answers. Texts are masked as those of the reference were."""

    def __init__(self, folder: Path, release: Release, packed: Packed, language: str) -> None:
        masker = Masker(language)
        self._folder, self._release = folder, release
        self._told = lambda text: {"text": masker(text)}
        self._reader = Reader(packed.profile.layout, packed.embedder, release.model)
        self._day, self._path = "", folder
        self._profile = Profile(packed.profile.layout)
        self._waiting: list[Entry] = []
        self._written = time.monotonic()

    def add(self, entries: Sequence[Entry]) -> None:
        """Add answered requests; write the file when it is time. Raises OSError if that fails."""
        day = f"{datetime.now(timezone.utc):%Y-%m-%d}"
        if day != self._day:
            self.close()
            now = datetime.now(timezone.utc)
            self._day = day
            self._path = self._folder / f"dt={day}" / (
                f"{self._release.model}-{now:%H%M%S}-{os.getpid()}{SUFFIX}")
            self._profile = Profile(self._profile.layout)
        self._waiting += entries
        if time.monotonic() - self._written > SECONDS:
            self.close()
        elif len(self._waiting) >= _AT_ONCE:
            self._sum_up()

    def close(self) -> None:
        """Write what is not written yet."""
        self._sum_up()
        if self._profile.blocks:
            write(self._path, self._profile)
        self._written = time.monotonic()

    def _sum_up(self) -> None:
        lines = [(value, 0) for entry in self._waiting
                 for value in line_values(entry, self._release, self._told)]
        self._waiting = []
        lines = self._reader.own(lines)
        if lines:
            self._profile = merge(self._profile, measure(
                self._profile.layout, self._reader.columns(lines, "service", Faults())))
