"""Events as GitHub sends them: complete and valid by its own models, with our values in them."""

import types
import typing
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    # Events keep the form of the oldest version that is still served.
    from githubkit.versions.v2022_11_28 import models

MODELS = {"push": "WebhookPush", "pull_request": "WebhookPullRequestOpened",
          "release": "WebhookReleaseReleased", "workflow_dispatch": "WebhookWorkflowDispatch",
          "workflow_run": "WebhookWorkflowRunCompleted"}
TIME = "2026-01-05T10:15:00Z"


def event(kind: str, **ours: Any) -> dict[str, Any]:
    """Return a valid event with these values. A value that GitHub would not send is an error."""
    model = getattr(models, MODELS[kind])
    value = filled(model, ours, kind)
    TypeAdapter(model).validate_python(value)
    return value


def filled(model: type[BaseModel], ours: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a model's required fields and our own, each of the type that the model wants."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    if not fields:
        return dict(ours)
    unknown = ours.keys() - fields.keys()
    assert not unknown, f"GitHub sends no {', '.join(unknown)} in {where}"
    return {name: _value(field.annotation, ours.get(name, ...), f"{where}.{name}")
            for name, field in fields.items() if field.is_required() or name in ours}


def _value(kind: Any, ours: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _value(arguments[0], ours, where)
    if origin in (typing.Union, types.UnionType):
        return _of_union(arguments, ours, where)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if ours is not ... and not isinstance(ours, Mapping):
            return ours
        return filled(kind, {} if ours is ... else ours, where)
    if ours is not ...:
        return ours
    if origin is Literal:
        return arguments[0]
    if origin in (list, dict):
        return origin()
    return {str: "x", int: 1, bool: False, float: 1.0, datetime: TIME}.get(kind)


def _of_union(kinds: tuple[Any, ...], ours: Any, where: str) -> Any:
    if ours is None or (ours is ... and type(None) in kinds):
        return None
    # GitHub's models mark what may be left out by a type of its own.
    real = [kind for kind in kinds if kind is not type(None)
            and getattr(kind, "__name__", "") != "UNSET" and "Unset" not in str(kind)]
    return _value(real[0], ours, where)
