"""GitHub's own description of its API, as `githubkit` has it: does a value fit a model?"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Union

import githubkit_schemas.v2022_11_28.models as described
from pydantic import TypeAdapter, ValidationError

# The version that the server speaks with clients that name none, as PyGithub.
API_VERSION = "2022-11-28"


def misfits(model: str, value: Any) -> list[str]:
    """Return what does not fit: wrong types, missing fields, fields that nobody described.

    `model` is a class of githubkit's models, or `list[CLASS]`.
    """
    adapter = _adapter(model)
    try:
        read = adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        return [f"{model} {'.'.join(map(str, item['loc']))}: {item['msg']}"
                for item in error.errors()]
    known = adapter.dump_python(read, mode="json", by_alias=True, exclude_unset=True)
    return [f"{model} {path}: no such field" for path in _undescribed(value, known, "")]


@cache
def _adapter(model: str) -> TypeAdapter[Any]:
    inner = model.removeprefix("list[").removesuffix("]")
    found = getattr(described, inner, None) or _one_of(inner)
    return TypeAdapter(list[found] if inner != model else found)


def _one_of(name: str) -> Any:
    """Return the union of the models that githubkit numbers under one name."""
    found = [getattr(described, each) for each in dir(described)
             if re.fullmatch(rf"{name}Oneof\d+", each)]
    return Union[tuple(found)]


def _undescribed(value: Any, known: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(known, dict):
        for key, inner in value.items():
            if key not in known:
                yield f"{path}{key}"
            else:
                yield from _undescribed(inner, known[key], f"{path}{key}.")
    elif isinstance(value, list) and isinstance(known, list):
        for number, (one, other) in enumerate(zip(value, known, strict=True)):
            yield from _undescribed(one, other, f"{path}{number}.")
