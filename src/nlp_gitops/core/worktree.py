"""A commit checked out for a while, beside the work tree and without touching it."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.git import GitError, git


@contextmanager
def checked_out(repo: Path, commit: str, patch: bytes = b"") -> Iterator[Path]:
    """Give a work tree of a commit with a patch applied; nothing of it is left afterwards.

    Return the folder in it that corresponds to `repo`, which need not be the repository's top.
    Raise NotMeasured if the commit is not here or the patch does not fit it.
    """
    _require(repo, commit)
    inside = git(repo, "rev-parse", "--show-prefix")
    folder = Path(tempfile.mkdtemp(prefix="nlp-gitops-"))
    tree = folder / "tree"
    with _stopped_cleanly():
        try:
            # A hook of the user's would run in a folder that it knows nothing of.
            git(repo, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--quiet",
                str(tree), commit)
            if patch:
                _apply(tree, patch)
            yield tree / inside
        finally:
            _remove(repo, tree)
            shutil.rmtree(folder, ignore_errors=True)


def _remove(repo: Path, tree: Path) -> None:
    try:
        git(repo, "worktree", "remove", "--force", "--force", str(tree))
    except GitError:
        # It was stopped half made. Then git forgets it once the folder is gone.
        shutil.rmtree(tree, ignore_errors=True)
        git(repo, "worktree", "prune", "--expire=now")


def _require(repo: Path, commit: str) -> None:
    try:
        git(repo, "cat-file", "-e", f"{commit}^{{commit}}")
    except GitError:
        raise NotMeasured(f"commit {commit[:12]} is not in this repository; fetch it: "
                          "git fetch --all (in a shallow clone: git fetch --unshallow)") from None


def _apply(tree: Path, patch: bytes) -> None:
    try:
        git(tree, "apply", "--whitespace=nowarn", "-", stdin=patch)
    except GitError as error:
        raise NotMeasured(f"the recorded patch does not fit its commit: {error}") from None


@contextmanager
def _stopped_cleanly() -> Iterator[None]:
    """Turn SIGTERM, with which CI stops a job, into an exception, so that `finally` runs."""
    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
