"""Labelled spans of a text, compared one to one."""

from collections.abc import Mapping, Sequence
from typing import Any

Span = tuple[int, int, str]


def count(gold: Any, predicted: Any) -> tuple[int, int, int, int]:
    """Return (exact, partial, gold, predicted) for one row.

    Spans are `{"start", "end", "label"}`. Exact: same borders and label. Partial: of the rest, same
    label and overlapping, matched left to right, each span at most once. Raises ValueError for
    anything that is no list of spans.
    """
    left, right = _spans(gold), _spans(predicted)
    same = left & right
    return len(same), _overlaps(sorted(left - same), sorted(right - same)), len(left), len(right)


def _overlaps(gold: Sequence[Span], predicted: Sequence[Span]) -> int:
    found = 0
    for label in {span[2] for span in gold}:
        ones = [span for span in gold if span[2] == label]
        others = [span for span in predicted if span[2] == label]
        i = j = 0
        while i < len(ones) and j < len(others):
            if ones[i][0] < others[j][1] and others[j][0] < ones[i][1]:
                found, i, j = found + 1, i + 1, j + 1
            elif ones[i][1] <= others[j][0]:
                i += 1
            else:
                j += 1
    return found


def _spans(value: Any) -> set[Span]:
    if not isinstance(value, list):
        raise ValueError("label and prediction must be lists of spans")
    return {_span(item) for item in value}


def _span(item: Any) -> Span:
    if isinstance(item, Mapping) and {"start", "end", "label"} <= item.keys():
        start, end, label = item["start"], item["end"], item["label"]
        if isinstance(start, int) and isinstance(end, int) and isinstance(label, str):
            return start, end, label
    raise ValueError(f"not a span with start, end and label: {str(item)[:60]}")
