"""Notes on a version's release page: when and how it was promoted or refused, with evidence."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from nlp_gitops.core.names import ModelRef
from nlp_gitops.github.promotion_end import Ended
from nlp_gitops.registry.github_client import Connection, speaking
from nlp_gitops.registry.release_notes import with_notes
from nlp_gitops.reporting.markdown import escape

_TITLES = {"promoted": "✅ Promoted to production", "refused": "❌ Promotion refused",
           "rolled back": "❌ Promotion rolled back"}


def notes(ended: Ended, rows: Sequence[tuple[str, str]], run_url: str | None) -> str:
    """Return the notes in Markdown. Whatever a report says stays text."""
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    lines = [f"### {_TITLES[ended.word]}", "", f"{when}: {escape(ended.why)}", ""]
    if rows:
        lines += ["| evidence | |", "|---|---|",
                  *(f"| {escape(name)} | {escape(text)} |" for name, text in rows), ""]
    return "\n".join(lines + ([f"[The run with all reports]({run_url})"] if run_url else []))


def publish(connection: Connection, ref: ModelRef, text: str, prerelease: bool | None) -> str:
    """Write notes on the version's release; return what was done.

    `prerelease` is what the release should be, None leaves it. Unticking "pre-release" by hand asks
    for a promotion; where it was refused, the tick is set again.
    """
    connection.need_token()
    with speaking(connection.host, f"release {ref}"):
        page = connection.ask(lambda: _release(connection, ref))
        if page is None:
            return f"{ref} has no release to note it on"
        wanted = page.prerelease if prerelease is None else prerelease
        connection.pace()
        connection.ask(lambda: page.update_release(
            page.title, with_notes(page.body or "", text), draft=False, prerelease=wanted,
            make_latest="false" if wanted else _unsaid()))
        return f"noted on the release of {ref}" + (", a pre-release" if wanted else "")


def _unsaid() -> Any:
    from github.GithubObject import NotSet

    return NotSet


def _release(connection: Connection, ref: ModelRef) -> Any | None:
    import github

    try:
        return connection.repo.get_release(str(ref))
    except github.UnknownObjectException:
        return None
