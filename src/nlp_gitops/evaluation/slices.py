"""Slices: named parts of the test rows, so that a good average hides nothing."""

import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nlp_gitops.core.errors import NotMeasured

Row = Mapping[str, Any]

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "lt": operator.lt, "le": operator.le, "ge": operator.ge, "gt": operator.gt}


def members(spec: Mapping[str, Any], name: str, rows: Sequence[Row]) -> dict[str, list[int]]:
    """Return slice name -> indexes of its rows; `by` gives one slice for each value.

    With `all`, a row must be in every part; a `by` among the parts still gives one slice a value.
    Raises NotMeasured where a rule needs a text that the rows do not carry.
    """
    if "all" in spec:
        return _together([members(part, name, rows) for part in spec["all"]], name)
    kind, rule = next(iter(spec.items()))
    if kind == "by":
        parts: dict[str, list[int]] = {}
        for index, row in enumerate(rows):
            if row.get(rule) is not None:
                parts.setdefault(f"{name}={row[rule]}", []).append(index)
        return dict(sorted(parts.items()))
    try:
        if kind in ("chars", "words"):
            return {name: _of_size(kind, rule, rows)}
        belongs = _predicate(kind, rule, rows)
        return {name: [index for index, row in enumerate(rows) if belongs(row)]}
    except (KeyError, TypeError):
        raise NotMeasured(f"slice {name} needs the field {spec.get('field', 'text')!r} as a text "
                          "in every row") from None


def fields(spec: Mapping[str, Any]) -> set[str]:
    """Return which fields of a row a slice looks at."""
    if "all" in spec:
        return set().union(*(fields(part) for part in spec["all"]))
    kind, rule = next(iter(spec.items()))
    if kind == "where":
        return set(rule)
    if kind == "regex":
        return {rule.get("field", "text") if isinstance(rule, Mapping) else "text"}
    return {rule} if kind == "by" else set() if kind == "rare" else {"text"}


def _together(parts: Sequence[Mapping[str, list[int]]], name: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = dict(parts[0])
    for part in parts[1:]:
        found = {_joined(one, other, name): sorted(set(found[one]) & set(part[other]))
                 for one in found for other in part}
    return {key: indexes for key, indexes in found.items() if indexes or key == name}


def _joined(one: str, other: str, name: str) -> str:
    """Name a combination: `name`, with `=value` of each `by` in it."""
    return name + one.removeprefix(name) + other.removeprefix(name)


def _predicate(kind: str, rule: Any, rows: Sequence[Row]) -> Callable[[Row], bool]:
    if kind == "where":
        return lambda row: all(row.get(field) == value for field, value in rule.items())
    if kind == "rare":
        rare = _rare(rule["below"], rows)
        return lambda row: str(row["label"]) in rare
    field, pattern = (rule.get("field", "text"), rule["match"]) if isinstance(
        rule, Mapping) else ("text", rule)
    found = re.compile(pattern).search
    return lambda row: found(row[field]) is not None


def _of_size(kind: str, rule: Mapping[str, int], rows: Sequence[Row]) -> list[int]:
    """Return the indexes of rows whose text has a number of characters or words."""
    sizes = [len(row["text"] if kind == "chars" else row["text"].split()) for row in rows]
    kept = list(range(len(rows)))
    for name, bound in rule.items():
        compare = _COMPARE[name]
        kept = [index for index in kept if compare(sizes[index], bound)]
    return kept


def _rare(below: float, rows: Sequence[Row]) -> set[str]:
    """Return the labels that fewer than this share of the rows have."""
    counts = Counter(str(row["label"]) for row in rows)
    return {label for label, number in counts.items() if number < below * len(rows)}
