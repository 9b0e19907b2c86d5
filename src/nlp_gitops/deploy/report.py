"""What a deploy tells: plain lines, a JSON report, and the job summary inside GitHub Actions."""

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nlp_gitops.core import context, files
from nlp_gitops.deploy.canary import Judged
from nlp_gitops.deploy.judge import KINDS, Decision
from nlp_gitops.reporting.markdown import escape

DEPLOY_SCHEMA = "nlp-gitops/deploy/1"
CANARY_SCHEMA = "nlp-gitops/canary/1"
DRILL_SCHEMA = "nlp-gitops/drill/1"
EXIT_CODES = {"PASS": 0, "FAIL": 1, "NOT_MEASURED": 3, "INCONCLUSIVE": 4}


def now() -> str:
    """Return the present time in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def judged_record(judged: Judged) -> dict[str, Any]:
    """Return how a canary ended as plain data."""
    return {"verdict": judged.verdict, "why": judged.why, "looks": judged.looks,
            "seconds": round(judged.seconds, 1), "weight": judged.reached_weight,
            "back_seconds": round(judged.back_seconds, 2), **decision_record(judged.decision)}


def decision_record(decision: Decision | None) -> dict[str, Any]:
    """Return the counts behind a decision as plain data."""
    return {"kinds": [{
        "kind": row.kind, "champion": {"bad": row.champion[0], "answers": row.champion[1]},
        "candidate": {"bad": row.candidate[0], "answers": row.candidate[1]},
        "e_value": float(f"{row.e_value:.4g}"), "upper_difference": round(row.upper, 5),
        "margin": row.margin} for row in (decision.rows if decision else ())],
        "warnings": list(decision.warnings) if decision else []}


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the end of a report for people; the steps were told as they happened."""
    found = [f"{item['kind']:<8} candidate {_share(item['candidate'])}   "
             f"champion {_share(item['champion'])}   e-value {item['e_value']:g}"
             for item in (report.get("canary") or {}).get("kinds", ())]
    found += [f"to look at: {text}" for text in (report.get("canary") or {}).get("warnings", ())]
    found += [f"{name:<8} {text}" for name, text in _shadow_lines(report.get("shadow"))]
    traffic = report.get("traffic")
    if traffic:
        found.append(f"rehearsal traffic: {traffic['answered']} answered, "
                     f"{traffic['failed']} failed")
    word = "REHEARSAL" if report["rehearsal"] else "DEPLOY"
    return [*found, f"{word}: {report['verdict']}: {report['why']}"]


def _shadow_lines(shadow: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return what a shadow adds: how often the labels differ, and how fast both sides are."""
    if not shadow:
        return []
    differ = [f"{_share({'bad': side['differing'], 'answers': side['texts']})} {where}"
              for side, where in ((shadow["live"], "live"),
                                  (shadow["test_split"], "of the test split"))]
    times = [f"{who} " + ", ".join(f"{name} {value:g}" for name, value in values.items())
             for who, values in shadow["latency_ms"].items() if values]
    return [("differs", f"{', '.join(differ)}; up to {shadow['limit']:.1%} live is tolerated"),
            ("ms", "   ".join(times) or "no answers")]


def _share(side: Mapping[str, int]) -> str:
    percent = f" ({side['bad'] / side['answers']:.2%})" if side["answers"] else ""
    return f"{side['bad']} of {side['answers']}{percent}"


def markdown(report: Mapping[str, Any]) -> str:
    """Return the report for the job summary."""
    what = "Rehearsal, nothing is deployed" if report["rehearsal"] else "Deploy"
    text = [f"### {what}: {report['environment']}: {report['verdict']}", "",
            escape(report["why"]), "", "| | |", "|---|---|"]
    for name, key in (("candidate", "candidate"), ("champion", "champion"),
                      ("has the traffic", "serving")):
        text.append(f"| {name} | {escape(str(report.get(key) or '–'))} |")
    kinds = (report.get("canary") or {}).get("kinds", ())
    if kinds:
        text += ["", "| | candidate | champion | e-value |", "|---|---|---|---|"]
        text += [f"| {KINDS[item['kind']]} | {_share(item['candidate'])} | "
                 f"{_share(item['champion'])} | {item['e_value']:g} |" for item in kinds]
    text += ["", *(f"- {name}: {escape(line)}"
                   for name, line in _shadow_lines(report.get("shadow")))]
    text += ["", *(f"- {escape(step)}" for step in report["steps"]), ""]
    return "\n".join(text)


def publish(report: Mapping[str, Any], path: Path, evidence: Path | None) -> None:
    """Write the JSON report, the canary's evidence, and the job summary where there is one.

    Every report is also kept in `deploys/` beside it: an incident's time line is made from them.
    """
    files.write_json(path, report)
    moment = datetime.fromisoformat(report["ended"]).strftime("%Y%m%d-%H%M%SZ")
    files.write_json(path.parent / "deploys" / f"{moment}-{report['environment']}.json", report)
    if evidence:
        files.write_json(evidence, {**report, "schema": CANARY_SCHEMA})
    context.summarize(markdown(report))
