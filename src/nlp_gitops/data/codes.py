"""Finding codes of the data check, how serious each is, and a bound on how many are kept.

`quality_checks: severity: {D032: off}` in the manifest changes the level of those in JUDGEMENTS.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from nlp_gitops.core.findings import Finding

ERROR, WARNING, OFF = "error", "warning", "off"

TITLES = {
    "D001": "not a row: not JSON, not UTF-8, damaged, or nested too deeply",
    "D002": "a duplicate key or column",
    "D003": "byte order mark or empty lines",
    "D004": "a line is too long",
    "D010": "a field is missing",
    "D011": "wrong type, judged strictly",
    "D012": "null in a field that is not nullable",
    "D013": "empty or white space only",
    "D014": "value not in the enum",
    "D015": "field not in the schema",
    "D016": "a span lies outside its text",
    "D017": "shorter than min_length or longer than max_length",
    "D018": "does not match its pattern",
    "D020": "a duplicate id",
    "D021": "a duplicate row: the same text and label",
    "D022": "the same text with different labels",
    "D030": "the same text in two splits",
    "D031": "the same text in two splits but for case, width or white space",
    "D032": "nearly the same text in two splits",
    "D033": "a group lies in more than one split",
    "D040": "fewer rows than min_rows",
    "D041": "more rows without text than max_null_text_pct",
    "D042": "a split's share is not the declared one",
    "D043": "a label is absent from a split",
    "D044": "labels are distributed differently in two splits",
    "D045": "more duplicates than max_duplicate_pct",
    "D046": "a label has fewer rows than min_rows_per_label",
    "D047": "a label has a larger share than max_label_share",
    "D048": "a split has no rows",
    "D050": "a text is far longer than the others",
    "D051": "control characters, U+FFFD or wrongly decoded text",
    "D052": "a text is longer than max_length",
    "D060": "personal data or a secret",
    "D070": "the test split is not the pinned one",
    "D071": "the test split is not pinned",
    "D080": "the version is not bumped enough",
    "D081": "the version bump was not checked",
    "D090": "no licence",
    "D091": "unknown licence or language",
    "D092": "the card is out of step",
    "D100": "the manifest is not valid",
}

_WARNINGS = {"D003", "D015", "D021", "D032", "D042", "D043", "D044", "D050", "D051", "D071",
             "D081", "D090", "D092"}

# Matters of judgement, which a team may weigh otherwise. The rest are faults in any dataset.
JUDGEMENTS = ("D003", "D015", "D021", "D022", "D030", "D031", "D032", "D033", "D042", "D043",
              "D044", "D050", "D051", "D060", "D090", "D092")

LEVELS = {"off": OFF, False: OFF, "warn": WARNING, "fail": ERROR}
MAX_KEPT = {"error": 8_000, "warning": 2_000}


def severities(checks: Mapping[str, Any]) -> dict[str, str]:
    """Return code -> `error`, `warning` or `off` as a manifest's quality checks want it."""
    levels = {code: WARNING if code in _WARNINGS else ERROR for code in TITLES}
    levels["D060"] = LEVELS[checks.get("pii", "off")]
    for code, level in (checks.get("severity") or {}).items():
        levels[code] = LEVELS[level]
    return levels


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
