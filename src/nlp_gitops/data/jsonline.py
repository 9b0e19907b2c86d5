"""One JSON line to one row, strictly: no duplicate keys, no NaN, no deep nesting."""

import json
from typing import Any, NoReturn

MAX_DEPTH = 50

Row = dict[str, Any]


class LineFault(ValueError):
    """A line is no row: a finding's code and message."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def parse(line: bytes) -> Row:
    """Return the row that a line holds; raise LineFault."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise LineFault("D001", f"not UTF-8 at byte {error.start + 1} "
                        f"({line[error.start:error.start + 1].hex()})") from None
    try:
        value = _DECODER.decode(text)
    except LineFault:
        raise
    except RecursionError:
        raise LineFault("D001", _too_deep()) from None
    except ValueError as error:
        raise LineFault("D001", f"not JSON: {_reason(error)}") from None
    if not isinstance(value, dict):
        raise LineFault("D001", "a row must be a JSON object")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise LineFault("D001", _too_deep())
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        seen: set[str] = set()
        twin = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore
        raise LineFault("D002", f"key {twin[:60]!r} stands twice")
    return row


def _constant(name: str) -> NoReturn:
    raise LineFault("D001", f"{name} is not JSON; write null")


# The C scanner is used for both hooks.
_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "a number with too many digits"


def _too_deep() -> str:
    return f"nested deeper than {MAX_DEPTH} levels"


def _depth(value: Any) -> int:
    """Return how deep a value is nested, without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(item, dict):
            waiting.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            waiting.extend((child, depth + 1) for child in item)
    return deepest
