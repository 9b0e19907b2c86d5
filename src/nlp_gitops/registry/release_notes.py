"""The part of a release's text that tells of its promotion. It outlives every other change."""

import re

_BEGIN, _END = "<!-- promotion -->", "<!-- /promotion -->"
_BLOCK = re.compile(rf"{re.escape(_BEGIN)}\n.*?{re.escape(_END)}\n\n", re.DOTALL)
# The mark by which a release is found again must stay the last line.
_LAST = "<!-- model-registry archive="


def with_notes(text: str, notes: str) -> str:
    """Return a release's text with these notes in place of the old ones."""
    return _with_block(text, f"{_BEGIN}\n{notes.strip()}\n{_END}\n\n")


def kept(new: str, old: str) -> str:
    """Return a new text with the notes of the old one, if it has any."""
    found = _BLOCK.search(old.replace("\r\n", "\n"))
    return _with_block(new, found[0]) if found else new


def _with_block(text: str, block: str) -> str:
    text = _BLOCK.sub("", text.replace("\r\n", "\n"))
    head, mark, tail = text.rpartition(_LAST)
    return head + block + mark + tail if mark else f"{text.rstrip()}\n\n{block}"
