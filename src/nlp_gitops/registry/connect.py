"""From `--registry origin` or `local` to a registry that can be written."""

from pathlib import Path

from nlp_gitops.core.project import Project
from nlp_gitops.registry.folder_store import FolderStore
from nlp_gitops.registry.operations import Registry
from nlp_gitops.registry.remotes import github_repository, ledger_of, url_of
from nlp_gitops.registry.signing import signer
from nlp_gitops.registry.store import Store


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
