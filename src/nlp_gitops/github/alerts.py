"""One open issue per kind of alert: opened, updated while it lasts, closed when it is over."""

from typing import Any

from nlp_gitops.github import sticky
from nlp_gitops.registry.github_client import Connection, speaking


def raised(connection: Connection, kind: str, title: str, text: str) -> tuple[int, bool]:
    """Open the issue of this kind or update the open one; return its number, and if it is new."""
    connection.need_token()
    with speaking(connection.host, f"issue about {kind}"):
        old = connection.ask(lambda: _open(connection, kind))
        connection.pace()
        if old is None:
            made = connection.repo.create_issue(title, body=sticky.cut(text), labels=[_label(kind)])
            return made.number, True
        connection.ask(lambda: old.edit(title=title, body=sticky.cut(text)))
        return old.number, False


def lowered(connection: Connection, kind: str, text: str) -> int | None:
    """Close the open issue of this kind with a last word; return its number, None without one."""
    connection.need_token()
    with speaking(connection.host, f"issue about {kind}"):
        old = connection.ask(lambda: _open(connection, kind))
        if old is None:
            return None
        connection.pace()
        old.create_comment(text)
        connection.ask(lambda: old.edit(state="closed"))
        return old.number


def _label(kind: str) -> str:
    return f"alert:{kind}"


def _open(connection: Connection, kind: str) -> Any | None:
    """Return the oldest open issue of this kind. Only who may label here can make one."""
    found = connection.repo.get_issues(state="open", labels=[_label(kind)])
    return min((item for item in found if item.pull_request is None),
               key=lambda item: item.number, default=None)
