"""Making a bare repository that keeps a registry whole: an update hook beside everything else.

`receive.denyDeletes` and `receive.denyNonFastForwards` stay as they are. They know no tags; the
first one would also keep `doctor` from removing a torn tag, the second one would bind the team's
own branches. The hook protects the ledger and its tags, and nothing else.
"""

import os
import shutil
import tempfile
from pathlib import Path

from nlp_gitops.core import git, package_files
from nlp_gitops.core.errors import Conflict, UsageError
from nlp_gitops.core.files import write_atomic

_HOOK = "registry/update-hook.sh"
_SIGN = "# nlp-gitops registry: update hook."
_BEFORE = "update.before-registry"


def init_remote(path: Path) -> list[str]:
    """Make a bare repository at `path`, or upgrade the one there; return what was done.

    Raises UsageError for a folder that is no bare repository, and Conflict for hooks that cannot
    be kept beside ours.
    """
    done = []
    if not path.exists() or path.is_dir() and not any(path.iterdir()):
        make_bare(path, "main")
        return [f"made the bare repository {path} with its update hook"]
    if not is_bare(path):
        raise UsageError(f"{path}: is there, but is no bare git repository; name a new folder, or "
                         "one made by git init --bare")
    kept = _foreign(path)
    if install_hook(path):
        done.append(f"installed the update hook in {hooks_folder(path)}")
        if kept:
            done.append(f"the hook that was there goes on working as {_BEFORE}")
    return done or [f"{path} has its update hook already"]


def make_bare(path: Path, branch: str) -> None:
    """Make a bare repository with its hook, whole or not at all; `branch` is what HEAD names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        git.git(draft, "init", "--quiet", "--bare", f"--initial-branch={branch}", ".")
        install_hook(draft)
        draft.chmod(0o755)
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        draft.rename(path)
    except OSError:
        # Somebody else made it meanwhile.
        if not is_bare(path):
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def install_hook(repository: Path) -> bool:
    """Put the update hook in; return False if it is there. A foreign one is kept and called first.

    Raises Conflict where that would change hooks of other repositories, or lose one.
    """
    if has_hook(repository):
        return False
    hooks = hooks_folder(repository)
    if hooks != (repository / "hooks").resolve():
        raise Conflict(f"{repository}: core.hooksPath sends git to {hooks}, which other "
                       "repositories may share; unset it for this one: git -C "
                       f"{repository} config core.hooksPath hooks")
    hooks.mkdir(exist_ok=True)
    hook, before = hooks / "update", hooks / _BEFORE
    if _foreign(repository):
        if before.exists():
            raise Conflict(f"{hook} is not ours, and {before} is taken; merge the two by hand, "
                           "then type the command again")
        shutil.copy2(hook, before)
    draft = hooks / ".update.new"
    write_atomic(draft, package_files.read(_HOOK))
    draft.chmod(0o755)
    os.replace(draft, hook)
    return True


def has_hook(repository: Path) -> bool:
    """Say whether the present update hook is installed and can be run."""
    hook = hooks_folder(repository) / "update"
    return (hook.is_file() and hook.read_bytes() == package_files.read(_HOOK)
            and os.access(hook, os.X_OK))


def hooks_folder(repository: Path) -> Path:
    """Return where git looks for the repository's hooks."""
    return (repository / git.git(repository, "rev-parse", "--git-path", "hooks")).resolve()


def is_bare(path: Path) -> bool:
    """Say whether a folder is itself a bare repository, not merely inside one."""
    try:
        answer = git.git(path, "rev-parse", "--is-bare-repository", "--absolute-git-dir")
    except (git.GitError, NotADirectoryError):
        return False
    bare, _, folder = answer.partition("\n")
    return bare == "true" and Path(folder).resolve() == path.resolve()


def _foreign(repository: Path) -> bool:
    """Say whether there is an update hook that is not ours, of any age."""
    hook = hooks_folder(repository) / "update"
    return hook.is_file() and _SIGN not in hook.read_text(encoding="utf-8", errors="replace")
