"""The commit that a change is compared with: a named one, or the default branch's merge base."""

import os
from collections.abc import Iterator
from pathlib import Path

from nlp_gitops.core import git_objects
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.git import GitError, git

FETCH_ALL = "in GitHub Actions give actions/checkout `fetch-depth: 0`; elsewhere: " \
    "git fetch --unshallow, or --base REF"


def merge_base(folder: Path, ref: str | None) -> str | None:
    """Return the merge base of HEAD with `ref`, or with the default branch where `ref` is None.

    None where the repository has no commit yet. Raise NotMeasured where the base is not known.
    """
    try:
        return _named(folder, ref) if ref is not None else _default(folder)
    except (GitError, UsageError) as error:
        raise NotMeasured(f"{folder}: {error}") from None


def _named(folder: Path, ref: str) -> str:
    commit = _commit(folder, ref)
    if commit is None:
        raise NotMeasured(f"--base {ref}: no such commit here; fetch it first ({FETCH_ALL})")
    return _shared(folder, commit) or commit


def _default(folder: Path) -> str | None:
    if _commit(folder, "HEAD") is None:
        # Fails where there is no repository; a repository without a commit passes.
        git(folder, "rev-parse", "--git-dir")
        return None
    if git(folder, "rev-parse", "--is-shallow-repository") == "true":
        raise NotMeasured("the clone is shallow, so the merge base is not known")
    for name in _default_branches():
        commit = _commit(folder, name)
        if commit:
            return _shared(folder, commit) or commit
    raise NotMeasured("no default branch (origin/HEAD, main or master) to compare with")


def _default_branches() -> Iterator[str]:
    if os.environ.get("GITHUB_BASE_REF"):
        yield f"refs/remotes/origin/{os.environ['GITHUB_BASE_REF']}"
    for name in ("HEAD", "main", "master"):
        yield f"refs/remotes/origin/{name}"
    yield from ("refs/heads/main", "refs/heads/master")


def _commit(folder: Path, ref: str) -> str | None:
    try:
        return git_objects.resolve(folder, f"{ref}^{{commit}}")
    except (GitError, ValueError):
        return None


def _shared(folder: Path, commit: str) -> str | None:
    try:
        return git(folder, "merge-base", "HEAD", commit)
    except GitError:
        return None
