"""Documents that must not drift from the code."""

import re

from conftest import TEMPLATE


def test_every_finding_code_is_documented():
    used = set()
    for path in (TEMPLATE / "mlops").rglob("*.py"):
        used |= set(re.findall(r'"([DP]\d{3})"', path.read_text(encoding="utf-8")))
    listed = set(re.findall(r"^\| ([DP]\d{3}) \|", (TEMPLATE / "docs" / "findings.md").read_text(
        encoding="utf-8"), re.MULTILINE))

    assert used == listed
