"""Collects findings with a bound on memory: the first ones are kept, all are counted."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from nlp_gitops.core.findings import Finding
from nlp_gitops.data.codes import ERROR, OFF

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
        if self.has_room(level):
            self.keep(Finding(code, message, severity=level, **place))
        else:
            self.counts[level, code] += 1

    def has_room(self, level: str) -> bool:
        """Say whether another finding of this level would be kept."""
        return level != OFF and len(self._kept[level]) < MAX_KEPT[level]

    def keep(self, finding: Finding) -> None:
        """Count a finding and keep it."""
        self.counts[finding.severity, finding.code] += 1
        self._kept[finding.severity].append(finding)

    def level(self, code: str) -> str:
        """Return `error`, `warning` or `off`."""
        return self._severities[code]

    def count(self, code: str) -> None:
        """Count one more finding that is not kept."""
        self.counts[self._severities[code], code] += 1

    @property
    def findings(self) -> list[Finding]:
        """Return what was kept, errors first, then by code; file order within a code."""
        return [finding for level in (ERROR, "warning")
                for finding in sorted(self._kept[level], key=lambda f: f.code)]

    def total(self, severity: str) -> int:
        """Return how many findings there were, also those not kept."""
        return sum(count for (level, _), count in self.counts.items() if level == severity)

    def by_code(self) -> dict[str, int]:
        """Return code -> number of findings, also those not kept."""
        found: Counter[str] = Counter()
        for (_, code), count in sorted(self.counts.items()):
            found[code] += count
        return dict(sorted(found.items()))
