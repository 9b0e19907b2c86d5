"""Two versions of a prompt side by side: what changed, and which bump that needs.

Format or input changed: major, because callers break. Goal, rules, examples, body, or a hint such
as the temperature changed: minor, because answers move. White space, comments, key order, the
changelog, notes: nothing, because the model is told the same.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.findings import show_value
from nlp_gitops.core.names import Version
from nlp_gitops.prompts import format as answer_format
from nlp_gitops.prompts.file import Prompt, read
from nlp_gitops.prompts.header import canonical, outside

# Comparing longer texts line by line can take minutes.
MAX_LINES = 2000


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


@dataclass(frozen=True)
class Diff:
    """From `old` to `new`: the changes, and the lowest version that they may carry."""

    old: Prompt
    new: Prompt
    changes: tuple[Change, ...]
    needed: Version

    @property
    def bump(self) -> str:
        """Return `major`, `minor` or `none`."""
        return self.changes[0].bump if self.changes else "none"

    def as_dict(self) -> dict[str, Any]:
        """Return the shape of `diff --json`."""
        return {
            "from": {"file": str(self.old.path), "version": str(self.old.version)},
            "to": {"file": str(self.new.path), "version": str(self.new.version)},
            "bump": self.bump,
            "changes": [asdict(change) for change in self.changes],
            "version": {"declared": str(self.new.version), "needed": str(self.needed),
                        "reason": reason(list(self.changes))},
        }


def diff(old: Path, new: Path) -> Diff:
    """Compare two prompt files, wherever they lie; raise UsageError if one cannot be read."""
    return between(draft(old), draft(new))


def between(old: Prompt, new: Prompt) -> Diff:
    """Compare two prompts."""
    found = changes(old, new)
    return Diff(old, new, tuple(found), needed(old.version, found))


def lines(result: Diff) -> Iterator[str]:
    """Yield what a person reads: each change with its lines, marked - and +."""
    for change in result.changes:
        yield f"{change.bump}: {change.message}"
        old, new = (_as_lines(prompt, change.part) for prompt in (result.old, result.new))
        if max(len(old), len(new)) > MAX_LINES:
            yield f"  (more than {MAX_LINES} lines; not shown)"
            continue
        for line in list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]:
            yield f"  {_printable(line)}"


def draft(path: Path) -> Prompt:
    """Return a prompt, wherever its file lies; raise UsageError at its first fault."""
    reading = read(path)
    if reading.prompt is None:
        finding = reading.findings[0]
        raise UsageError(f"{finding.place}: {finding.message}")
    return reading.prompt


def _printable(line: str) -> str:
    """Return a line that cannot steer the terminal."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


def _as_lines(prompt: Prompt, part: str) -> list[str]:
    if part == "body":
        return prompt.body.split("\n") if not prompt.is_generated else []
    text = json.dumps(prompt.content[part], indent=1, sort_keys=True, ensure_ascii=False)
    return text.split("\n")
