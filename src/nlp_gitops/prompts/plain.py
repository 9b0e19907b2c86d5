"""Values that JSON can hold and every tool reads alike."""

import json
import math
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 50
MAX_INTEGER = 2**53

Keys = tuple[str | int, ...]


def oddity(value: Any) -> tuple[Keys, str] | None:
    """Return (keys, reason) of the first value that is not plain JSON; None if all are.

    Not plain: dates, bytes and sets of YAML, keys that are no text, NaN and infinity, integers
    beyond 2**53, half characters (lone surrogates), and nesting deeper than 50 levels.
    """
    waiting: list[tuple[Keys, Any]] = [((), value)]
    while waiting:
        keys, item = waiting.pop()
        reason = _reason(item, len(keys))
        if reason:
            return keys, reason
        if isinstance(item, dict):
            for key, child in item.items():
                if not isinstance(key, str):
                    return keys, f"a key is of type {type(key).__name__}, not text; quote it"
                if _is_torn(key):
                    return keys, "a key holds half a character (a lone surrogate)"
                waiting.append(((*keys, key), child))
        elif isinstance(item, list):
            waiting.extend(((*keys, index), child) for index, child in enumerate(item))
    return None


def canonical(value: Any) -> str:
    """Return JSON that does not depend on key order, nor on 1 against 1.0."""
    return json.dumps(_whole(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def outside(values: Iterable[Any], known: Iterable[Any]) -> list[Any]:
    """Return the values that are not among the known ones; true is not 1."""
    seen = {canonical(item) for item in known}
    return [value for value in values if canonical(value) not in seen]


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _reason(item: Any, depth: int) -> str | None:
    if depth > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH} levels"
    if isinstance(item, bool) or item is None or isinstance(item, (dict, list)):
        return None
    if isinstance(item, str):
        return "half a character (a lone surrogate)" if _is_torn(item) else None
    if isinstance(item, int):
        return None if abs(item) <= MAX_INTEGER else "an integer beyond 2**53"
    if isinstance(item, float):
        return None if math.isfinite(item) else "NaN and infinity are no JSON"
    return f"a {type(item).__name__} is no JSON value; quote it"


def _is_torn(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
