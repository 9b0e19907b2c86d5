"""What killed processes leave in repositories and artifact folders on this machine."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from mlops import git
from mlops.registry.folder_store import FolderStore

OLD_SECONDS = 10
ABANDONED_SECONDS = 3600
_GROWTH_SECONDS = 1.0
# Locks, rewritten packed refs, quarantines of pushes, and objects that never got their name.
_LEFT = ("*.lock", "*.new", "refs/**/*.lock", "objects/tmp_objdir-*", "objects/incoming-*",
         "objects/pack/tmp_*", "objects/??/tmp_obj_*")
_PROCESSES = Path("/proc")


def of_repository(folder: Path, ours_only: bool) -> list[Path]:
    """Return stale locks and quarantines in a git folder; none while a process works in it.

    `ours_only` looks only at refs of the registry: the rest of a work repository is its owner's.
    """
    if ours_only:
        found = [*folder.glob("refs/nlp-registry/**/*.lock")]
    else:
        found = [path for pattern in _LEFT for path in folder.glob(pattern)]
    old = [path for path in sorted(found) if _age(path) > OLD_SECONDS]
    return [] if old and _has_workers(folder) else old


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


def _has_workers(folder: Path) -> bool:
    """Say whether a process works in the folder. Where /proc is missing, age alone decides."""
    return any(_inside(link, folder) for entry in _others() for link in [entry / "cwd"])


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
