"""An incident or post-mortem as an issue: opened once, and told again as a comment."""

from typing import Any

from nlp_gitops.github import comments
from nlp_gitops.incidents.pages import Page
from nlp_gitops.registry.github_client import Connection, speaking


def put(connection: Connection, page: Page) -> str:
    """Open the issue, or comment on the open one; return what was done.

    People write in the open one, so it is never overwritten.
    """
    connection.need_token()
    with speaking(connection.host, f"issue {page.title}"):
        old = connection.ask(lambda: _open(connection, page))
        connection.pace()
        if old is None:
            made = connection.repo.create_issue(page.title, body=comments.cut(page.body),
                                                labels=list(page.labels))
            return f"opened #{made.number}: {page.title}"
        old.create_comment(comments.cut(page.text))
        return f"#{old.number} is open about it; commented there"


def _open(connection: Connection, page: Page) -> Any | None:
    """Return the open issue with the page's mark. Only who may label here can make one."""
    found = connection.repo.get_issues(state="open", labels=list(page.labels))
    return next((item for item in found if item.pull_request is None
                 and (item.body or "").startswith(f"<!-- {page.mark} -->")), None)
