"""Finding codes of the data check: what each one means, and how serious it is by default.

`quality_checks: severity: {D032: off}` in the manifest changes the level of those in JUDGEMENTS.
"""

from collections.abc import Mapping
from typing import Any

ERROR, WARNING, OFF = "error", "warning", "off"

TITLES = {
    "D001": "not a row: not JSON, not UTF-8, damaged, or nested too deeply",
    "D002": "a key or column stands twice",
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
    "D020": "an id stands twice",
    "D021": "the same text and label stand twice",
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


def severities(checks: Mapping[str, Any]) -> dict[str, str]:
    """Return code -> `error`, `warning` or `off` as a manifest's quality checks want it."""
    levels = {code: WARNING if code in _WARNINGS else ERROR for code in TITLES}
    levels["D060"] = LEVELS[checks.get("pii", "off")]
    for code, level in (checks.get("severity") or {}).items():
        levels[code] = LEVELS[level]
    return levels
