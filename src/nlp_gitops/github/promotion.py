"""What may begin a promotion on GitHub: a registered version, on the branch that was reviewed."""

import os
from dataclasses import dataclass

from nlp_gitops.core import context
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project
from nlp_gitops.registry import policy
from nlp_gitops.registry.branch import check_protected
from nlp_gitops.registry.connect import connect
from nlp_gitops.registry.operations import Registry, resolve
from nlp_gitops.registry.reading import source_commit


@dataclass(frozen=True)
class Begun:
    """A promotion that was asked for. `champion` is what production holds now, or `none`."""

    ref: ModelRef
    champion: str

    @property
    def todo(self) -> bool:
        """Say whether there is anything to do: a repeated trigger finds the version there."""
        return self.champion != self.ref.version.tag

    def outputs(self) -> dict[str, str]:
        """Return what later jobs read."""
        return {"ref": str(self.ref), "name": self.ref.name, "version": self.ref.version.tag,
                "champion": self.champion, "todo": str(self.todo).lower()}


def begin(project: Project, registry: Registry, text: str) -> Begun:
    """Return what was asked for; raise UsageError if it is no registered version."""
    _check_branch(project)
    snapshot = registry.snapshot()
    ref = resolve(snapshot, text, project.model().name)
    snapshot.version(ref)
    state = snapshot.states()[ref.name]
    return Begun(ref, state.stages.get("production", "none"))


def check(project: Project, registry: Registry, begun: Begun) -> None:
    """Raise what the registry would raise at the end, before any traffic reaches the version."""
    snapshot = registry.snapshot()
    state = snapshot.states()[begun.ref.name]
    version = snapshot.version_in(state, begun.ref)
    policy.check_frozen("production", project.registry)
    policy.check_revoked(state, begun.ref, "production", False, None)
    policy.check_order(state, version, "production", project.registry)
    check_protected(registry.ledger, project.registry.protected_branch, begun.ref,
                    source_commit(snapshot.manifest(begun.ref)))


def _check_branch(project: Project) -> None:
    branch = project.registry.protected_branch
    if context.in_workflow() and branch and os.environ.get("GITHUB_REF") != f"refs/heads/{branch}":
        raise UsageError(f"promotions run on {branch}, whose gates were reviewed; choose it under "
                         "'Use workflow from'")


def open_registry(project: Project, name: str | None) -> Registry:
    """Return the registry; raise NotMeasured where it holds nothing yet."""
    registry = connect(project, name)
    if registry.snapshot().commit is None:
        raise NotMeasured("the registry holds nothing yet; the first push to main registers a "
                          "version")
    return registry
