"""A release on GitHub: what its page says, and drafts, which are told apart by a mark in it.

GitHub finds no draft by its tag, lets two drafts claim the same one, and may list them late.
"""

import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nlp_gitops.registry.github_client import Connection
from nlp_gitops.registry.store import Asset, Release

_BEGIN, _END = "<!-- promotion -->", "<!-- /promotion -->"
_BLOCK = re.compile(rf"{re.escape(_BEGIN)}\n.*?{re.escape(_END)}\n\n", re.DOTALL)
# The mark by which a release is found again must stay the last line.
_LAST = "<!-- model-registry archive="
# The form is kept for ever: releases of years ago are found by it.
_MARK = re.compile(r"^<!-- model-registry archive=([0-9a-f]{64}) -->\s*\Z", re.MULTILINE)
# A listing may lag behind a write by seconds.
_LOOKS = 3


def with_notes(text: str, notes: str) -> str:
    """Return a release's text with these notes in place of the old ones."""
    return _with_block(text, f"{_BEGIN}\n{notes.strip()}\n{_END}\n\n")


def kept(new: str, old: str) -> str:
    """Return a new text with the notes of the old one, if it has any."""
    found = _BLOCK.search(old.replace("\r\n", "\n"))
    return _with_block(new, found[0]) if found else new


def _with_block(text: str, block: str) -> str:
    text = _BLOCK.sub("", text.replace("\r\n", "\n"))
    head, mark, tail = text.rpartition(_LAST)
    return head + block + mark + tail if mark else f"{text.rstrip()}\n\n{block}"


def mark(archive_sha256: str) -> str:
    """Return the invisible last line that names a release's archive."""
    return f"<!-- model-registry archive={archive_sha256} -->"


def marked(text: str | None) -> str | None:
    """Return the archive that a release's text names; None if the release is not ours."""
    found = _MARK.search(text or "")
    return found[1] if found else None


def title(release: Release) -> str:
    """Return the release's title."""
    return f"{release.ref.name} {release.ref.version.tag}"


def body(release: Release, stage: str | None) -> str:
    """Return the release's text in Markdown: stage, lineage, quality, and how to check it."""
    manifest = json.loads(release.papers["manifest.json"])
    rows = [("stage", stage or "none"), ("task", manifest["task"]),
            ("data", manifest["dataset_version"]), ("prompt", manifest["prompt_version"]),
            ("source commit", manifest["source_commit"]), ("owner", manifest["owner"]),
            ("licence", manifest["license"]), *_quality(manifest["metrics"])]
    table = "\n".join(f"| {name} | {_cell(value)} |" for name, value in rows)
    return (f"{_cell(release.description)}\n\n| | |\n|---|---|\n{table}\n\n"
            "Check the files with `sha256sum -c SHA256SUMS`. Who did what and why: branch "
            f"`registry`, `models/{release.ref.name}/`.\n\n{mark(release.archives[0].sha256)}\n")


def _quality(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, f"{metrics[key]:.3f}") for name, key in (("macro-F1", "f1_macro"),
                                                            ("accuracy", "accuracy"))
            if isinstance(metrics.get(key), (int, float))]


def _cell(value: Any) -> str:
    """Return text that stays text in a Markdown table."""
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|@#" else char for char in text)


@dataclass(frozen=True)
class Orphan:
    """A draft of ours that no version needs; `age` in seconds since it was last changed."""

    id: int
    title: str
    archive_sha256: str
    age: float


def best(connection: Connection, archive: Asset, known: int | None = None) -> Any | None:
    """Return the release made for an archive: a published one, else the fullest, oldest draft.

    `known` is the id of one that the listing may not show yet.
    """
    found = {page.id: page for page in _listed(connection, archive.sha256)}
    if known is not None and known not in found:
        page = by_id(connection, known)
        found.update({known: page} if page else {})
    return min(found.values(), default=None,
               key=lambda page: (page.draft, not _holds(page, archive), page.id))


def seen_at_last(connection: Connection, archive: Asset, known: int | None) -> Any | None:
    """Return the release made for an archive, looking again while the listing shows none."""
    for number in range(_LOOKS):
        time.sleep(connection.pause * number)
        page = connection.ask(lambda: best(connection, archive, known))
        if page is not None:
            return page
    return None


def create(connection: Connection, name: str, archive: Asset) -> Any:
    """Return a new draft for an archive."""
    connection.pace()
    return connection.repo.create_git_release(
        f"{name}@draft-{archive.sha256[:12]}", f"{name} (not yet registered)",
        f"Being registered.\n\n{mark(archive.sha256)}\n", draft=True, prerelease=True,
        make_latest="false")


def orphans(connection: Connection, known: Collection[str]) -> Iterator[Orphan]:
    """Yield our drafts whose archive is not in `known` (sha256), or is published already."""
    pages = [(page, marked(page.body)) for page in connection.ask(
        lambda: list(connection.repo.get_releases()))]
    published = {sha256 for page, sha256 in pages if sha256 and not page.draft}
    for page, sha256 in pages:
        if page.draft and sha256 and (sha256 not in known or sha256 in published):
            yield Orphan(page.id, page.name or page.tag_name, sha256, _age(page))


def delete(connection: Connection, orphan: Orphan) -> None:
    """Delete a draft by its id; one that was published or deleted meanwhile is left alone."""
    def step() -> None:
        page = by_id(connection, orphan.id)
        if page is not None and page.draft and marked(page.body) == orphan.archive_sha256:
            connection.pace()
            page.delete_release()

    connection.ask(step)


def by_id(connection: Connection, number: int) -> Any | None:
    """Return a release, draft or not; None if there is none."""
    import github

    try:
        return connection.repo.get_release(number).complete()
    except github.UnknownObjectException:
        return None


def _listed(connection: Connection, sha256: str) -> list[Any]:
    return [page for page in connection.repo.get_releases() if marked(page.body) == sha256]


def _holds(page: Any, archive: Asset) -> bool:
    return any(item.name == archive.name and item.state == "uploaded" and item.size == archive.size
               for item in page.assets)


def _age(page: Any) -> float:
    changed: datetime = page.updated_at or page.created_at
    return time.time() - changed.timestamp()
