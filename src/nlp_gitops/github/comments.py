"""One comment per subject on a pull request: for a finished run of ci.yml, its gate report."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core.context import in_workflow
from nlp_gitops.core.errors import UsageError, UserError
from nlp_gitops.registry.github_client import Connection, speaking
from nlp_gitops.reporting import markdown
from nlp_gitops.reporting.output import read_report
from nlp_gitops.reporting.report import view

# GitHub refuses a longer comment.
MOST_CHARACTERS = 65_000
_CUT = "\n\n_Cut here: GitHub takes no longer comment._\n"
MARK = "model-gate"


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


def text(report: Path, run: Finished | None) -> str:
    """Return the comment. The report may come from a stranger's fork: it is rendered anew here."""
    link = f"\n[The run with all reports]({run.url})\n" if run else ""
    if not report.is_file():
        return _without(run) + link
    try:
        return markdown.comment(view(read_report(report))) + link
    except UserError as error:
        return (f"## 🚫 The report cannot be read\n\n{markdown.escape(str(error))}\n"
                + link)


def is_news(report: Path, run: Finished | None) -> bool:
    """Say whether the comment is worth making where there is none yet."""
    return report.is_file() or run is None or run.conclusion != "success"


def _without(run: Finished | None) -> str:
    if run and run.conclusion == "success":
        return ("## ✅ Nothing to measure\n\nNothing that the model is made of or judged by "
                "changed, so it was not trained again.\n")
    return ("## ❌ The checks failed\n\nThe evaluation gate did not run, or could not finish. "
            "The annotations on the changed files say what to fix.\n")
