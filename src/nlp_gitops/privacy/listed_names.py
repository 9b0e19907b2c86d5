"""Names from a list: people, places or whatever else has no shape of its own.

The list is a text file with one name per line, of one or several words; case does not matter.
"""

import re
from pathlib import Path

from nlp_gitops.core.errors import UsageError

Names = frozenset[tuple[str, ...]]
_WORD = re.compile(r"\w+(?:['’-]\w+)*")


def read(path: Path) -> Names:
    """Return the names of a list; raise UsageError if there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the list of names cannot be read: {error}; see privacy.names "
                         "in project.yaml") from None
    return frozenset(words for words in (tuple(_WORD.findall(line.casefold())) for line in lines)
                     if words)


def spans(text: str, names: Names) -> list[tuple[int, int]]:
    """Return where names stand in a text, from left to right, the longest one at each place."""
    words = [(match.start(), match.end()) for match in _WORD.finditer(text)]
    longest, place, found = max(map(len, names), default=0), 0, []
    while place < len(words):
        for size in range(min(longest, len(words) - place), 0, -1):
            here = words[place:place + size]
            if tuple(text[begin:end].casefold() for begin, end in here) in names:
                found.append((here[0][0], here[-1][1]))
                place += size - 1
                break
        place += 1
    return found
