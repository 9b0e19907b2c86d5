"""The prompts as they were at the merge base: what a change is compared with."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops.core import git_objects
from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.git import GitError, git_bytes
from nlp_gitops.core.merge_base import merge_base
from nlp_gitops.core.yamlfile import MAX_BYTES
from nlp_gitops.prompts.file import FILE_NAME

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
