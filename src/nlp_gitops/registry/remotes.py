"""Where a registry is: from `--registry origin` or `local` to one that can be written."""

import re
from pathlib import Path

from nlp_gitops.core import context, git
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import Project
from nlp_gitops.registry.folder_store import FolderStore
from nlp_gitops.registry.ledger import Ledger
from nlp_gitops.registry.operations import Registry
from nlp_gitops.registry.signing import signer
from nlp_gitops.registry.store import Store

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


def connect(project: Project, name: str | None) -> Registry:
    """Return the registry of that name. `local` is made when first written."""
    ledger = ledger_of(project, name)
    settings = project.registry
    sign = signer(project.root) if settings.sign else None
    if ledger.made_here:
        store: Store = FolderStore(ledger.made_here.parent / "artifacts")
    else:
        store = _store(project, ledger.remote)
    return Registry(ledger, store, settings, sign)


def _store(project: Project, name: str) -> Store:
    """Return the remote's store. Stages can be read without one, so a missing one fails late."""
    found = github_repository(project, name)
    if found:
        from nlp_gitops.registry.github_store import GitHubStore
        return GitHubStore(*found)
    given = project.registry.artifacts
    if given:
        return FolderStore((project.root / Path(given).expanduser()).resolve())
    url = url_of(project.root, name)
    # git, too, reads a relative address from the repository.
    bare = (project.root / url).resolve()
    if bare.is_dir():
        return FolderStore(bare.with_name(bare.name.removesuffix(".git") + "-artifacts"))
    return FolderStore(None, f"{project.root / 'project.yaml'}: registry.artifacts must name a "
                       f"folder for the archives of {name} ({url})")
