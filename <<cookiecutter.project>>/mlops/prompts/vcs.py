"""The prompts as they were at the merge base: what a change is compared with."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import NotMeasured, UsageError
from mlops.git import GitError, git, git_bytes
from mlops.prompts.file import FILE_NAME
from mlops.yamlfile import MAX_BYTES

FETCH_ALL = "in GitHub Actions give actions/checkout `fetch-depth: 0`; elsewhere: " \
    "git fetch --unshallow, or --base REF; for a first repository: git init"

_ENTRY = re.compile(rb"100(?:644|755) blob ([0-9a-f]+) +(\d+)\t(.+)", re.DOTALL)


@dataclass(frozen=True)
class Base:
    """The prompt files of one commit: path below the folder -> bytes. `commit` "" is before all."""

    commit: str
    files: Mapping[str, bytes]


def base_of(folder: Path, ref: str | None) -> Base:
    """Return the prompts at the merge base of HEAD with `ref`, or with the default branch.

    Raise NotMeasured where that commit is not known. A repository without any commit has an empty
    base.
    """
    try:
        commit = _named(folder, ref) if ref is not None else _default(folder)
        return Base(commit, dict(_files(folder, commit)) if commit else {})
    except UsageError as error:
        raise NotMeasured(str(error)) from None
    except GitError as error:
        raise NotMeasured(f"{folder}: {error}") from None


def _named(folder: Path, ref: str) -> str:
    commit = _commit(folder, ref)
    if commit is None:
        raise NotMeasured(f"--base {ref}: no such commit here; fetch it first ({FETCH_ALL})")
    return _merge_base(folder, commit) or commit


def _default(folder: Path) -> str:
    if _commit(folder, "HEAD") is None:
        return _before_all(folder)
    if git(folder, "rev-parse", "--is-shallow-repository") == "true":
        raise NotMeasured("the clone is shallow, so the merge base is not known")
    for ref in _default_branches():
        commit = _commit(folder, ref)
        if commit:
            return _merge_base(folder, commit) or commit
    raise NotMeasured("no default branch (origin/HEAD, main or master) to compare with")


def _before_all(folder: Path) -> str:
    """Return "" for a repository without a commit; raise NotMeasured where there is none."""
    try:
        git(folder, "rev-parse", "--git-dir")
    except GitError as error:
        if "not a git repository" in error.stderr:
            raise NotMeasured("this folder is in no git repository") from None
        raise
    return ""


def _default_branches() -> Iterator[str]:
    if os.environ.get("GITHUB_BASE_REF"):
        yield f"refs/remotes/origin/{os.environ['GITHUB_BASE_REF']}"
    for name in ("HEAD", "main", "master"):
        yield f"refs/remotes/origin/{name}"
    yield from ("refs/heads/main", "refs/heads/master")


def _commit(folder: Path, ref: str) -> str | None:
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options",
                   f"{ref}^{{commit}}").splitlines()[-1]
    except (GitError, ValueError):
        return None


def _merge_base(folder: Path, commit: str) -> str | None:
    try:
        return git(folder, "merge-base", "HEAD", commit)
    except GitError:
        return None


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
    if not wanted:
        return
    out = git_bytes(folder, "cat-file", "--batch",
                    stdin=b"".join(blob + b"\n" for _, blob in wanted))
    at = 0
    for path, _ in wanted:
        # Each answer is `<id> blob <size>\n<content>\n`.
        start = out.index(b"\n", at) + 1
        end = start + int(out[at:start].split()[2])
        yield path, out[start:end]
        at = end + 1
