"""What killed processes leave in repositories and artifact folders on this machine.

A remote's bare repository is the registry's, so every stale lock in it counts. A work repository is
its owner's. There only two things count: locks of the registry's private refs, and the lock of
packed-refs, which git takes to delete any ref, such as a draft of ours. Others take that one too,
so it must have been left for longer than git ever holds it, and no git may be at work.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nlp_gitops.core import git
from nlp_gitops.registry.folder_store import FolderStore
from nlp_gitops.registry.ledger import DRAFTS

OLD_SECONDS = 10
# git itself waits one second for packed-refs, and holds it as long as rewriting one file takes.
SHARED_SECONDS = 60
ABANDONED_SECONDS = 3600
_GROWTH_SECONDS = 1.0
# Locks, rewritten packed refs, quarantines of pushes, and objects that never got their name.
_LEFT = ("*.lock", "*.new", "refs/**/*.lock", "objects/tmp_objdir-*", "objects/incoming-*",
         "objects/pack/tmp_*", "objects/??/tmp_obj_*")
_OURS = "refs/nlp-registry/**/*.lock"
_SHARED = ("packed-refs.lock", "packed-refs.new")
_PROCESSES = Path("/proc")


def of_remote(folder: Path) -> list[Path]:
    """Return stale locks and quarantines in a bare repository; none while a process works in it."""
    found = {path for pattern in _LEFT for path in folder.glob(pattern)}
    old = [path for path in sorted(found) if _age(path) > OLD_SECONDS]
    return [] if old and _has_workers([folder]) else old


def of_work_repository(repo: Path) -> list[Path]:
    """Return stale locks of ours in the repository of a work tree; none while git works there."""
    folder = git_folder(repo)
    found = [*((path, OLD_SECONDS) for path in sorted(folder.glob(_OURS))),
             *((folder / name, SHARED_SECONDS) for name in _SHARED)]
    old = [path for path, seconds in found if _age(path) > seconds]
    return [] if old and _has_workers([folder, *_work_trees(repo)], _is_git) else old


def drafts(repo: Path) -> list[str]:
    """Return our refs that only served to write or send a commit; nobody needs them any more."""
    found = git.git(repo, "for-each-ref", "--format=%(refname) %(committerdate:unix)", DRAFTS)
    return [name for name, _, made in (line.partition(" ") for line in found.splitlines())
            if time.time() - int(made) > ABANDONED_SECONDS]


def remove_draft(repo: Path, name: str) -> None:
    """Remove such a ref; raise GitError if git cannot."""
    git.git(repo, "update-ref", "-d", name)


def of_store(store: FolderStore, repairing: bool) -> list[Path]:
    """Return unfinished copies that nobody writes any more.

    Copies of large archives last long. Looking only, a copy counts after an hour; when repairing,
    after ten seconds in which nobody has it open and it does not grow.
    """
    found = store.leftovers()
    if not repairing:
        return [path for path in found if _age(path) > ABANDONED_SECONDS]
    old = [path for path in found if _age(path) > OLD_SECONDS and not _is_open(path)]
    sizes = {path: _size(path) for path in old}
    if old:
        time.sleep(_GROWTH_SECONDS)
    return [path for path in old if _size(path) == sizes[path]]


def remove(path: Path) -> None:
    """Remove a leftover; one that is gone already is fine."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def git_folder(repo: Path) -> Path:
    """Return the folder that holds the refs of a repository or of its main work tree."""
    return (repo / git.git(repo, "rev-parse", "--git-common-dir")).resolve()


def _work_trees(repo: Path) -> list[Path]:
    """Return the folders where a command of git may be at work on this repository."""
    listing = git.git(repo, "worktree", "list", "--porcelain")
    return [Path(line.removeprefix("worktree ")) for line in listing.splitlines()
            if line.startswith("worktree ")]


def _has_workers(folders: Sequence[Path],
                 counts: Callable[[Path], bool] = lambda entry: True) -> bool:
    """Say whether a process that counts works in a folder. Without /proc age alone decides."""
    return any(_inside(entry / "cwd", folder) for entry in _others() if counts(entry)
               for folder in folders)


def _is_git(entry: Path) -> bool:
    """Say whether a process of /proc is git, or one of its parts."""
    try:
        name = (entry / "comm").read_text(errors="replace").strip()
    except OSError:
        return False
    return name == "git" or name.startswith("git-")


def _is_open(path: Path) -> bool:
    return any(_inside(link, path) for entry in _others() for link in _files(entry / "fd"))


def _others() -> Iterator[Path]:
    """Yield the other processes of this machine."""
    for entry in _PROCESSES.glob("[0-9]*"):
        if entry.name != str(os.getpid()):
            yield entry


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _inside(link: Path, folder: Path) -> bool:
    """Say whether a link of /proc leads to the folder or into it; False for others' processes."""
    try:
        return Path(os.readlink(link)).is_relative_to(folder)
    except OSError:
        return False


def _age(path: Path) -> float:
    """Return the seconds since the last write; 0 for a file that has just gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
