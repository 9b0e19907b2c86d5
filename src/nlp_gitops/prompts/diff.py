"""Two versions of a prompt side by side: what changed, and which bump that needs."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import Version
from nlp_gitops.prompts import bump
from nlp_gitops.prompts.file import Prompt, read

# Comparing longer texts line by line can take minutes.
MAX_LINES = 2000


@dataclass(frozen=True)
class Diff:
    """From `old` to `new`: the changes, and the lowest version that they may carry."""

    old: Prompt
    new: Prompt
    changes: tuple[bump.Change, ...]
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
                        "reason": bump.reason(list(self.changes))},
        }


def diff(old: Path, new: Path) -> Diff:
    """Compare two prompt files, wherever they lie; raise UsageError if one cannot be read."""
    return between(draft(old), draft(new))


def between(old: Prompt, new: Prompt) -> Diff:
    """Compare two prompts."""
    found = bump.changes(old, new)
    return Diff(old, new, tuple(found), bump.needed(old.version, found))


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
