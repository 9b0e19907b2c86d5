"""Calibration: how large do effects get in weeks that were fine, and how often would we cry wolf?

Every past week is compared with the others, as the weekly report would have done.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nlp_gitops.core import files
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.drift.inputs import Days
from nlp_gitops.drift.judge import BOUNDS, Rules, compare
from nlp_gitops.drift.profile import Profile, merge

CERTIFICATE_SCHEMA = "nlp-gitops/drift-calibration/1"
WEEKS = 8
LEAST_WEEKS = 5
# A bound is so much above the largest effect of a fine week …
MARGIN = 1.5
# … and never below this share of the general bound, since differences of chance mean nothing.
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Certificate:
    """What past weeks showed. `bounds` replace the general ones as long as the layout is the same.
    """

    layout: str
    created: str
    first: str
    last: str
    weeks: int
    rows: int
    alpha: float
    unit: str
    tests: int
    weeks_with_warning: int
    weeks_with_alert: int
    largest: Mapping[str, float]
    bounds: Mapping[str, float]

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"schema": CERTIFICATE_SCHEMA, **asdict(self)}


def calibrate(profile: Profile, days: Days, rules: Rules, weeks: int = WEEKS) -> Certificate:
    """Return the certificate of the last whole weeks of a log; raise NotMeasured if too few.

    A week is judged against all the other ones; `weeks_with_alert` counts alarms by the general
    bounds of `rules`, which are false if the weeks were fine.
    """
    end = days.hours[1]
    starts = [end - 168 * (number + 1) for number in range(weeks)]
    parts = [profile.between(start, start + 168) for start in starts]
    parts = [part for part in parts if part.total()[0] >= rules.least]
    if len(parts) < LEAST_WEEKS:
        raise NotMeasured(f"{len(parts)} weeks with {rules.least:,} lines or more up to "
                          f"{days.last}; calibration needs {LEAST_WEEKS}, better {WEEKS}")
    warned = alerted = 0
    largest: dict[str, float] = {}
    for place, week in enumerate(parts):
        others = [part for number, part in enumerate(parts) if number != place]
        rest = others[0]
        for more in others[1:]:
            rest = Profile(rest.layout, merge(rest, more).blocks, profile.moments, profile.terms)
        judged = compare(rest, week, rules)
        verdicts = [signal["verdict"] for signals in judged.slices.values()
                    for signal in signals.values()]
        warned += any(verdict in ("WARN", "ALERT", "CRITICAL") for verdict in verdicts)
        alerted += any(verdict in ("ALERT", "CRITICAL") for verdict in verdicts)
        for signals in judged.slices.values():
            for name, signal in signals.items():
                if "value" in signal:
                    largest[name] = max(largest.get(name, 0.0), signal["value"])
    return Certificate(
        profile.layout.sha256, datetime.now(timezone.utc).isoformat(timespec="seconds"),
        str(days.first), str(days.last), len(parts), int(sum(part.total()[0] for part in parts)),
        rules.alpha, judged.unit, judged.tests, warned, alerted, largest,
        {name: max(MARGIN * value, LEAST_SHARE * (BOUNDS[name] or 0))
         for name, value in largest.items()})


def write(path: Path, certificate: Certificate) -> None:
    """Write a certificate; commit it, so that the weekly report finds it."""
    files.write_json(path, certificate.record())


def load(path: Path, layout: str) -> Certificate | None:
    """Return the certificate of a layout; None without one, or of another model version's."""
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value.pop("schema") != CERTIFICATE_SCHEMA:
            raise ValueError("another form")
        found = Certificate(**value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: this is no calibration certificate ({error}); write it again: "
                         "python tools/drift_report.py calibrate --current LOGS") from None
    return found if found.layout == layout else None
