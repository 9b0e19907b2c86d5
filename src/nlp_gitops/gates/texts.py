"""Generated texts against a reference."""

import re
from typing import Any

_WORD = re.compile(r"\w+")


def rouge_l(reference: Any, answer: Any) -> float:
    """Return ROUGE-L F1 (Lin 2004) of two texts, 0 … 1: lower case words, no stemming.

    Two texts without a word are equal (1). Raises ValueError for anything that is no string.
    """
    if not isinstance(reference, str) or not isinstance(answer, str):
        raise ValueError("label and prediction must be strings for texts")
    one, other = (_WORD.findall(text.lower()) for text in (reference, answer))
    if not one and not other:
        return 1.0
    return 2 * common(one, other) / (len(one) + len(other))


def common(one: list[str], other: list[str]) -> int:
    """Return the length of the longest common subsequence (bit-parallel: Hyyrö 2004)."""
    places: dict[str, int] = {}
    for index, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << index
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        hits = row & places.get(word, 0)
        row = (row + hits | row - hits) & full
    return len(one) - row.bit_count()
