"""Documents that must not drift from the code."""

import re
import struct

from baking import ROOT, TEMPLATE


def test_every_finding_code_is_documented():
    used = set()
    for path in (TEMPLATE / "nlp_gitops").rglob("*.py"):
        used |= set(re.findall(r'"([DP]\d{3})"', path.read_text(encoding="utf-8")))
    listed = set(re.findall(r"^\| ([DP]\d{3}) \|", (TEMPLATE / "docs" / "findings.md").read_text(
        encoding="utf-8"), re.MULTILINE))

    assert used == listed


def test_the_pictures_of_the_readme_are_those_that_the_script_takes():
    shown = re.findall(r"!\[([^]]+)\]\(docs/pictures/([^)]+)\)", (ROOT / "README.md").read_text())
    script = (ROOT / "scripts" / "pictures.py").read_text()

    assert len(shown) == 2 and all(len(text) > 40 for text, _ in shown)
    assert {name for _, name in shown} == {
        path.name for path in (ROOT / "docs" / "pictures").iterdir()}
    for _, name in shown:
        data = (ROOT / "docs" / "pictures" / name).read_bytes()
        assert f'"{name}": PROJECT' in script and len(data) < 200_000
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", data[16:24]) == (1200, 900)
