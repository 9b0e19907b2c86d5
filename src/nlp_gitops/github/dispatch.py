"""Starting a workflow of the repository on GitHub."""

from collections.abc import Mapping

from nlp_gitops.core import context
from nlp_gitops.core.project import Project
from nlp_gitops.registry.github_client import Connection, speaking
from nlp_gitops.registry.remotes import default_name, github_repository


def dispatch(connection: Connection, workflow: str, branch: str,
             inputs: Mapping[str, str]) -> str:
    """Start a workflow as it is on a branch; return the page that lists its runs."""
    connection.need_token()
    with speaking(connection.host, f"start of {workflow}"):
        connection.pace()
        connection.repo.get_workflow(workflow).create_dispatch(branch, dict(inputs), throw=True)
    return f"https://{connection.host}/{connection.name}/actions/workflows/{workflow}"


def promotes_there(project: Project, registry: str | None) -> Connection | None:
    """Return where promote.yml does the work; None inside of it, or where the remote has none.

    A laptop can write the registry, but it has neither the canary nor the traffic.
    """
    name = registry or default_name()
    if context.in_workflow() or name == "local":
        return None
    found = github_repository(project, name)
    return Connection(*found) if found else None
