"""What changed between two versions of a prompt, and which version that asks for.

Format or input changed: major, because callers break. Goal, rules, examples, body, or a hint such
as the temperature changed: minor, because answers move. White space, comments, key order, the
changelog, notes: nothing, because the model is told the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nlp_gitops.core.findings import show_value
from nlp_gitops.core.names import Version
from nlp_gitops.prompts import format as answer_format
from nlp_gitops.prompts.file import Prompt
from nlp_gitops.prompts.plain import canonical, outside


@dataclass(frozen=True, slots=True)
class Change:
    """One part of the header or body that differs. `bump` is `major` or `minor`."""

    part: str
    bump: str
    message: str


def changes(old: Prompt, new: Prompt) -> list[Change]:
    """Return what differs, major changes first; empty exactly if the digests are equal."""
    found = [_change(part, old, new) for part in old.content
             if canonical(old.content[part]) != canonical(new.content[part])]
    return sorted(found, key=lambda change: (change.bump != "major", change.part))


def needed(base: Version, found: list[Change]) -> Version:
    """Return the lowest version that the changes since `base` may carry."""
    if not found:
        return base
    return base.bumped("major" if any(c.bump == "major" for c in found) else "minor")


def reason(found: list[Change]) -> str:
    """Return the changes on one line."""
    return "; ".join(change.message for change in found) or "nothing that the model sees changed"


def _change(part: str, old: Prompt, new: Prompt) -> Change:
    if part == "format":
        if _same(answer_format.contract(old.format), answer_format.contract(new.format)):
            return Change(part, "minor", "format is worded or ordered differently")
        return Change(part, "major", "format changed" + _members(
            answer_format.labels(old.format), answer_format.labels(new.format)))
    if part == "input":
        if _same(*({name: answer_format.contract(spec) for name, spec in prompt.input.items()}
                   for prompt in (old, new))):
            return Change(part, "minor", "input is worded or ordered differently")
        return Change(part, "major", "input changed" + _members(tuple(old.input), tuple(new.input)))
    if part == "model":
        return Change(part, "minor", "model hints changed" + _hints(old.content[part],
                                                                    new.content[part]))
    return Change(part, "minor", f"{part} changed")


def _same(one: Any, other: Any) -> bool:
    return canonical(one) == canonical(other)


def _members(old: tuple[Any, ...] | None, new: tuple[Any, ...] | None) -> str:
    """Return ` (+ added, - removed)` for labels or variables, or nothing."""
    before, after = old or (), new or ()
    signs = [f"+ {show_value(item)}" for item in outside(after, before)]
    signs += [f"- {show_value(item)}" for item in outside(before, after)]
    return f" ({', '.join(signs[:10])})" if signs else ""


def _hints(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    names = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    return f" ({', '.join(names)})"
