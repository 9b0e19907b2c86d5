"""What can be wrong inside a text: odd characters, and personal data or secrets."""

import re
import unicodedata

from nlp_gitops.privacy import sensitive

# C0 controls but tab and line ends, DEL, C1 controls, U+FFFD; or UTF-8 that was read as Latin-1
# or Windows-1252 and saved again.
_ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]"
    "|[\u00c2\u00c3][\u0080-\u00bf\u0192\u02c6\u02dc\u0152\u0153\u0160\u0161\u0178\u017d\u017e"
    "\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2020\u2021\u2022\u2026\u2030\u2039\u203a"
    "\u20ac\u2122]"
    "|\u00e2\u20ac[\u0080-\u00bf\u2019\u201c\u201d\u2122\u0153\u02dc\u00a6\u00a2]")
_MAYBE_PERSONAL = re.compile(r"@|\d[\d ()./-]{6}|sk-|gh[opsur]_|github_pat_|glpat-|AKIA|ASIA|AIza"
                             r"|xox[abprs]-|hf_|-----BEGIN")
MAX_SCANNED = 100_000


def oddity(text: str) -> tuple[str, str | None] | None:
    """Return (message, hint) about the first odd character, or None."""
    match = _ODD.search(text)
    if not match:
        return None
    found, place = match[0], f"at character {match.start() + 1:,}"
    if found == "\ufffd":
        return (f"text holds U+FFFD {place}: a character was lost before the row was written",
                "take the text from its source again")
    if len(found) > 1:
        return (f"text looks wrongly decoded {place}: {found!r}",
                "it was UTF-8 read as another encoding; fix it with Python: "
                "text.encode('cp1252').decode()")
    name = unicodedata.name(found, f"U+{ord(found):04X}")
    return f"text holds the control character {name} {place}", "remove it"


def personal(text: str) -> str | None:
    """Return what kind of personal data or secret a text holds, with its beginning; or None."""
    if not _MAYBE_PERSONAL.search(text):
        return None
    for hit in sensitive.scan(text[:MAX_SCANNED]):
        return f"{hit.kind}: {hit.shown}"
    return None


def folded(text: str) -> str:
    """Return a text without differences of case, width and white space (NFKC, casefold)."""
    return " ".join(folded_words(text))


def folded_words(text: str) -> list[str]:
    """Return the words of a text without differences of case and width."""
    return (text.lower() if text.isascii()
            else unicodedata.normalize("NFKC", text).casefold()).split()
