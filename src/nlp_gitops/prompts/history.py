"""A prompt against its merge base: no version changes its content, no bump is too small."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops.core import git_objects
from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.findings import Finding
from nlp_gitops.core.git import GitError, git_bytes
from nlp_gitops.core.merge_base import merge_base
from nlp_gitops.core.names import Version
from nlp_gitops.core.yamlfile import MAX_BYTES
from nlp_gitops.privacy import sensitive
from nlp_gitops.prompts import diff
from nlp_gitops.prompts.file import FILE_NAME, Prompt, read
from nlp_gitops.prompts.folder import Entry

_ENTRY = re.compile(rb"100(?:644|755) blob ([0-9a-f]+) +(\d+)\t(.+)", re.DOTALL)


@dataclass(frozen=True)
class Base:
    """The prompt files of one commit: path below the folder -> bytes. `commit` None: no commit."""

    commit: str | None
    files: Mapping[str, bytes]


def base_of(folder: Path, ref: str | None) -> Base:
    """Return the prompts at the merge base of HEAD with `ref`, or with the default branch.

    Raise NotMeasured where that commit is not known. A repository without any commit has an empty
    base.
    """
    commit = merge_base(folder, ref)
    try:
        return Base(commit, dict(_files(folder, commit)) if commit else {})
    except GitError as error:
        raise NotMeasured(f"{folder}: {error}") from None


def _files(folder: Path, commit: str) -> Iterator[tuple[str, bytes]]:
    """Yield prompt files of the folder and one level below, as `git ls-tree` lists them."""
    listed = git_bytes(folder, "ls-tree", "-r", "-z", "--long", commit)
    wanted = []
    for line in listed.split(b"\0"):
        match = _ENTRY.fullmatch(line)
        if match and int(match[2]) <= MAX_BYTES:
            path = os.fsdecode(match[3])
            if path.count("/") <= 1 and FILE_NAME.fullmatch(path.rsplit("/", 1)[-1]):
                wanted.append((path, match[1]))
    found = git_objects.read_all(folder, [blob.decode() for _, blob in wanted])
    yield from ((path, blob.data) for (path, _), blob in zip(wanted, found, strict=True) if blob)


@dataclass(frozen=True)
class Past:
    """A prompt file at the base. `prompt` is None where it could not be read."""

    name: str
    version: Version
    path: Path
    data: bytes
    prompt: Prompt | None


@dataclass(frozen=True)
class Edited:
    """A version whose content is not what it was at the base."""

    now: Prompt
    past: Past
    changes: tuple[diff.Change, ...]

    @property
    def is_redaction(self) -> bool:
        """Say whether the edit took out a secret, which no other way can."""
        return bool(sensitive.scan(self.past.data.decode("utf-8", "replace"))
                    and not sensitive.scan(self.now.text))


@dataclass(frozen=True)
class Step:
    """A new version and the one before it. `least` is the lowest version that it may carry."""

    now: Prompt
    before: Prompt
    least: Version
    changes: tuple[diff.Change, ...]

    @property
    def is_too_small(self) -> bool:
        """Say whether the declared version is lower than the changes ask for."""
        return self.now.version < self.least


@dataclass(frozen=True)
class History:
    """What became of one prompt since the base.

    `newest` is None where today's newest file could not be read, `highest` where the base has none.
    """

    name: str
    newest: Prompt | None
    highest: Version | None
    edited: tuple[Edited, ...]
    removed: tuple[Past, ...]
    steps: tuple[Step, ...]
    unreadable: tuple[Past, ...]


def past_files(folder: Path, base: Base,
               prompts: Mapping[Path, Prompt]) -> dict[str, list[Past]]:
    """Return the prompt files at the base by prompt name, lowest version first.

    `prompts` are today's; a file that did not change since is not parsed again.
    """
    found: dict[str, list[Past]] = {}
    for name, data in base.files.items():
        path = folder / name
        match = FILE_NAME.fullmatch(path.name)
        assert match
        home = path.absolute().parent.name
        found.setdefault(home, []).append(
            Past(home, Version.parse(match[1]), path, data,
                 _past_prompt(path, data, prompts.get(path))))
    return {name: sorted(past, key=lambda item: item.version) for name, past in found.items()}


def compare(name: str, entries: Sequence[Entry], prompts: Mapping[Path, Prompt],
            past: Sequence[Past]) -> History:
    """Return a prompt's history; `prompts` are the files that could be read."""
    before = {item.version: item for item in past}
    present = {entry.version for entry in entries}
    now = {entry.version: prompts[entry.path] for entry in entries if entry.path in prompts}
    newest = now[max(now)] if now and max(now) == max(present) else None
    readable = [item for item in past if item.prompt]
    return History(
        name, newest, max(before, default=None), edited=tuple(_edits(now, before)),
        removed=tuple(item for item in past if item.version not in present),
        steps=tuple(_steps(now, before, readable[-1].prompt if readable else None)),
        unreadable=tuple(item for item in past if not item.prompt and item.version in now))


def faults(history: History) -> Iterator[Finding]:
    """Yield P040 to P044 of one prompt."""
    for edit in history.edited:
        yield _edit_fault(edit, history)
    for step in history.steps:
        if history.highest and step.now.version < history.highest:
            yield step.now.finding("P042", f"version {step.now.version} is lower than "
                                   f"{history.highest} at the base", "version",
                                   hint="give it a version above that")
        elif step.is_too_small:
            yield step.now.finding(
                "P041", f"{diff.reason(list(step.changes))} since {step.before.version}: the "
                f"version must be at least {step.least}", "version",
                hint=f"check_prompts.py --fix makes it {step.least}")
    for item in history.removed:
        yield Finding("P043", f"version {item.version} was removed; a registered model may need it",
                      str(item.path), hint="put it back (check_prompts.py --fix does)")
    for item in history.unreadable:
        yield Finding("P044", "version bump not checked: this file could not be read at the base",
                      str(item.path), severity="warning")


def needed(history: History) -> tuple[Version, str]:
    """Return (lowest version, reason) for the newest file, which could be read."""
    newest = history.newest
    assert newest
    for edit in history.edited:
        if edit.now is newest:
            return target(edit), diff.reason(list(edit.changes))
    for step in history.steps:
        if step.now is newest:
            return step.least, diff.reason(list(step.changes))
    return newest.version, "unchanged since the base" if history.highest else "first version"


def is_fixable(edit: Edited, history: History) -> bool:
    """Say whether the edited content can become the next version."""
    return (edit.now is history.newest and edit.past.version == history.highest
            and not edit.is_redaction)


def target(edit: Edited) -> Version:
    """Return the version that an edited file's content should carry."""
    return max(diff.needed(edit.past.version, list(edit.changes)), edit.now.version)


def _edit_fault(edit: Edited, history: History) -> Finding:
    return edit.now.finding(
        "P040", f"{diff.reason(list(edit.changes))}, but this is still version "
        f"{edit.past.version}", "version",
        hint=f"check_prompts.py --fix writes it as {target(edit)} and puts {edit.past.version} back"
        if is_fixable(edit, history)
        else "put the old content back, and make the change in a new version",
        severity="warning" if edit.is_redaction else "error")


def _edits(now: Mapping[Version, Prompt], before: Mapping[Version, Past]) -> Iterator[Edited]:
    for version, prompt in now.items():
        old = before[version].prompt if version in before else None
        if old and old.digest != prompt.digest:
            yield Edited(prompt, before[version], tuple(diff.changes(old, prompt)))


def _steps(now: Mapping[Version, Prompt], before: Mapping[Version, Past],
           last: Prompt | None) -> Iterator[Step]:
    """Yield each new version with the one before it, beginning at the base's highest."""
    for version in sorted(now):
        if version in before or last is None:
            continue
        found = diff.changes(last, now[version])
        yield Step(now[version], last, diff.needed(last.version, found), tuple(found))
        last = max(last, now[version], key=lambda prompt: prompt.version)


def _past_prompt(path: Path, data: bytes, today: Prompt | None) -> Prompt | None:
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return None
    if today and today.text == text:
        return today
    return read(path, text).prompt
