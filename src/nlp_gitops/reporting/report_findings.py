"""A report's gates that did not pass, as findings: for SARIF and annotations in a pull request."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nlp_gitops.core import sarif
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.files import sha256_text
from nlp_gitops.core.findings import Finding, annotation
from nlp_gitops.reporting import report_words as words
from nlp_gitops.reporting.report_parts import Gate, View

# GitHub shows this many of each level for one step and drops the others silently.
MAX_ANNOTATIONS = 10
GATES = "gates.yaml"


def findings(report: View, lines: Mapping[str, int] | None = None,
             file: str = GATES) -> list[Finding]:
    """Return a finding for each gate that did not pass, worst first; `lines` of `file` by id."""
    return [_finding(gate, (lines or {}).get(gate.id), file) for gate in report.gates
            if gate.verdict != "PASS"]


def gate_lines(path: Path, report: View) -> dict[str, int]:
    """Return each gate's line in gates.yaml; nothing if the report judged by another file."""
    # It brings jsonschema, which takes longer to import than all of rendering.
    from nlp_gitops.core import yamlfile

    try:
        text = yamlfile.read_text(path)
        if sha256_text(text) != report.lineage.get("gates_sha256"):
            return {}
        document = yamlfile.parse(text, path)
        return {gate["id"]: document.position(("gates", number, "id"))[0]
                for number, gate in enumerate(document.value["gates"])}
    except (UsageError, KeyError, TypeError):
        return {}


def to_sarif(report: View, lines: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Return the failed gates as a SARIF document."""
    return sarif.document("eval_gate", findings(report, lines))


def annotations(report: View, lines: Mapping[str, int] | None = None,
                file: str = GATES) -> list[str]:
    """Return workflow commands: at most ten errors and ten warnings, and how many are left."""
    shown, left = [], 0
    found = findings(report, lines, file)
    for severity in ("error", "warning"):
        level = [finding for finding in found if finding.severity == severity]
        shown += [annotation(finding) for finding in level[:MAX_ANNOTATIONS]]
        left += max(0, len(level) - MAX_ANNOTATIONS)
    more = f"::notice title=eval_gate::and {left:,} more gates that did not pass; see the report"
    return [*shown, more] if left else shown


def _finding(gate: Gate, line: int | None, file: str) -> Finding:
    waived = ""
    if gate.waiver and gate.waived:
        waived = (f" (waived until {gate.waiver.until} by {gate.waiver.approver}: "
                  f"{gate.waiver.reason})")
    reason = gate.reason or f"{words.metric(gate.metric)} of {words.where(gate)}"
    return Finding(code=gate.id, file=file, line=line,
                   message=f"{words.verdict(gate.verdict)}: {reason}{waived}",
                   hint=f"why this rule: {gate.why}" if gate.why else None,
                   severity="error" if gate.blocks else "warning")
