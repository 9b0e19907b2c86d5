"""Slices: named parts of the test rows, so that a good average hides nothing."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops.dataset.rows import Row

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "lt": operator.lt, "le": operator.le, "ge": operator.ge, "gt": operator.gt}


def members(spec: Mapping[str, Any], name: str, rows: Sequence[Row]) -> dict[str, list[int]]:
    """Return slice name -> indexes of its rows; `by` gives one slice for each value."""
    kind, rule = next(iter(spec.items()))
    if kind == "by":
        parts: dict[str, list[int]] = {}
        for index, row in enumerate(rows):
            if row.get(rule) is not None:
                parts.setdefault(f"{name}={row[rule]}", []).append(index)
        return dict(sorted(parts.items()))
    belongs = _predicate(kind, rule)
    return {name: [index for index, row in enumerate(rows) if belongs(row)]}


def _predicate(kind: str, rule: Mapping[str, Any]) -> Callable[[Row], bool]:
    if kind == "where":
        return lambda row: all(row.get(field) == value for field, value in rule.items())
    size = (lambda text: len(text)) if kind == "chars" else (lambda text: len(text.split()))
    return lambda row: all(_COMPARE[name](size(row["text"]), bound)
                           for name, bound in rule.items())
