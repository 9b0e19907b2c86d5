"""Findings as SARIF 2.1.0, which GitHub's code scanning shows beside the lines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nlp_gitops.core.files import write_json
from nlp_gitops.core.findings import Finding

# GitHub refuses more than 5,000 results in a run.
MAX_RESULTS = 5000


def write(path: Path, tool: str, findings: Sequence[Finding]) -> None:
    """Write findings to a file, errors first, at most 5,000 of them."""
    write_json(path, document(tool, findings))


def document(tool: str, findings: Sequence[Finding]) -> dict[str, Any]:
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
