"""`--fix`: an edit becomes a new version, and published versions get their content back."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from nlp_gitops.core.errors import CheckFailed, Conflict
from nlp_gitops.core.files import write_atomic
from nlp_gitops.core.names import Version
from nlp_gitops.prompts import checks, diff, history
from nlp_gitops.prompts.file import Prompt, read


def fix(histories: Sequence[history.History]) -> Iterator[str]:
    """Mend P040, P041 and P043 as far as that is safe; yield one line for each thing done.

    A new file is whole before the old one is touched, so a crash in between loses nothing and a
    second run finishes the work.
    """
    for item in histories:
        yield from _fix_newest(item)
        for edit in item.edited:
            if edit.now is not item.newest and _is_kept(edit, item) and not edit.is_redaction:
                yield _restore(edit.past)
        for past in item.removed:
            yield _restore(past)


def _fix_newest(item: history.History) -> Iterator[str]:
    newest = item.newest
    if newest is None:
        return
    for edit in item.edited:
        if history.is_fixable(edit, item):
            yield _write(newest, history.target(edit), diff.reason(list(edit.changes)))
            yield _restore(edit.past)
    for step in item.steps:
        if step.now is newest and step.is_too_small and newest.version > step.before.version:
            yield _write(newest, step.least, diff.reason(list(step.changes)), is_renamed=True)
            newest.path.unlink()
            yield f"removed {newest.path}, which is now {step.least}"


def _is_kept(edit: history.Edited, item: history.History) -> bool:
    """Say whether the newest version holds the edited content, as after a crash of this tool."""
    return item.newest is not None and item.newest.digest == edit.now.digest


def _restore(past: history.Past) -> str:
    write_atomic(past.path, past.data)
    return f"restored {past.path} as it is at the base"


def _write(prompt: Prompt, version: Version, reason: str, is_renamed: bool = False) -> str:
    path = prompt.path.with_name(f"prompt_v{version}{prompt.path.suffix}")
    if path.exists():
        raise Conflict(f"{path}: exists already; remove it, or choose the version by hand")
    write_atomic(path, reversioned(prompt, version, reason, path, is_renamed))
    return f"wrote {path} ({reason})"


def reversioned(prompt: Prompt, version: Version, reason: str, path: Path,
                is_renamed: bool = False) -> str:
    """Return the file's text with another version and a changelog entry, all else as it was.

    `is_renamed` moves the entry of the old version, which then never was. Each way of editing the
    text is tried and read back. Raise CheckFailed if none does exactly what was meant.
    """
    text = _with_version(prompt, version)
    note = f"{checks.STUB}: {reason}"
    drafts = _with_moved_entry(prompt, text, version) \
        if is_renamed and str(prompt.version) in prompt.changelog \
        else _with_entry(prompt, text, version, note)
    for draft in drafts:
        result = read(path, draft).prompt
        if result and result.digest == prompt.digest and result.version == version \
                and str(version) in result.changelog and result.max_tokens == prompt.max_tokens:
            return draft
    raise CheckFailed(f"{prompt.path}: this header cannot be edited automatically; copy the file "
                      f"to {path.name} and set version and changelog to {version} by hand")


def _with_version(prompt: Prompt, version: Version) -> str:
    at = _offset(prompt, prompt.text, "version")
    head, tail = prompt.text[:at], prompt.text[at:]
    return head + re.sub(rf"([^:]*:\s*[\"']?){re.escape(str(prompt.version))}",
                         lambda match: match[1] + str(version), tail, count=1)


def _with_moved_entry(prompt: Prompt, text: str, version: Version) -> Iterator[str]:
    """Yield the one draft in which the old version's entry is the new version's."""
    old = str(prompt.version)
    at = _offset(prompt, text, "changelog", old)
    yield text[:at] + text[at:].replace(old, str(version), 1)


def _with_entry(prompt: Prompt, text: str, version: Version, note: str) -> Iterator[str]:
    """Yield drafts: none needed, flow style, block style, a new changelog."""
    entry = f"{json.dumps(str(version))}: {json.dumps(note, ensure_ascii=False)}"
    if str(version) in prompt.changelog:
        yield text
    elif prompt.changelog:
        first = next(iter(prompt.changelog))
        at = _offset(prompt, text, "changelog", first)
        yield f"{text[:at]}{entry}, {text[at:]}"
        indent = " " * (prompt.position("changelog", first)[1] - 1)
        yield f"{text[:at]}{entry}\n{indent}{text[at:]}"
    else:
        indent = " " * (prompt.position("version")[1] - 1)
        block = f"{indent}changelog:\n{indent}  {entry}\n"
        at = _offset(prompt, text, "version")
        at = text.rindex("\n", 0, at) + 1 if "\n" in text[:at] else 0
        yield text[:at] + block + text[at:]


def _offset(prompt: Prompt, text: str, *keys: str) -> int:
    """Return where a header key stands in a text with the same lines as the prompt's."""
    line, column = prompt.position(*keys)
    return sum(len(part) + 1 for part in text.split("\n")[:line - 1]) + column - 1
