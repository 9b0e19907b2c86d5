"""How a promotion on GitHub ended, from the results of its jobs and the reports that they left."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import UsageError, UserError
from nlp_gitops.reporting.output import read_report
from nlp_gitops.reporting.report import view

_NO_REPORT = "no report was left; the reason is in the log of the run"
CANARY, DEPLOY = "canary.json", "deploy-production.json"
REFUSAL = "refusal.json"
STEPS = ("judge", "canary", "ledger", "traffic")


@dataclass(frozen=True)
class Ended:
    """How a promotion ended. `word` is promoted, refused, or rolled back."""

    word: str
    why: str

    @property
    def is_good(self) -> bool:
        """Say whether the version is in production now."""
        return self.word == "promoted"


def ended(jobs: Mapping[str, str], evidence: Path) -> Ended:
    """Return how it ended, from the jobs' results and the reports that they left."""
    failed = next((name for name in STEPS if jobs.get(name) != "success"), None)
    if failed is None:
        return Ended("promoted", "all gates and the canary passed")
    if jobs.get(failed) == "cancelled":
        return Ended("rolled back" if failed == "traffic" else "refused", "the run was cancelled")
    if failed == "judge":
        return Ended("refused", _refusal(evidence / "gate"))
    if failed == "canary":
        return Ended("refused", "canary: " + _said(evidence / "production" / CANARY))
    if failed == "ledger":
        return Ended("refused", "the registry changed meanwhile or refused the step; its line is "
                     "in the log of the run")
    return Ended("rolled back", "deployment: " + _said(evidence / "production" / DEPLOY))


def condemned(jobs: Mapping[str, str], evidence: Path) -> bytes | None:
    """Return the canary's report if it found the version worse; None if it found out nothing."""
    found = _read(evidence / "production" / CANARY)
    if jobs.get("canary") != "failure" or found is None or found.get("verdict") != "FAIL":
        return None
    return (evidence / "production" / CANARY).read_bytes()


def is_incident(jobs: Mapping[str, str]) -> bool:
    """Say whether a version that had traffic, or was to have it, did not do what it should."""
    return "failure" in (jobs.get("canary"), jobs.get("traffic"))


def results(text: str) -> dict[str, str]:
    """Read the workflow's `toJSON(needs)`: the first job's result, the steps of the second.

    Raises UsageError if it is something else.
    """
    try:
        needs = json.loads(text)
        steps = needs["production"].get("outputs") or {}
        return {"judge": str(needs["judge"]["result"]),
                **{name: str(steps.get(name) or "skipped") for name in STEPS[1:]}}
    except (ValueError, AttributeError, KeyError, TypeError):
        raise UsageError("--jobs takes the workflow's toJSON(needs)") from None


def evidence_rows(evidence: Path) -> list[tuple[str, str]]:
    """Return what was measured: one row for each report that there is."""
    rows = []
    gate = _gate(evidence / "gate" / "report.json")
    if gate:
        rows.append(("gates", gate))
    for name, file in (("canary", CANARY), ("all traffic", DEPLOY)):
        found = _read(evidence / "production" / file)
        if found:
            kind = "rehearsal" if found.get("rehearsal") else "live"
            rows.append((f"{name} ({kind})", f"{found.get('verdict')}: {found.get('why')}"))
    return rows


def _refusal(folder: Path) -> str:
    early = _read(folder / REFUSAL)
    return str(early["why"]) if early else "gates: " + (_gate(folder / "report.json") or _NO_REPORT)


def _gate(path: Path) -> str | None:
    try:
        found = view(read_report(path))
    except (OSError, UserError):
        return None
    return f"{found.verdict}: {found.headline}"


def _said(path: Path) -> str:
    found = _read(path)
    return str(found["why"]) if found and found.get("why") else _NO_REPORT


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
