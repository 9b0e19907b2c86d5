"""Checks on one prompt version: changelog, variables, examples, budget, secrets, labels."""

import difflib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from nlp_gitops.core.findings import Finding, show_value
from nlp_gitops.privacy import sensitive
from nlp_gitops.prompts import format as answer_format
from nlp_gitops.prompts.file import Prompt
from nlp_gitops.prompts.header import outside
from nlp_gitops.prompts.render import FROM_HEADER, fill, input_faults, placeholders, undeclared

BYTES_PER_TOKEN = 4
MAX_FINDINGS = 100
# Likeness is slow to compute; a hint may miss where there are more names than this.
MAX_COMPARED = 200
STUB = "TODO"


def check(prompt: Prompt) -> list[Finding]:
    """Return the faults of one version that need nothing but its file."""
    return [finding for part in (changelog, variables, examples, budget)
            for finding in islice(part(prompt), MAX_FINDINGS)]


def changelog(prompt: Prompt) -> Iterator[Finding]:
    """Yield P011: the version must say why it was made."""
    version = str(prompt.version)
    line = f'"{version}": "why"'
    if not prompt.changelog:
        yield prompt.finding("P011", "no changelog", "version", severity="warning",
                             hint=f"add changelog: {{{line}}}")
    elif version not in prompt.changelog:
        yield prompt.finding("P011", f"the changelog has no entry for {version}", "changelog",
                             hint=f"add {line}")
    elif prompt.changelog[version].startswith(STUB):
        yield prompt.finding("P011", f"the entry for {version} is still a stub", "changelog",
                             version, hint="say why this version was made", severity="warning")


def variables(prompt: Prompt) -> Iterator[Finding]:
    """Yield P020 to P022: what the body uses and what the header declares must be the same."""
    used = set()
    for place in placeholders(prompt):
        used.add(place.name)
        if place.name not in prompt.input and place.name not in FROM_HEADER:
            yield Finding("P020", undeclared(place.name), str(prompt.path), place.line,
                          place.column, field=place.name, hint=_declare(prompt, place.name))
    for keys, text in ((("goal",), prompt.goal),
                       *((("rules", index), rule) for index, rule in enumerate(prompt.rules))):
        if "{{" in text:
            yield prompt.finding("P020", f"{keys[0]}: placeholders are filled in the body only",
                                 *keys, hint="move it into the body")
    for name in prompt.input:
        if name not in used:
            yield prompt.finding("P021", f"input {name!r} is declared, but the body never uses it",
                                 "input", name,
                                 hint=f"put {{{{ {name} }}}} into the body, or drop the input")
    if prompt.rules and "rules" not in used:
        yield prompt.finding("P022", "the rules never reach the model", "rules",
                             hint="put {{ rules }} into the body, or move them into it",
                             severity="warning")


def examples(prompt: Prompt) -> Iterator[Finding]:
    """Yield P032: an example is a complete input, and an answer as `format` wants it."""
    for index, example in enumerate(prompt.examples):
        for reason in input_faults(prompt, example["input"]):
            yield prompt.finding("P032", f"example {index + 1}: {reason}", "examples", index,
                                 "input")
        for reason in answer_format.violations(prompt.format, example["output"]):
            yield prompt.finding("P032", f"example {index + 1} breaks the format: {reason}",
                                 "examples", index, "output")


def tokens(prompt: Prompt) -> int:
    """Return an estimate of the prompt's tokens without its inputs: UTF-8 bytes / 4, rounded up.

    Real tokenizers differ by model; for English the estimate is usually within a quarter.
    """
    names = (place.name for place in placeholders(prompt))
    blank = {name: "" for name in names if name and name not in FROM_HEADER}
    return -(-len(fill(prompt, blank).encode()) // BYTES_PER_TOKEN)


def budget(prompt: Prompt) -> Iterator[Finding]:
    """Yield P050 where the prompt is longer than its own `max_tokens`."""
    if prompt.max_tokens is not None and tokens(prompt) > prompt.max_tokens:
        yield prompt.finding(
            "P050", f"about {tokens(prompt)} tokens without inputs (estimated, UTF-8 bytes / "
            f"{BYTES_PER_TOKEN}), the budget is {prompt.max_tokens}", "max_tokens",
            hint="shorten the prompt, or raise max_tokens")


def secrets(text: str, file: str) -> list[Finding]:
    """Return P060 for each secret or piece of personal data in a file's text."""
    return [Finding("P060", f"{hit.kind}: {hit.shown}", file, hit.line, hit.column,
                    hint="take it out, and revoke it if it was ever pushed"
                    if hit.is_secret else "replace it with an invented one (name@example.com)")
            for hit in sensitive.scan(text)]


def labels(prompt: Prompt, wanted: Sequence[Any]) -> Iterator[Finding]:
    """Yield P031 where the labels of `format` are not those of the dataset."""
    given = answer_format.labels(prompt.format)
    if given is None:
        return
    missing, unknown = outside(wanted, given), outside(given, wanted)
    if missing or unknown:
        parts = [f"{word} {', '.join(map(show_value, found[:10]))}"
                 for word, found in (("lacks", missing), ("has unknown", unknown)) if found]
        short = "properties" not in prompt.document.value["format"]
        keys = ("format", "label") if short else ("format", "properties", "label", "enum")
        yield prompt.finding("P031", f"label {' and '.join(parts)}, against the dataset", *keys,
                             hint=_near(unknown, missing)
                             or "take the labels of the dataset: " + "|".join(
                                 str(label)[:60] for label in wanted[:20]))


def _declare(prompt: Prompt, name: str | None) -> str | None:
    if name is None:
        return None
    near = difflib.get_close_matches(name, [*FROM_HEADER, *prompt.input][:MAX_COMPARED], 1)
    return f"did you mean {{{{ {near[0]} }}}}?" if near else f"add input: {{{name}: string}}"


def _near(unknown: Sequence[Any], missing: Sequence[Any]) -> str | None:
    candidates = [str(label)[:60] for label in missing[:MAX_COMPARED]]
    for label in unknown[:10]:
        near = difflib.get_close_matches(str(label)[:60], candidates, 1)
        if near:
            return f"did you mean {near[0]!r} by {show_value(label)}?"
    return None
