"""A finding: one fault in a file, with its place and a way to fix it; shown as text and SARIF."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nlp_gitops.core import context
from nlp_gitops.core.files import write_json

MAX_SHOWN_VALUE = 60
# GitHub refuses more than 5,000 results in a run.
MAX_RESULTS = 5000


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `line` and `column` count from 1; None where they say nothing."""

    code: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    id: str | None = None
    field: str | None = None
    hint: str | None = None
    severity: str = "error"

    @property
    def place(self) -> str:
        """Return `file:line:column`, as far as known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)

    def as_text(self) -> str:
        """Return the line that a person reads."""
        where = f"{self.place}: " if self.file else ""
        who = f" (id {self.id})" if self.id else ""
        hint = f" -> {self.hint}" if self.hint else ""
        return f"{where}{self.severity} {self.code}{who}: {self.message}{hint}"

    def as_dict(self) -> dict[str, Any]:
        """Return the stable shape of `--json`."""
        return asdict(self)


def verdict(findings: Iterable[Finding]) -> str:
    """Return FAIL if any finding is an error, WARN if there are only warnings, else PASS."""
    severities = {finding.severity for finding in findings}
    if "error" in severities:
        return "FAIL"
    return "WARN" if severities else "PASS"


def show_value(value: object) -> str:
    """Return a value as one short printable line: cut, control characters escaped."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_VALUE else text[: MAX_SHOWN_VALUE - 1] + "…"


def print_findings(findings: Iterable[Finding], limit: int = 50) -> None:
    """Print findings, worst first; inside GitHub Actions also as annotations on the lines."""
    ranked = sorted(findings, key=lambda f: (f.severity != "error", f.code))
    for finding in ranked[:limit]:
        print(finding.as_text())
    if len(ranked) > limit:
        print(f"... and {len(ranked) - limit} more; all of them with --json")
    if context.in_workflow():
        for finding in ranked[:10]:
            print(annotation(finding))


def annotation(finding: Finding) -> str:
    """Return the workflow command that marks the line in a pull request."""
    properties = {"file": finding.file, "line": finding.line, "col": finding.column,
                  "title": finding.code}
    shown = ",".join(f"{key}={_escape(str(value), ':,')}"
                     for key, value in properties.items() if value)
    level = "error" if finding.severity == "error" else "warning"
    hint = f" -> {finding.hint}" if finding.hint else ""
    return f"::{level} {shown}::{_escape(finding.message + hint)}"


def _escape(text: str, more: str = "") -> str:
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def write_sarif(path: Path, tool: str, findings: Sequence[Finding]) -> None:
    """Write findings to a file, errors first, at most 5,000 of them."""
    write_json(path, sarif(tool, findings))


def sarif(tool: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return findings as SARIF, errors first, at most 5,000 of them."""
    ranked = sorted(findings, key=lambda finding: finding.severity != "error")[:MAX_RESULTS]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": tool, "rules": [
                {"id": code} for code in sorted({finding.code for finding in ranked})]}},
            "results": [_result(finding) for finding in ranked],
        }],
    }


def _result(finding: Finding) -> dict[str, Any]:
    hint = f" -> {finding.hint}" if finding.hint else ""
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": "error" if finding.severity == "error" else "warning",
        "message": {"text": finding.message + hint},
    }
    if finding.file:
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(Path(finding.file).as_posix())}}
        if finding.line:
            place["region"] = {"startLine": finding.line}
            if finding.column:
                place["region"]["startColumn"] = finding.column
        result["locations"] = [{"physicalLocation": place}]
    return result
