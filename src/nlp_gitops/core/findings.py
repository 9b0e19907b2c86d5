"""A finding: one fault in a file, with the place and a way to mend it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from nlp_gitops.core import context

MAX_SHOWN_VALUE = 60


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
