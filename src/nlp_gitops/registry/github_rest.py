"""Calls of GitHub's REST API that PyGithub has no method for, through its requester."""

from collections.abc import Iterator
from typing import Any

from nlp_gitops.registry.github_client import Connection


class Refused(Exception):
    """GitHub does not show or set something: the plan or the token has not what it takes."""


def read(connection: Connection, path: str) -> Any | None:
    """Return what lies at a path below the repository; None if nothing does.

    Raises Refused where the plan or the token must not see it, else GitHub's own errors.
    """
    try:
        return call(connection, "GET", path)
    except _Missing:
        return None


def listed(connection: Connection, path: str, key: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield every entry of a listing, page by page; `key` names the list inside its answer.

    Raises Refused also for a listing that is not there: GitHub hides what a token must not see.
    """
    number = 1
    while some := call(connection, "GET", f"{path}?per_page=100&page={number}"):
        entries = some[key] if key else some
        if not entries:
            return
        yield from entries
        number += 1


def write(connection: Connection, method: str, path: str, body: dict[str, Any] | None) -> None:
    """Send one write; raise Refused where the plan or the token must not."""
    connection.pace()
    call(connection, method, path, body)


def call(connection: Connection, method: str, path: str,
         body: dict[str, Any] | None = None) -> Any:
    """Send one request and return its answer; raise Refused for 403, 404 and 422."""
    import github

    repo = connection.repo
    try:
        return connection.ask(lambda: repo.requester.requestJsonAndCheck(
            method, f"{repo.url}/{path}", input=body)[1])
    except github.GithubException as error:
        if error.status not in (403, 404, 422):
            raise
        data = error.data if isinstance(error.data, dict) else {}
        said = " ".join(str(data.get("message", "")).split())
        kind = _Missing if error.status == 404 else Refused
        raise kind(f"GitHub answers {error.status} {said}".rstrip()) from None


class _Missing(Refused):
    """There is nothing at that address, or nothing that the token may see."""
