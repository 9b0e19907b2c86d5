"""A finished run of ci.yml, as the event `workflow_run` tells of it, and its pull request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.registry.github_client import Connection, speaking


@dataclass(frozen=True)
class Finished:
    """`conclusion` is GitHub's word for how it ended; owner, branch and sha are the change's."""

    conclusion: str
    owner: str
    branch: str
    sha: str
    url: str


def finished(event: Mapping[str, Any]) -> Finished:
    """Read the event; raise UsageError if it is another one."""
    run = event.get("workflow_run")
    if not isinstance(run, dict) or run.get("event") != "pull_request":
        raise UsageError("this event is not the end of a run for a pull request; "
                         "name one: --pull-request N")
    home = run.get("head_repository") or {}
    return Finished(str(run.get("conclusion")), str((home.get("owner") or {}).get("login")),
                    str(run.get("head_branch")), str(run.get("head_sha")), str(run["html_url"]))


def pull_request(connection: Connection, run: Finished) -> int | None:
    """Return the open pull request whose newest commit the run judged; None if there is none.

    The event itself names no pull request of a fork. A run that a newer commit has overtaken
    belongs to no pull request any more.
    """
    with speaking(connection.host, f"pull request of {run.sha[:7]}"):
        found = connection.ask(lambda: list(connection.repo.get_pulls(
            state="open", head=f"{run.owner}:{run.branch}")))
    return next((pull.number for pull in found if pull.head.sha == run.sha), None)
