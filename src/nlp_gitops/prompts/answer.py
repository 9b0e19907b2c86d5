"""A model's answer: JSON in the prompt's `format`, or an error. Nothing is guessed."""

import json
import re
from typing import Any

from nlp_gitops.core.errors import CheckFailed
from nlp_gitops.core.findings import show_value
from nlp_gitops.prompts import format as answer_format
from nlp_gitops.prompts.file import Prompt
from nlp_gitops.prompts.header import oddity

MAX_CHARS = 100_000

_FENCE = re.compile(r"```(?:json)?[ \t]*\r?\n(.*)\r?\n[ \t]*```", re.DOTALL | re.IGNORECASE)


class AnswerError(CheckFailed):
    """A model's answer is not what `format` promises. One line, safe to log."""


def parse_answer(prompt: Prompt, text: str) -> dict[str, Any]:
    """Return the answer as a dict that keeps to `format`; raise AnswerError.

    White space around it and one ```json fence are taken off, nothing else.
    """
    if len(text) > MAX_CHARS:
        raise _error(prompt, f"{len(text):,} characters, more than {MAX_CHARS:,}")
    bare = text.strip()
    fence = _FENCE.fullmatch(bare)
    value = _json(prompt, fence[1] if fence else bare)
    if not isinstance(value, dict):
        raise _error(prompt, f"no JSON object: {show_value(bare[:100])}")
    odd = oddity(value)
    if odd:
        raise _error(prompt, f"{show_value('.'.join(map(str, odd[0])))}: {odd[1]}")
    for reason in answer_format.violations(prompt.format, value):
        raise _error(prompt, reason)
    return value


def _json(prompt: Prompt, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_twins)
    except RecursionError:
        raise _error(prompt, "nested too deeply") from None
    except ValueError as error:
        reason = "empty" if not text.strip() else f"not JSON ({str(error)[:100]})"
        raise _error(prompt, f"{reason}: {show_value(text[:100])}") from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a duplicate key: which of the two values counts would be a guess."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("duplicate key")
    return value


def _error(prompt: Prompt, reason: str) -> AnswerError:
    return AnswerError(f"answer to {prompt.tag}: {reason}")
