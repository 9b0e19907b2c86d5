"""Collects findings with a bound on memory: the first ones are kept, all are counted."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mlops.dataset.codes import ERROR, OFF
from mlops.findings import Finding

MAX_KEPT = {"error": 8_000, "warning": 2_000}


class Collector:
    """Findings so far. `counts` also holds those that were not kept."""

    def __init__(self, severities: Mapping[str, str]) -> None:
        self._severities = severities
        self._kept: dict[str, list[Finding]] = {level: [] for level in MAX_KEPT}
        self.counts: Counter[tuple[str, str]] = Counter()

    def wants(self, code: str) -> bool:
        """Say whether a code is switched on."""
        return self._severities[code] != OFF

    def add(self, code: str, message: str, *, severity: str | None = None, **place: Any) -> None:
        """Add a finding; `severity` replaces the code's own, `place` are fields of Finding."""
        level = severity or self._severities[code]
        if level == OFF:
            return
        self.counts[level, code] += 1
        if len(self._kept[level]) < MAX_KEPT[level]:
            self._kept[level].append(Finding(code, message, severity=level, **place))

    @property
    def findings(self) -> list[Finding]:
        """Return what was kept, errors first, then by code; file order within a code."""
        return [finding for level in (ERROR, "warning")
                for finding in sorted(self._kept[level], key=lambda f: f.code)]

    @property
    def not_kept(self) -> int:
        """Return how many findings were counted only."""
        return self.counts.total() - sum(map(len, self._kept.values()))
