"""Whether production changed since a run was asked for: a doubled click must do nothing twice."""

import os
from datetime import datetime

from nlp_gitops.core.project import Project
from nlp_gitops.registry import github_client
from nlp_gitops.registry.github_client import speaking
from nlp_gitops.registry.reading import Snapshot


def asked_at(project: Project) -> datetime:
    """Return when this workflow run was asked for, as GitHub knows it."""
    connection = github_client.connect(project)
    number = int(os.environ["GITHUB_RUN_ID"])
    with speaking(connection.host, f"run {number}"):
        return connection.ask(lambda: connection.repo.get_workflow_run(number).created_at)


def changed_since(snapshot: Snapshot, name: str, moment: datetime) -> str | None:
    """Return the event that changed production after a moment, as a line; None if none did."""
    state = snapshot.states().get(name)
    seq = state.since.get("production") if state else None
    if seq is None:
        return None
    event = next(iter(snapshot.events(name, [seq])))
    if datetime.fromisoformat(event.at) <= moment:
        return None
    return f"#{event.seq} {event.subject} ({event.at})"
