"""YAML files that people edit: read safely, checked by a JSON Schema, faults with line and column.

The memory holds the values beside one digest of the file, its schema and the code that checks it;
any change of these makes it worthless. It lies in `.cache/` and can be deleted at any time.

PyYAML gives positions only on its node tree, so a file is composed once into nodes; values and
positions both come from there.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jsonschema
import yaml

from nlp_gitops.core import package_files
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.files import write_atomic
from nlp_gitops.core.findings import Finding, show_value

MAX_BYTES = 1_000_000
MAX_DEPTH = 50


def recall(path: Path, *witnesses: Path) -> Any | None:
    """Return the values of a file that was checked before and is unchanged, else None."""
    try:
        known = json.loads(_memory(path).read_bytes())
        return known["value"] if known["sha256"] == _digest(path, *witnesses) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(value: Any, path: Path, *witnesses: Path) -> None:
    """Keep a checked file's values."""
    try:
        write_atomic(_memory(path),
                     json.dumps({"sha256": _digest(path, *witnesses), "value": value}))
    except OSError:
        # A read-only checkout only costs the time of checking again.
        return


def _memory(path: Path) -> Path:
    return path.parent / ".cache" / f"{path.name}.json"


def _digest(*paths: Path) -> str:
    total = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        total.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]


class _Loader(_BaseLoader):
    """YAML as plain data: dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in _Loader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Document:
    """A parsed file: its values, and where each of them stands."""

    path: Path
    value: Any
    marks: dict[tuple[str | int, ...], tuple[int, int]]

    def where(self, *keys: str | int) -> str:
        """Return `file:line:column` of a value, or of its nearest parent."""
        line, column = self.position(keys)
        return f"{self.path}:{line}:{column}"

    def position(self, keys: tuple[str | int, ...]) -> tuple[int, int]:
        """Return line and column (from 1) of a value, or of its nearest parent."""
        while keys and keys not in self.marks:
            keys = keys[:-1]
        return self.marks.get(keys, (1, 1))


def read(path: Path, schema: str | None = None) -> Document:
    """Read a file; raise UsageError with file:line:column at its first fault."""
    text = read_text(path)
    document = parse(text, path)
    if schema:
        for finding in faults(document, schema):
            raise UsageError(f"{finding.place}: {finding.message}"
                             + (f"; {finding.hint}" if finding.hint else ""))
    return document


def read_text(path: Path) -> str:
    """Return a small UTF-8 file's text, or raise UsageError."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"{path}: larger than {MAX_BYTES:,} bytes; this is a settings file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None


def parse(text: str, path: Path, first_line: int = 1) -> Document:
    """Parse YAML text; `path` and `first_line` say where it came from."""
    loader: Any = None
    try:
        _screen(text)
        loader = _Loader(text)
        node = loader.get_single_node()
        marks: dict[tuple[str | int, ...], tuple[int, int]] = {}
        if node is not None:
            _collect(node, (), marks, first_line - 1)
        value = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + first_line, mark.column + 1) if mark else (first_line, 1)
        raise UsageError(f"{path}:{line}:{column}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{path}:{first_line}: not valid YAML: {reason}") from None
    except ValueError as error:
        raise UsageError(f"{path}: a value cannot be read: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()
    return Document(path, value, marks)


def _screen(text: str) -> None:
    """Refuse what would explode: aliases (exponential growth) and deep nesting (a C stack)."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise _refusal("aliases (*name) are not accepted", event)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _refusal(f"nested deeper than {MAX_DEPTH} levels", event)


def _refusal(problem: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    mark: Any = event.start_mark
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _collect(node: yaml.Node, keys: tuple[str | int, ...],
             marks: dict[tuple[str | int, ...], tuple[int, int]], offset: int) -> None:
    marks[keys] = (node.start_mark.line + 1 + offset, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"duplicate key {name!r}",
                                           problem_mark=key.start_mark)
            seen.add(name)
            _collect(child, (*keys, name), marks, offset)
            marks[(*keys, name)] = (key.start_mark.line + 1 + offset, key.start_mark.column + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _collect(child, (*keys, index), marks, offset)


def faults(document: Document, schema: str, code: str = "D100") -> Iterator[Finding]:
    """Yield a finding for each place where the file breaks `schemas/<schema>.schema.json`."""
    validator = jsonschema.Draft202012Validator(load_schema(schema))
    errors = validator.iter_errors(document.value)
    for error in sorted(errors, key=lambda item: list(map(str, item.path))):
        deepest = _deepest(error)
        keys = tuple(deepest.absolute_path)
        line, column = document.position(keys)
        name = ".".join(str(key) for key in keys) or "the file"
        yield Finding(code, f"{name}: {_reason(deepest)}", str(document.path), line, column,
                      field=name, hint=deepest.schema.get("description")
                      if isinstance(deepest.schema, dict) else None)


def load_schema(name: str) -> dict[str, Any]:
    """Return a JSON Schema of this repository."""
    return json.loads(package_files.text(f"schemas/{name}.schema.json"))


def _deepest(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    return jsonschema.exceptions.best_match([error]) or error


def _reason(error: jsonschema.ValidationError) -> str:
    if error.validator == "additionalProperties":
        schema: Any = error.schema
        allowed = ", ".join(sorted(schema.get("properties", {})))
        extra = error.message.split("(", 1)[-1].rstrip(")")
        # `{why: fast, and cheap}` is two keys, which nobody guesses from the rest of the line.
        quotes = "; inside {…} a text with a comma needs quotes" if any(
            " " in str(key) for key in cast(dict[str, Any], error.instance)) else ""
        return f"unknown key ({extra}){quotes}; known are {allowed}"
    if error.validator == "required":
        return error.message.replace(" is a required property", " is missing")
    if error.validator == "pattern":
        return f"{show_value(error.instance)} has the wrong form"
    return error.message if len(error.message) < 200 else error.message[:199] + "…"
