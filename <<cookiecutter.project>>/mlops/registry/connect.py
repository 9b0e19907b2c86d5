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
    return Registry(Ledger(project.root, name), FolderStore(_artifacts(project, name, url)),
                    project.registry)


def _artifacts(project: Project, name: str, url: str) -> Path:
    given = project.registry.artifacts
    if given:
        return (project.root / Path(given).expanduser()).resolve()
    if Path(url).is_dir():
        return Path(url).resolve().with_name(Path(url).name.removesuffix(".git") + "-artifacts")
    raise UsageError(f"{project.root / 'project.yaml'}: registry.artifacts must name a folder for "
                     f"the archives of {name} ({url})")
