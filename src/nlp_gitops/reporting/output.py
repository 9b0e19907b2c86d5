"""Where reports go: files, the job summary, annotations. And how one is read back."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlp_gitops.core import context, files
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.files import sha256_text
from nlp_gitops.core.findings import Finding, annotation, sarif, write_sarif
from nlp_gitops.privacy.sensitive import mask
from nlp_gitops.reporting import markdown
from nlp_gitops.reporting import phrases as words
from nlp_gitops.reporting.html_page import html_page
from nlp_gitops.reporting.report import REPORT_SCHEMA, TEXT, Gate, View, shown, view

# GitHub shows this many of each level for one step and drops the others silently.
MAX_ANNOTATIONS = 10
GATES = "gates.yaml"
MAX_BYTES = 50_000_000
# GitHub drops a step's whole summary when it is larger than 1 MiB.
SUMMARY_ROOM = markdown.SUMMARY_BYTES
LEAST_SUMMARY = 2_000


def write_all(report: Mapping[str, Any], folders: Sequence[Path], predictions: Iterable[str] = (),
              sarif_file: Path | None = None, gates_file: Path | None = None) -> None:
    """Write report.json, .md and .html, and predictions.jsonl if there are any, to each folder.

    `predictions` are lines without their end. `gates_file` gives SARIF its line numbers.
    """
    report = publishable(report)
    parts = view(report)
    texts = {"report.md": markdown.render(parts), "report.html": html_page(parts)}
    lines = "".join(f"{line}\n" for line in predictions)
    if lines:
        texts["predictions.jsonl"] = lines
    for folder in folders:
        files.write_json(folder / "report.json", report)
        for name, text in texts.items():
            files.write_atomic(folder / name, text)
    if sarif_file:
        write_sarif(sarif_file, "eval_gate", findings(parts, *_places(gates_file, parts)))


def publishable(report: Mapping[str, Any],
                masked: Callable[[str], str] = mask) -> dict[str, Any]:
    """Return the report as strict JSON allows, without personal data, its rows' texts cut."""
    # The lineage names the model's owner on purpose.
    clean = {key: _clean(part, (lambda text: text) if key == "lineage" else masked)
             for key, part in report.items()}
    changed = clean.get("changed_rows") or {}
    for row in [*changed.get("broken", ()), *changed.get("fixed", ())]:
        row["text"] = shown(row.get("text"), TEXT)
    return clean


def _clean(value: Any, masked: Callable[[str], str]) -> Any:
    """Return plain data without NaN, infinities and halves of characters."""
    if isinstance(value, Mapping):
        return {_clean(str(key), masked): _clean(part, masked) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(part, masked) for part in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, str):
        return masked(value.encode("utf-8", "replace").decode())
    return value


def to_job_summary(report: Mapping[str, Any]) -> None:
    """Append the Markdown report to the job summary, where there is one and room in it."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    path = Path(name)
    room = SUMMARY_ROOM - (path.stat().st_size if path.exists() else 0)
    if room >= LEAST_SUMMARY:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(markdown.render(view(report), room - 1) + "\n")


def print_annotations(report: Mapping[str, Any], gates_file: Path | None = None) -> None:
    """Mark the gates that did not pass in the pull request, inside GitHub Actions only."""
    if context.in_workflow():
        parts = view(report)
        for line in annotations(parts, *_places(gates_file, parts)):
            print(line)


def _places(gates_file: Path | None, parts: View) -> tuple[dict[str, int], str]:
    """Return each gate's line, and the file in which it is."""
    if gates_file is None:
        return {}, GATES
    return gate_lines(gates_file, parts), os.path.relpath(gates_file)


def read_json(path: Path) -> object:
    """Return a file's JSON; raise UsageError without. The file may come from a stranger's fork."""
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"{path}: larger than {MAX_BYTES:,} bytes; not a report")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}") from None


def read_report(path: Path) -> dict[str, Any]:
    """Return a gate's report.json; raise UsageError if it is something else."""
    value = read_json(path)
    if not isinstance(value, dict) or value.get("schema") != REPORT_SCHEMA:
        raise UsageError(f"{path}: not a report.json of this version ({REPORT_SCHEMA}); "
                         "write it again: python tools/eval_gate.py")
    return value


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
    return sarif("eval_gate", findings(report, lines))


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
