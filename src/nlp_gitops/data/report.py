"""The result of a data check, for people and as JSON."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from nlp_gitops.core.findings import Finding
from nlp_gitops.data.codes import TITLES
from nlp_gitops.data.quality import Summary

MAX_SHOWN = 50
MAX_SHOWN_OF_CODE = 10


@dataclass(frozen=True)
class VersionNote:
    """Which version the data should carry. `needed` is None where it was not checked."""

    declared: str
    needed: str | None
    reason: str


@dataclass(frozen=True)
class Report:
    """All that was found. `counts` maps code to the number of findings, also those not kept."""

    rows: int
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    errors: int
    warnings: int
    version: VersionNote | None
    splits: dict[str, Summary]
    test_sha256: str | None

    @property
    def exit_code(self) -> int:
        """Return 2 for a broken manifest, 1 for other errors, else 0."""
        return 2 if self.counts.get("D100") else 1 if self.errors else 0

    @property
    def verdict(self) -> str:
        """Return PASS, WARN or FAIL."""
        return "FAIL" if self.errors else "WARN" if self.warnings else "PASS"

    def as_dict(self) -> dict[str, Any]:
        """Return the stable shape of `--json`."""
        return {
            "verdict": self.verdict,
            "rows": self.rows,
            "findings": [finding.as_dict() for finding in self.findings],
            "counts": self.counts,
            "version": asdict(self.version) if self.version else None,
            "splits": {name: asdict(part) for name, part in self.splits.items()},
            "test_sha256": self.test_sha256,
        }

    def last_line(self) -> str:
        """Return `SCHEMA: PASS …`, the line that people and scripts look for."""
        found = [f"{count:,} {word}{'s' * (count != 1)}" for count, word in
                 ((self.errors, "error"), (self.warnings, "warning")) if count]
        if self.errors or self.warnings:
            return f"SCHEMA: {self.verdict} {', '.join(found)} in {self.rows:,} rows"
        return f"SCHEMA: PASS {self.rows:,} rows"

    def notes(self) -> list[str]:
        """Return what a person also wants to know: the version, and the rows of each split."""
        lines = []
        if self.version:
            needed = self.version.needed or "unknown"
            lines.append(f"version {self.version.declared}, needed {needed}: "
                         f"{self.version.reason}")
        if self.splits:
            lines.append("rows: " + ", ".join(f"{name} {part.rows:,}"
                                              for name, part in self.splits.items()))
        return lines

    def shown(self) -> tuple[list[Finding], list[str]]:
        """Return the findings that people see, worst first, and a line for each kind cut short."""
        taken: Counter[str] = Counter()
        chosen: list[Finding] = []
        for finding in self.findings:
            if taken[finding.code] < MAX_SHOWN_OF_CODE and len(chosen) < MAX_SHOWN:
                taken[finding.code] += 1
                chosen.append(finding)
        cut = [f"... and {count - taken[code]:,} more {code} ({TITLES[code]})"
               for code, count in sorted(self.counts.items()) if count > taken[code]]
        return chosen, cut
