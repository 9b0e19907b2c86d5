"""Where a registry is: from `--registry origin` or `local` to a ledger, which suffices to read."""

import re
from pathlib import Path

from nlp_gitops.core import context, git
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import Project
from nlp_gitops.registry.ledger import Ledger

LOCAL_FOLDER = ".registry"
# https://host/owner/name.git, ssh://git@host/owner/name.git, git@host:owner/name.git
_URL = re.compile(r"(?:https://(?:[^@/]+@)?|ssh://(?:[^@/]+@)?|[^@/]+@)(?P<host>[^/:]+)(?::\d+)?"
                  r"[/:](?P<repository>[^/]+/[^/]+?)(?:\.git)?/?")


def default_name() -> str:
    """Return `origin` inside GitHub Actions, else `local`, so a laptop never writes by accident."""
    return "origin" if context.in_workflow() else "local"


def ledger_of(project: Project, name: str | None) -> Ledger:
    """Return the ledger alone, which is enough to read stages and history."""
    name = name or default_name()
    if name != "local":
        return Ledger(project.root, name)
    bare = project.root / LOCAL_FOLDER / "registry.git"
    return Ledger(project.root, str(bare), made_here=bare)


def github_repository(project: Project, remote: str) -> tuple[str, str] | None:
    """Return (host, owner/name) of a remote on GitHub or the Enterprise host; else None."""
    match = _URL.fullmatch(url_of(project.root, remote, raw=True))
    if match and match["host"].lower() in ("github.com", project.registry.github_host):
        return match["host"].lower(), match["repository"]
    return None


def url_of(root: Path, name: str, raw: bool = False) -> str:
    """Return a remote's address; `raw` is the one written down, before git's own rewriting."""
    try:
        return git.git(root, *(("config", "--get", f"remote.{name}.url") if raw
                               else ("remote", "get-url", name)))
    except git.GitError:
        raise UsageError(f"no git remote {name!r} here; use --registry local, or: "
                         f"git remote add {name} URL") from None
