"""Bringing a newer template: cruft merges it, a branch carries it, a pull request proposes it."""

import json
import subprocess
from pathlib import Path

from nlp_gitops.core import git
from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.registry.github_client import Connection, speaking

BRANCH = "template-update"
# One version for everybody, so that an update does the same everywhere.
CRUFT = ("uvx", "--quiet", "--from", "cruft==2.16.0", "cruft")
_AUTHOR = ("-c", "user.name=github-actions[bot]",
           "-c", "user.email=41898282+github-actions[bot]@users.noreply.github.com")


def made_from(root: Path) -> str | None:
    """Return the template's commit that this repository was made from; None if nobody wrote it."""
    path = root / ".cruft.json"
    return json.loads(path.read_text(encoding="utf-8"))["commit"] if path.is_file() else None


def update(root: Path) -> bool:
    """Merge the newest template into the work tree; say if anything changed."""
    if git.is_dirty(root):
        raise UsageError("there are uncommitted changes; commit them, then update")
    if _cruft(root, "check") == 0:
        return False
    if _cruft(root, "update", "--skip-apply-ask"):
        raise NotMeasured("cruft could not update; see its lines above, or type: "
                          "pipx run cruft update")
    return git.is_dirty(root)


def rejected(root: Path) -> list[str]:
    """Return the files that hold what could not be merged."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.rej")
                  if ".venv" not in path.parts)


def push(root: Path, remote: str) -> None:
    """Commit the update on its own branch and push it, over an older update if there is one."""
    git.git(root, "checkout", "--quiet", "-B", BRANCH)
    git.git(root, "add", "--all")
    git.git(root, *_AUTHOR, "commit", "--quiet", "-m", "Update from the template")
    try:
        git.git(root, "push", "--quiet", "--force", remote, BRANCH, env=git.token_environment())
    except git.GitError as error:
        raise CheckFailed(f"the branch {BRANCH} could not be pushed: {error}") from None


def propose(connection: Connection, base: str, text: str) -> int:
    """Open the pull request, or return the number of the one that is open."""
    owner = connection.name.split("/")[0]
    with speaking(connection.host, "pull request of the template's update"):
        found = connection.ask(lambda: list(connection.repo.get_pulls(
            state="open", head=f"{owner}:{BRANCH}")))
        if found:
            return found[0].number
        connection.pace()
        return connection.repo.create_pull(base, BRANCH, title="Update from the template",
                                           body=text).number


def _cruft(root: Path, *arguments: str) -> int:
    try:
        return subprocess.run([*CRUFT, *arguments], cwd=root, stdin=subprocess.DEVNULL,
                              env=git.environment()).returncode
    except FileNotFoundError:
        raise UsageError("uv is not installed; type: pipx install uv") from None
