"""From `--registry origin` or `local` to a registry that can be read and written."""

import os
from pathlib import Path

from mlops import git
from mlops.errors import UsageError
from mlops.project import Project
from mlops.registry.ledger import Ledger
from mlops.registry.operations import Registry
from mlops.registry.store import FolderStore

LOCAL_FOLDER = ".registry"


def default_name() -> str:
    """Return `origin` inside GitHub Actions, else `local`, so a laptop never writes by accident."""
    return "origin" if os.environ.get("GITHUB_ACTIONS") == "true" else "local"


def connect(project: Project, name: str | None) -> Registry:
    """Return the registry of that name. `local` is made when first written."""
    name = name or default_name()
    if name == "local":
        folder = project.root / LOCAL_FOLDER
        bare = folder / "registry.git"
        return Registry(Ledger(project.root, str(bare), made_here=bare),
                        FolderStore(folder / "artifacts"), project.registry)
    try:
        url = git.git(project.root, "remote", "get-url", name)
    except git.GitError:
        raise UsageError(f"no git remote {name!r} here; use --registry local, or: "
                         f"git remote add {name} URL") from None
    return Registry(Ledger(project.root, name), _store(project, name, url), project.registry)


def _store(project: Project, name: str, url: str) -> FolderStore:
    """Return the remote's store. Stages can be read without one, so a missing one fails late."""
    given = project.registry.artifacts
    if given:
        return FolderStore((project.root / Path(given).expanduser()).resolve())
    if Path(url).is_dir():
        bare = Path(url).resolve()
        return FolderStore(bare.with_name(bare.name.removesuffix(".git") + "-artifacts"))
    return FolderStore(None, f"{project.root / 'project.yaml'}: registry.artifacts must name a "
                       f"folder for the archives of {name} ({url})")
