"""Dealing tests out to workers: single ones, and as one what shares a long preparation.

xdist 3.8 has `loadgroup` for this. It adds a group's name to the id of a test, which pytest 9.2
ignores (pytest-dev/pytest-xdist#1386); with a newer xdist this module can go.
"""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[2]


class Groups(LoadScopeScheduling):
    """Keeps on one worker what the `pytestmark` of modules puts into one `xdist_group`."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0]) or nodeid


@cache
def group_of(module: str) -> str | None:
    """Return the group of a module, which is named by its path in this repository."""
    text = (ROOT / module).read_text(encoding="utf-8")
    marks = re.search(r"^pytestmark = (?s:.*?)(?:\n\n|\Z)", text, re.MULTILINE)
    found = marks and re.search(r"\bxdist_group\(\"(.+?)\"\)", marks[0])
    return found[1] if found else None
