"""The fast path: a regular expression compiled from the schema accepts clean lines in bulk.

It accepts a line only if `rowcheck.judge` would find nothing on it, and never reports anything
itself: every other line goes to the plain JSON path. So both paths give the same result.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from nlp_gitops.data.manifest import Field
from nlp_gitops.data.rowcheck import Shape

MAX_KEYS = 200

# A JSON string's inside. Escapes stand apart, so that plain text is one run of the first set.
# A surrogate escape is accepted only as a pair.
_RUN = r'[^"\\\x00-\x1f]*+'
_ESCAPE = (r'\\(?:["\\/bfnrt]|u(?:[0-9a-ce-fA-CE-F][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}'
           r'|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))')
_STRING = f"{_RUN}(?:{_ESCAPE}{_RUN})*+"
# The first character is no white space, so such a text is never blank unless escapes make it so.
_VISIBLE = rf'(?:[^\s"\\\x00-\x1f]|{_ESCAPE}){_RUN}(?:{_ESCAPE}{_RUN})*+'
# Few enough digits to be exact in any reader; anything else is judged by the plain path.
_INTEGER = r"(?!-0\b)-?(?:0|[1-9][0-9]{0,14})(?![0-9.eE])"
_NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?(?![0-9.eE])"
_SCALAR = f'(?:"{_STRING}"|{_NUMBER}|true|false|null)'


@dataclass(frozen=True)
class FastPattern:
    """Accepts lines with one order of keys. `captured` names the fields of the groups."""

    pattern: re.Pattern[str]
    captured: tuple[str, ...]
    limits: Mapping[str, tuple[int, int | None]]
    patterns: Mapping[str, re.Pattern[str]]
    never_blank: frozenset[str]
    unknown: tuple[str, ...]

    def accept_block(self, text: str, lines: int) -> dict[str, Sequence[str]] | None:
        """Return the captured columns if each of the block's lines is clean, else None."""
        rows = self.pattern.findall(text)
        if len(rows) != lines:
            return None
        columns = list(zip(*rows)) if len(self.captured) > 1 else [tuple(rows)]
        return self._accept(dict(zip(self.captured, columns)), "\\" in text)

    def accept_line(self, line: str) -> dict[str, Sequence[str]] | None:
        """Return the captured columns, each of one value, if the line is clean, else None."""
        match = self.pattern.fullmatch(line)
        if not match:
            return None
        return self._accept(dict(zip(self.captured, zip(match.groups()))), "\\" in line)

    def _accept(self, columns: dict[str, Sequence[str]],
                has_escapes: bool) -> dict[str, Sequence[str]] | None:
        if has_escapes:
            columns = {name: unescaped(column) for name, column in columns.items()}
            for name in self.never_blank & columns.keys():
                if any(map(str.isspace, columns[name])):
                    return None
        for name, (shortest, longest) in self.limits.items():
            if shortest and min(map(len, columns[name])) < shortest:
                return None
            if longest is not None and max(map(len, columns[name])) > longest:
                return None
        for name, pattern in self.patterns.items():
            if not all(map(pattern.search, columns[name])):
                return None
        return columns


def unescaped(column: Iterable[str]) -> list[str]:
    """Return JSON strings' insides with their escapes resolved."""
    return [scanstring(f'{value}"', 0)[0] if "\\" in value else value for value in column]


def compile_pattern(row: Mapping[str, Any], shape: Shape) -> FastPattern | None:
    """Return a pattern for lines with the keys of `row` in its order; None if there is no such.

    Always captures text; id, label, group and limited fields where they are strings or integers.
    """
    if len(row) > MAX_KEYS or any(field.required and name not in row
                                  for name, field in shape.fields.items()):
        return None
    parts, captured = [], []
    wanted = {"id", "text", "label", shape.group} | limited(shape).keys() | shape.patterns.keys()
    for key in row:
        token = json.dumps(key, ensure_ascii=False)
        if "\\" in token:
            return None
        value = _value(key, shape.fields.get(key), shape, key in wanted)
        if value is None:
            return None
        if key in wanted:
            captured.append(key)
        parts.append(f"{re.escape(token)}: ?{value}")
    try:
        pattern = re.compile(r"^\{" + ", ?".join(parts) + r"\}[ \t\r]*\n", re.MULTILINE)
    except (re.error, OverflowError, RecursionError):
        return None
    return FastPattern(
        pattern, tuple(captured),
        {name: limits for name, limits in limited(shape).items() if name in row},
        {name: found for name, found in shape.patterns.items() if name in row},
        shape.never_blank, tuple(key for key in row if key not in shape.fields))


def limited(shape: Shape) -> dict[str, tuple[int, int | None]]:
    """Return field -> (shortest, longest) in characters, for the string fields with limits."""
    found = {}
    for name, field in shape.fields.items():
        longest = [limit for limit in (field.max_length, shape.max_text if name == "text" else None)
                   if limit is not None]
        if field.type == "string" and (field.min_length or longest):
            found[name] = (field.min_length or 0, min(longest, default=None))
    return found


def _value(key: str, field: Field | None, shape: Shape, wanted: bool) -> str | None:
    """Return the expression of one value, with one group if it is wanted."""
    if field is None:
        # An id that the schema does not declare still names rows, if it is a string.
        return f'"({_STRING})"' if wanted else _SCALAR
    if field.enum is not None:
        return _enum(field, wanted)
    if field.type == "string":
        inside = _VISIBLE if key in shape.never_blank else _STRING
        return f'"({inside})"' if wanted else f'"{inside}"'
    literal = {"integer": _INTEGER, "number": _NUMBER, "boolean": "true|false"}.get(field.type)
    if literal is None or (wanted and field.type == "number"):
        return None
    return f"({literal})" if wanted else f"(?:{literal})"


def _enum(field: Field, wanted: bool) -> str | None:
    assert field.enum is not None
    if not all(isinstance(item, str) and item and not item.isspace() for item in field.enum):
        return None
    tokens = [json.dumps(item, ensure_ascii=False)[1:-1] for item in field.enum]
    if any("\\" in token for token in tokens) or field.type != "string":
        return None
    choice = "|".join(map(re.escape, tokens))
    return f'"({choice})"' if wanted else f'"(?:{choice})"'
