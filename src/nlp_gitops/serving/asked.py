"""From the bytes of a request to the texts in it, or to a refusal that says how to mend it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from nlp_gitops.core.project import ServiceSettings

FIELDS = 16
FIELD_CHARACTERS = 200
FIELD_NAME = "[A-Za-z_][A-Za-z0-9_]{0,39}"
LARGEST = 1e15
_FIELD = re.compile(FIELD_NAME)
_SHAPE = 'send {"text": "…"} or {"texts": ["…", …]}, and perhaps "fields": {"NAME": "value"}'


class Refused(Exception):
    """A request that is not answered: HTTP status, a short code, a sentence, extra headers."""

    def __init__(self, status: int, code: str, message: str,
                 headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for. `single` is true for `text`; `fields` are for slices in the log."""

    texts: list[str]
    single: bool
    fields: Mapping[str, str | int | float | bool]


def read(body: bytes, limits: ServiceSettings) -> Asked:
    """Return what a body asks for; raise Refused with 400 or 422."""
    value = _json(body)
    if not isinstance(value, dict) or ("text" in value) == ("texts" in value):
        raise Refused(422, "shape", _SHAPE)
    unknown = sorted(value.keys() - {"text", "texts", "fields"})
    if unknown:
        raise Refused(422, "shape", f"unknown: {unknown[0][:40]!a}; {_SHAPE}")
    single = "text" in value
    texts = [value["text"]] if single else value["texts"]
    if not isinstance(texts, list):
        raise Refused(422, "type", "texts must be a list")
    if not 0 < len(texts) <= limits.max_batch:
        raise Refused(422, "batch", f"{len(texts)} texts; send 1 to {limits.max_batch} at once")
    for number, text in enumerate(texts):
        _check(text, "text" if single else f"texts[{number}]", limits.max_text_characters)
    return Asked(texts, single, _fields(value.get("fields", {})))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise Refused(400, "encoding", f"the body is not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise Refused(400, "json", "the body is nested too deeply") from None
    except ValueError as error:
        raise Refused(400, "json", f"the body is not JSON: {error}") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _check(text: Any, where: str, most: int) -> None:
    if not isinstance(text, str):
        raise Refused(422, "type", f"{where} must be a text")
    if not text.strip():
        raise Refused(422, "empty", f"{where} is empty")
    if len(text) > most:
        raise Refused(422, "length", f"{where} has {len(text):,} characters; at most {most:,}")
    _check_characters(text, where)


def _check_characters(text: str, where: str) -> None:
    if "\0" in text:
        raise Refused(422, "characters", f"{where} holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Refused(422, "characters", f"{where} holds half of a character (a lone surrogate) "
                      f"at {error.start}") from None


def _fields(value: Any) -> Mapping[str, str | int | float | bool]:
    if not isinstance(value, dict) or len(value) > FIELDS:
        raise Refused(422, "fields", f"fields must be an object with at most {FIELDS} names")
    for name, content in value.items():
        if not _FIELD.fullmatch(name):
            raise Refused(422, "fields", "a field's name is letters, digits and '_', at most 40")
        if not isinstance(content, (str, int, float, bool)):
            raise Refused(422, "fields", f"fields.{name} must be a text, a number, true or false")
        if not isinstance(content, str):
            if abs(content) > LARGEST:
                raise Refused(422, "fields", f"fields.{name} is beyond {LARGEST:.0e}")
            continue
        if len(content) > FIELD_CHARACTERS:
            raise Refused(422, "fields", f"fields.{name} is longer than {FIELD_CHARACTERS}")
        _check_characters(content, f"fields.{name}")
    return value


def body_schema(limits: ServiceSettings) -> dict[str, Any]:
    """Return what OpenAPI says of a body that `read` takes; half characters it cannot name."""
    text = {"type": "string", "minLength": 1, "maxLength": limits.max_text_characters,
            "pattern": "^[^\\u0000]*[^\\u0000\\s\\u001c-\\u001f][^\\u0000]*$"}
    fields = {"type": "object", "description": "for slices in the prediction log",
              "maxProperties": FIELDS, "propertyNames": {"pattern": f"^{FIELD_NAME}$"},
              "additionalProperties": {"anyOf": [
                  {"type": "string", "maxLength": FIELD_CHARACTERS, "pattern": "^[^\\u0000]*$"},
                  {"type": "number", "minimum": -LARGEST, "maximum": LARGEST},
                  {"type": "boolean"}]}}
    several = {"type": "array", "items": text, "minItems": 1, "maxItems": limits.max_batch}
    return {"oneOf": [{"type": "object", "required": [name], "additionalProperties": False,
                       "properties": {name: shape, "fields": fields}}
                      for name, shape in (("text", text), ("texts", several))]}
