r"""From a prompt and its inputs to the text that is sent: strict, one pass, no code.

`{{ name }}` is an input, or one of `goal`, `rules`, `format` and `examples` of the header.
`\{{` writes two braces. Whatever an input holds is put in as it is and never read again.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.prompts import format as answer_format
from nlp_gitops.prompts.file import Prompt
from nlp_gitops.prompts.header import oddity

FROM_HEADER = ("goal", "rules", "format", "examples")

_BRACES = re.compile(r"\\\{\{|\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]{0,63})[ \t]*\}\}|\{\{")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{{ name }}` in a body; `name` is None where the braces hold no name. Counted from 1."""

    name: str | None
    line: int
    column: int


def render(prompt: Prompt, inputs: Mapping[str, Any]) -> str:
    """Return the text for the model; raise UsageError if anything is missing, extra or wrong."""
    for fault in input_faults(prompt, inputs):
        raise UsageError(f"{prompt.tag}: {fault}")
    for place in placeholders(prompt):
        if place.name not in prompt.input and place.name not in FROM_HEADER:
            raise UsageError(f"{prompt.path}:{place.line}:{place.column}: "
                             + undeclared(place.name))
    return fill(prompt, {name: _shown(value) for name, value in inputs.items()})


def fill(prompt: Prompt, values: Mapping[str, str]) -> str:
    """Return the body with header parts and `values` put in; the caller has checked the names."""
    known = {**_header_parts(prompt), **values}
    return _BRACES.sub(lambda match: known[match[1]] if match[1] else "{{", prompt.body)


def placeholders(prompt: Prompt) -> Iterator[Placeholder]:
    """Yield the placeholders of the body in order; of a generated one at the header's place."""
    for number, line in enumerate(prompt.body.split("\n")):
        for match in _BRACES.finditer(line):
            if match[0].startswith("\\"):
                continue
            if prompt.is_generated:
                yield Placeholder(match[1], *prompt.position("input"))
            else:
                yield Placeholder(match[1], prompt.body_line + number, match.start() + 1)


def input_faults(prompt: Prompt, inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line for each input that is missing, unknown or of the wrong type."""
    for name in prompt.input:
        if name not in inputs:
            yield f"input {name!r} is missing"
    for name, value in inputs.items():
        if name not in prompt.input:
            yield f"input {str(name)[:60]!r} is not declared; declared are " \
                  + (", ".join(prompt.input) or "none")
            continue
        odd = oddity(value)
        if odd:
            yield f"input {name!r}: {odd[1]}"
            continue
        for reason in answer_format.violations(prompt.input[name], value):
            yield f"input {name!r}: {reason}"


def undeclared(name: str | None) -> str:
    """Return why a placeholder cannot be filled."""
    if name is None:
        return r"{{ opens no placeholder; write {{ name }}, or \{{ for two braces"
    return f"{{{{ {name} }}}} is used, but `input` does not declare it"


def format_text(schema: Mapping[str, Any]) -> str:
    """Return `format` as a model reads it: `{"label": "a" | "b"}`, or the JSON Schema."""
    properties = schema.get("properties", {})
    required = set(schema.get("required", ()))
    if properties and required == set(properties) \
            and all(set(spec) in ({"enum"}, {"type"}) and isinstance(spec.get("type", ""), str)
                    for spec in properties.values()):
        return "{" + ", ".join(f"{_json(key)}: {_choice(spec)}"
                               for key, spec in properties.items()) + "}"
    return f"JSON that this JSON Schema accepts: {_json(schema)}"


def _choice(spec: Mapping[str, Any]) -> str:
    return " | ".join(map(_json, spec["enum"])) if "enum" in spec else f"<{spec['type']}>"


def _header_parts(prompt: Prompt) -> dict[str, str]:
    return {
        "goal": prompt.goal.strip(),
        "rules": "\n".join(f"- {rule.strip()}" for rule in prompt.rules),
        "format": format_text(prompt.format),
        "examples": "\n\n".join(map(_example_text, prompt.examples)),
    }


def _example_text(example: Mapping[str, Any]) -> str:
    given = "\n".join(f"<{name}>\n{_shown(value)}\n</{name}>"
                      for name, value in example["input"].items())
    return f"{given}\n{_json(example['output'])}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
