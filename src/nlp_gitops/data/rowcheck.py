"""Judges one parsed row by the schema. Types are JSON types: 123 is no string, true is not 1."""

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.findings import show_value
from nlp_gitops.data.manifest import Field, Manifest

MAX_INTEGER = 2**53
SHOWN = 80

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a row. `near` makes a hint of `wrong` and `known`, where the fault is shown."""

    code: str
    message: str
    field: str | None = None
    hint: str | None = None
    wrong: str | None = None
    known: Sequence[str] = ()


@dataclass(frozen=True)
class Shape:
    """A schema made ready for judging rows. `patterns` holds the compiled ones by field.

    `max_text` is the longest text allowed, in characters; `group` names the field of the groups.
    """

    fields: Mapping[str, Field]
    patterns: Mapping[str, re.Pattern[str]]
    never_blank: frozenset[str]
    max_text: int | None
    group: str | None


def shape_of(manifest: Manifest) -> Shape:
    """Compile a manifest's schema; raise UsageError for a pattern that is no regular expression."""
    patterns = {}
    for field in manifest.fields:
        if field.pattern is not None:
            try:
                patterns[field.name] = re.compile(field.pattern)
            except (re.error, OverflowError, RecursionError) as error:
                place = manifest.document.where("schema", field.name, "pattern")
                raise UsageError(f"{place}: not a regular expression: {error}") from None
    fields = {field.name: field for field in manifest.fields}
    blank = {"text", "label", "id", manifest.group}
    # A field of that name is looked at even where the splits do not keep to it: that is the fault.
    group = manifest.group or ("group" if "group" in fields else None)
    return Shape(fields, patterns, frozenset(name for name in blank if name),
                 manifest.checks.get("max_length"), group)


def judge(row: Mapping[str, Any], shape: Shape) -> list[Fault]:
    """Return the faults of a row, in the schema's order, at most one a field."""
    found = []
    for name, field in shape.fields.items():
        if name not in row:
            if field.required:
                found.append(_missing(field, row, shape))
            continue
        fault = next(_value_faults(row[name], field, row, shape), None)
        if fault:
            found.append(fault)
    return found


def usable(row: Mapping[str, Any], faults: Sequence[Fault], name: str | None) -> str | None:
    """Return a field's value as a key for comparisons; None where it is absent or faulty.

    A value that breaks only a limit (length, pattern, enum) still takes part.
    """
    value = row.get(name) if name else None
    if value is None or isinstance(value, (dict, list)):
        return None
    if any(fault.field == name and fault.code in ("D011", "D013") for fault in faults):
        return None
    return value_key(value)


def value_key(value: Any) -> str:
    """Return a scalar as text: strings as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def has_text(row: Mapping[str, Any]) -> bool:
    """Say whether a row has a text that is more than white space."""
    text = row.get("text")
    return isinstance(text, str) and bool(text) and not text.isspace()


def shown(value: Any) -> str:
    """Return any value on one short line, however long or deep it is."""
    if isinstance(value, str):
        return show_value(value[:SHOWN])
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, (bool, type(None))):
        return json.dumps(value)
    if isinstance(value, int) and abs(value) > 10**SHOWN:
        return "a very large integer"
    return show_value(value)


def near(wrong: str, known: Sequence[str]) -> str | None:
    """Return `'postive': did you mean 'positive'?`, or None if nothing known is like it."""
    if len(wrong) > SHOWN:
        return None
    found = difflib.get_close_matches(wrong, [item for item in known if len(item) <= SHOWN], 1)
    if not found:
        folded = [item for item in known if item.casefold() == wrong.strip().casefold()]
        found = folded[:1]
    return f"{wrong!r}: did you mean {found[0]!r}?" if found else None


def _missing(field: Field, row: Mapping[str, Any], shape: Shape) -> Fault:
    unknown = tuple(name for name in row if name not in shape.fields)
    return Fault("D010", f"field {field.name!r} is missing", field.name, wrong=field.name,
                 known=unknown)


def _value_faults(value: Any, field: Field, row: Mapping[str, Any],
                  shape: Shape) -> Iterator[Fault]:
    name = field.name
    if value is None:
        if not field.nullable:
            yield Fault("D012", f"{name} is null", name,
                        "give a value, or declare nullable: true")
        return
    reason = _type_fault(value, field)
    if reason:
        yield Fault("D011", f"{name} is {reason}", name, _type_hint(value, field))
        return
    if isinstance(value, str):
        if name in shape.never_blank and (not value or value.isspace()):
            yield Fault("D013", f"{name} is {'white space only' if value else 'empty'}", name)
        yield from _length_faults(value, field, shape)
    if field.enum is not None and not any(_same(value, item) for item in field.enum):
        listed = ", ".join(map(shown, field.enum[:10])) + (", …" if len(field.enum) > 10 else "")
        yield Fault("D014", f"{name} {shown(value)} is not one of {listed}", name,
                    wrong=value if isinstance(value, str) else None,
                    known=tuple(item for item in field.enum if isinstance(item, str)))
    if field.type == "spans":
        yield from _span_faults(value, field, row)


def _type_fault(value: Any, field: Field) -> str | None:
    kind = field.type
    if isinstance(value, str):
        if _SURROGATE.search(value):
            return "text with half a character (a lone surrogate)"
        return None if kind == "string" else f"the string {shown(value)}, not {_article(kind)}"
    if isinstance(value, bool):
        return None if kind == "boolean" else f"{shown(value)}, not {_article(kind)}"
    if isinstance(value, int):
        if kind not in ("integer", "number"):
            return f"the number {shown(value)}, not {_article(kind)}"
        return None if abs(value) <= MAX_INTEGER else "an integer beyond 2**53"
    if isinstance(value, float):
        if not math.isfinite(value):
            return "not a finite number"
        return None if kind == "number" else f"the number {shown(value)}, not {_article(kind)}"
    if isinstance(value, list):
        return None if kind == "spans" else f"a list, not {_article(kind)}"
    if isinstance(value, dict):
        return f"an object, not {_article(kind)}"
    return f"of type {type(value).__name__}, not {_article(kind)}"


def _article(kind: str) -> str:
    return {"integer": "an integer", "spans": "a list of spans"}.get(kind, f"a {kind}")


def _type_hint(value: Any, field: Field) -> str | None:
    if field.type == "string" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return f'write "{shown(value)}" in quotes, if it is a text at all'
    return None


def _length_faults(value: str, field: Field, shape: Shape) -> Iterator[Fault]:
    name, length = field.name, len(value)
    if field.min_length is not None and length < field.min_length:
        yield Fault("D017", f"{name} has {length:,} characters, fewer than min_length "
                    f"{field.min_length:,}", name)
    if field.max_length is not None and length > field.max_length:
        yield Fault("D017", f"{name} has {length:,} characters, more than max_length "
                    f"{field.max_length:,}", name)
    if name == "text" and shape.max_text is not None and length > shape.max_text:
        yield Fault("D052", f"text has {length:,} characters, more than max_length "
                    f"{shape.max_text:,}", name)
    if name in shape.patterns and not shape.patterns[name].search(value):
        yield Fault("D018", f"{name} {shown(value)} does not match {shown(field.pattern)}", name)


def _same(value: Any, item: Any) -> bool:
    return type(value) is type(item) and value == item


def _span_faults(value: list[Any], field: Field, row: Mapping[str, Any]) -> Iterator[Fault]:
    text = row.get("text")
    size = len(text) if isinstance(text, str) else 0
    for number, span in enumerate(value, 1):
        if not isinstance(span, dict) or not {"start", "end", "label"} <= span.keys():
            yield Fault("D011", f"{field.name}: span {number} is not "
                        '{"start": int, "end": int, "label": str}', field.name)
            continue
        start, end = span["start"], span["end"]
        if type(start) is not int or type(end) is not int or not isinstance(span["label"], str):
            yield Fault("D011", f"{field.name}: span {number} has a value of the wrong type",
                        field.name)
        elif not 0 <= start < end <= size:
            yield Fault("D016", f"{field.name}: span {number} ({shown(start)} to {shown(end)}) "
                        f"lies outside the text of {size:,} characters", field.name)
