"""The form of a prompt's header: plain values, known keys, the types of the JSON Schema."""

import difflib
import json
import math
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any

import jsonschema

from nlp_gitops.core import yamlfile
from nlp_gitops.core.findings import Finding, show_value

MAX_DEPTH = 50
MAX_INTEGER = 2**53

Keys = tuple[str | int, ...]
MAX_FAULTS = 100


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


def faults(document: yamlfile.Document) -> list[Finding]:
    """Return what is wrong with a header: P001, P002 and P010, in the file's order."""
    if not isinstance(document.value, dict):
        return [_finding(document, "P002", "a prompt begins with a YAML header; write at least "
                         "version, goal and format", ())]
    odd = oddity(document.value)
    if odd:
        keys, reason = odd
        return [_finding(document, "P002", f"{_name(keys)}: {reason}", keys)]
    found = islice((finding for error in _validator().iter_errors(document.value)
                    for finding in _explained(document, error)), MAX_FAULTS)
    return sorted(found, key=lambda finding: (finding.line, finding.column, finding.message))


def _explained(document: yamlfile.Document,
               error: jsonschema.ValidationError) -> Iterator[Finding]:
    keys = tuple(error.absolute_path)
    instance: Any = error.instance
    schema: Any = error.schema
    if error.validator == "additionalProperties":
        known = schema["properties"]
        for key in instance:
            if key not in known:
                yield _finding(document, "P001", f"unknown key {show_value(key)}", (*keys, key),
                               _suggestion(key, known))
        return
    hint = schema.get("description") if isinstance(schema, dict) else None
    if error.validator == "required":
        wanted: Any = error.validator_value
        missing = [key for key in wanted if key not in instance]
        yield _finding(document, "P002", f"{_name(keys)}: {', '.join(missing)} missing", keys, hint)
    elif "propertyNames" in error.absolute_schema_path:
        keys = (*keys, instance)
        yield _finding(document, "P002", f"{_name(keys)}: not a name that can stand here", keys,
                       hint)
    else:
        code = "P010" if keys == ("version",) else "P002"
        yield _finding(document, code, f"{_name(keys)}: {show_value(error.instance)} "
                       f"{_complaint(error)}", keys, hint)


def _complaint(error: jsonschema.ValidationError) -> str:
    if error.validator == "type":
        return f"is no {error.validator_value}"
    if error.validator == "pattern":
        return "has the wrong form"
    if error.validator in ("minLength", "minProperties"):
        return "is empty"
    return "is not accepted here"


def _suggestion(key: str, known: dict[str, Any]) -> str:
    near = difflib.get_close_matches(key[:100], known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def _finding(document: yamlfile.Document, code: str, message: str, keys: tuple[str | int, ...],
             hint: str | None = None) -> Finding:
    line, column = document.position(keys)
    return Finding(code, message, str(document.path), line, column,
                   field=_name(keys) if keys else None, hint=hint)


def _name(keys: tuple[str | int, ...]) -> str:
    """Return where a value stands, such as `examples.0.input`, on one short line."""
    shown = ".".join(map(str, keys))
    return show_value(shown) if not shown.isprintable() or len(shown) > 60 else \
        shown or "the header"


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(yamlfile.load_schema("prompt"))
