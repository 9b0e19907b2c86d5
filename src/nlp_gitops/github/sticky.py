"""One comment per subject on a pull request or issue: written once, then updated."""

from typing import Any

from nlp_gitops.core.context import in_workflow
from nlp_gitops.registry.github_client import Connection, speaking

# GitHub refuses a longer comment.
MOST_CHARACTERS = 65_000
_CUT = "\n\n_Cut here: GitHub takes no longer comment._\n"


def put(connection: Connection, number: int, mark: str, text: str, create: bool = True) -> str:
    """Write the comment with this mark, or update it; return what was done.

    `create` False only updates. Somebody else's comment that quotes the mark is left alone.
    """
    body = f"<!-- {mark} -->\n{cut(text)}"
    connection.need_token()
    with speaking(connection.host, f"comment on #{number}"):
        issue = connection.ask(lambda: connection.repo.get_issue(number))
        old = connection.ask(lambda: _find(issue, f"<!-- {mark} -->"))
        if old is None and not create:
            return "none there"
        if old is not None and old.body == body:
            return "unchanged"
        connection.pace()
        if old is None:
            issue.create_comment(body)
            return "written"
        connection.ask(lambda: old.edit(body))
        return "updated"


def cut(text: str) -> str:
    """Return the text, cut where GitHub would refuse it."""
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS - len(_CUT)] + _CUT


def _find(issue: Any, mark: str) -> Any | None:
    """Return our comment. A stranger's that begins with our mark could be edited by them later."""
    return next((comment for comment in issue.get_comments()
                 if (comment.body or "").startswith(mark)
                 and (comment.user.type == "Bot" or not in_workflow())), None)
