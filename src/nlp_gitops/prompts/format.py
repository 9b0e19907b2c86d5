"""`format`: what an answer looks like. A short form and JSON Schema, both kept as JSON Schema.

Only keywords that are cheap and safe to check on an answer from outside are accepted. `pattern`
can take exponential time, and `$ref` can loop or reach for the network.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

from nlp_gitops.core.findings import show_value
from nlp_gitops.prompts.header import Keys

SCALARS = ("string", "integer", "number", "boolean")
MAX_DEPTH = 12

_SCHEMA_TYPES = (*SCALARS, "object", "array", "null")
_NOTES = frozenset(("$comment", "$schema", "default", "description", "examples", "title"))
_KEYWORDS = _NOTES | {
    "additionalProperties", "anyOf", "const", "enum", "exclusiveMaximum", "exclusiveMinimum",
    "items", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "properties",
    "required", "type"}


class FormatFault(Exception):
    """`format` cannot be used. `keys` lead to the place inside `format`."""

    def __init__(self, keys: Keys, reason: str) -> None:
        super().__init__(reason)
        self.keys = keys
        self.reason = reason


def normalise(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `format` as a JSON Schema of an object; raise FormatFault.

    `{"label": "a|b"}` becomes an object with exactly these properties, all of them required.
    A value is a list of labels with `|`, a type's name, a list of values, or a JSON Schema.
    """
    _refuse_depth(given)
    if _is_schema(given):
        schema = dict(given)
    else:
        schema = {
            "type": "object",
            "required": list(given),
            "properties": {key: _property(key, value) for key, value in given.items()},
            "additionalProperties": False,
        }
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        keys = tuple(error.absolute_path)
        name = ".".join(map(str, keys)) or "format"
        raise FormatFault(keys, f"{name} is no valid JSON Schema: {explain(error)}") from None
    if schema.get("type") != "object":
        raise FormatFault((), "the answer must be a JSON object; write type: object")
    _refuse_unsafe(schema, ())
    return schema


def violations(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    """Yield one line for each place where a value breaks a JSON Schema."""
    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        deepest = jsonschema.exceptions.best_match([error]) or error
        name = ".".join(map(str, deepest.absolute_path))[:100]
        yield f"{name}: {explain(deepest)}" if name else explain(deepest)


def explain(error: jsonschema.ValidationError | jsonschema.SchemaError) -> str:
    """Return the reason on one short line; jsonschema's own text repeats whole values."""
    rule: Any = error.validator_value
    if error.validator == "required":
        return error.message.replace(" is a required property", " is missing")[:200]
    if error.validator == "additionalProperties":
        schema: Any = error.schema
        instance: Any = error.instance
        extra = sorted(instance.keys() - schema.get("properties", {}).keys())
        return "unknown " + ", ".join(show_value(key) for key in extra[:5])
    if error.validator == "enum":
        allowed = ", ".join(show_value(item) for item in rule[:20])
        return f"{show_value(error.instance)} is none of {allowed}"
    return f"{show_value(error.instance)} breaks {error.validator}: " \
           f"{show_value(rule)}"


def labels(schema: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Return the values that the property `label` may have; None if it lists none."""
    found = schema.get("properties", {}).get("label", {})
    return tuple(found["enum"]) if isinstance(found, dict) and "enum" in found else None


def contract(schema: Any) -> Any:
    """Return what a caller relies on: the schema without notes and without order."""
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _NOTES}
    for key in ("required", "enum"):
        if key in kept:
            kept[key] = sorted(kept[key], key=repr)
    return _with_children(kept, contract)


def without_order(schema: Any) -> Any:
    """Return the schema with `required` sorted and comments dropped: layout, not content."""
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in ("$comment", "$schema")}
    if "required" in kept:
        kept["required"] = sorted(kept["required"])
    return _with_children(kept, without_order)


def _with_children(schema: dict[str, Any], change: Any) -> dict[str, Any]:
    changed = dict(schema)
    if "properties" in schema:
        changed["properties"] = {key: change(sub) for key, sub in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in schema:
            changed[key] = change(schema[key])
    if "anyOf" in schema:
        changed["anyOf"] = [change(sub) for sub in schema["anyOf"]]
    return changed


def _is_schema(given: Mapping[str, Any]) -> bool:
    kind = given.get("type")
    return ("$schema" in given or isinstance(given.get("properties"), dict)
            or isinstance(kind, str) and kind in _SCHEMA_TYPES)


def _property(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {"enum": value}
    if isinstance(value, str) and "|" in value:
        return {"enum": [part.strip() for part in value.split("|")]}
    if isinstance(value, str) and value in SCALARS:
        return {"type": value}
    raise FormatFault((key,), f"{key[:100]}: {show_value(value)} says not what the answer may be; "
                      f"write labels as 'a|b', one of {', '.join(SCALARS)}, or a JSON Schema")


def _refuse_depth(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise FormatFault((), f"nested deeper than {MAX_DEPTH} levels")
    children = value.values() if isinstance(value, dict) else value
    for child in children if isinstance(value, (dict, list)) else ():
        _refuse_depth(child, depth + 1)


def _refuse_unsafe(schema: Any, keys: Keys) -> None:
    if not isinstance(schema, dict):
        return
    for key in schema:
        if key not in _KEYWORDS:
            raise FormatFault((*keys, key), f"the keyword {key[:100]!r} is not supported; use "
                              + ", ".join(sorted(_KEYWORDS - _NOTES)))
    if "enum" in schema and (not schema["enum"] or "" in schema["enum"]):
        raise FormatFault((*keys, "enum"), "enum is empty, or holds an empty label")
    if "enum" in schema and len(set(map(repr, schema["enum"]))) < len(schema["enum"]):
        raise FormatFault((*keys, "enum"), "enum holds a value twice")
    properties = schema.get("properties", {})
    if schema.get("additionalProperties") is False:
        for name in schema.get("required", ()):
            if name not in properties:
                raise FormatFault((*keys, "required"), f"{name[:100]!r} is required, but is not "
                                  "among properties: no answer could pass")
    for name, child in properties.items():
        _refuse_unsafe(child, (*keys, "properties", name))
    for name in ("items", "additionalProperties"):
        _refuse_unsafe(schema.get(name), (*keys, name))
    for index, child in enumerate(schema.get("anyOf", ())):
        _refuse_unsafe(child, (*keys, "anyOf", index))
