"""Archives as assets of GitHub releases: one release for each version.

A release begins as a draft, is filled, compared with the server's own digests, and published after
the ledger has the version. Every call finishes what an interrupted one left.
"""

import io
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import CheckFailed, NotMeasured
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry import github_assets, github_attestations, github_releases
from nlp_gitops.registry.github_assets import download
from nlp_gitops.registry.github_client import PATIENCE_SECONDS, PAUSE_SECONDS, Connection, speaking
from nlp_gitops.registry.github_releases import Orphan, body, kept, title
from nlp_gitops.registry.store import Asset, Attestation, Release

# GitHub takes assets below 2 GiB. 1.9 GiB leaves room for what it may count differently.
LARGEST = 1945 << 20
# A draft that was touched within a day may be somebody's upload.
ORPHAN_SECONDS = 86400.0
_LIVE = ("staging", "shadow", "production")
_LOOKS = 4


@dataclass(frozen=True)
class GitHubStore:
    """The releases of `repository` (`owner/name`) on `host`.

    `pause` is the least time in seconds between two writes and the unit of back-off; `patience` is
    how many seconds the server may make a command wait in all.
    """

    host: str
    repository: str
    pause: float = PAUSE_SECONDS
    patience: float = PATIENCE_SECONDS
    # Releases made by this process, by archive: the listing may not show them yet.
    _made: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def connection(self) -> Connection:
        """Return the connection to the repository; nothing is asked of the server yet."""
        return Connection(self.host, self.repository, self.pause, self.patience)

    def keep(self, name: str, archives: Mapping[Asset, Path]) -> None:
        """Upload archives to a draft release of their own; what is there whole stays."""
        for archive in archives:
            _check_size(archive)
        self.connection.need_token()
        for archive, path in archives.items():
            with speaking(self.host, f"upload of {archive.name}"), open(path, "rb") as stream:
                page = self.connection.ask(lambda: self._page(name, archive))
                github_assets.bring(self.connection, page, archive, stream)

    def _page(self, name: str, archive: Asset) -> Any:
        """Return the release for an archive, a new draft if there is none."""
        page = github_releases.best(self.connection, archive, self._made.get(archive.sha256))
        if page is None:
            page = github_releases.create(self.connection, name, archive)
        self._made[archive.sha256] = page.id
        return page

    def publish(self, release: Release, stage: str | None) -> None:
        """Publish a version's release, or bring the published one to its stage.

        Production is no pre-release and becomes GitHub's latest release, so the one it replaces
        stops being it. A version that is archived, or in no stage, keeps its flag.
        """
        tag, connection = str(release.ref), self.connection
        connection.need_token()
        with speaking(self.host, f"release {tag}"):
            page = self._published(release.ref) or github_releases.seen_at_last(
                connection, release.archives[0], self._made.get(release.archives[0].sha256))
            if page is None:
                raise NotMeasured(f"{tag} has no release and no draft with its archive on "
                                  f"{self.host}; register it again from its packed folder")
            self._fill(page, release)
            if page.draft:
                self._check_draft(page, release)
            connection.ask(lambda: self._show(page, release, stage))
            wrong = self._read_back(release, stage)
        if wrong:
            raise NotMeasured(f"{tag}: {wrong[0]}")

    def check(self, ref: ModelRef, archive: Asset) -> None:
        """Raise unless the published release holds the archive with its size and digest."""
        with speaking(self.host, f"release {ref}"):
            self._asset(ref, archive)

    def local(self, archive: Asset) -> Path | None:
        """Return None: assets are on the server."""
        return None

    def fetch(self, ref: ModelRef, archive: Asset, target: Path) -> None:
        """Download an asset into a new file, going on where a cut connection stopped."""
        with speaking(self.host, f"download of {archive.name}"):
            found = self._asset(ref, archive)
            with open(target, "xb") as stream:
                try:
                    download(self.connection, found.url, archive, stream)
                except BaseException:
                    target.unlink()
                    raise

    def faults(self, release: Release, stage: str | None) -> list[str]:
        """Return what the release lacks or shows wrongly."""
        with speaking(self.host, f"release {release.ref}"):
            return self._wrong(release, stage)

    def attestations(self, archive: Asset) -> list[Attestation]:
        """Return what builds attested about an archive; raise Hidden if the token may not see."""
        return github_attestations.listed(self.connection, archive.sha256)

    def orphans(self, known: Collection[str]) -> list[Orphan]:
        """Return our drafts that no version needs; `known` are the ledger's archives (sha256)."""
        with speaking(self.host, "drafts"):
            return list(github_releases.orphans(self.connection, known))

    def delete(self, orphan: Orphan, older_than: float = ORPHAN_SECONDS) -> bool:
        """Delete a draft of ours that nobody touched for `older_than` seconds; say if it went."""
        if orphan.age < older_than:
            return False
        with speaking(self.host, f"draft {orphan.id}"):
            github_releases.delete(self.connection, orphan)
        return True

    def _published(self, ref: ModelRef) -> Any | None:
        import github

        try:
            return self.connection.ask(lambda: self.connection.repo.get_release(str(ref)))
        except github.UnknownObjectException:
            return None

    def _asset(self, ref: ModelRef, archive: Asset) -> Any:
        """Return a published asset as the server tells of it; raise unless it is the right one."""
        page = self._published(ref)
        found = self._listed(page).get(archive.name) if page else None
        if found is None:
            raise NotMeasured(f"{ref}: no published release with {archive.name} on {self.host}; "
                              "see: python tools/registry.py doctor")
        if not github_assets.is_right(self.connection, found, archive):
            raise CheckFailed(f"{ref}: the asset {archive.name} is not the registered one")
        return found

    def _listed(self, page: Any) -> dict[str, Any]:
        return self.connection.ask(lambda: github_assets.listed(page))

    def _fill(self, page: Any, release: Release) -> None:
        """Bring the papers that the release lacks."""
        there = self._listed(page)
        for paper, data in github_assets.papers(release).items():
            if paper.name not in there or not github_assets.is_right(
                    self.connection, there[paper.name], paper):
                github_assets.bring(self.connection, page, paper, io.BytesIO(data))

    def _check_draft(self, page: Any, release: Release) -> None:
        """Raise unless the draft is complete and its tag is there: publishing cannot be undone."""
        wrong = self.connection.ask(
            lambda: github_assets.differences(self.connection, page, _wanted(release)))
        if wrong:
            raise NotMeasured(f"{release.ref} is not published: {wrong[0]}; register it again from "
                              "its packed folder")
        github_assets.check_tag(self.connection, str(release.ref))

    def _show(self, page: Any, release: Release, stage: str | None) -> None:
        """Bring title, text and flags to what the ledger says; nothing is written for nothing."""
        prerelease = stage != "production" if stage in _LIVE else page.prerelease
        text = kept(body(release, stage), page.body or "")
        wanted = (title(release), text, False, prerelease, str(release.ref))
        if (page.name, page.body, page.draft, page.prerelease, page.tag_name) == wanted:
            return
        name, text, draft, prerelease, tag = wanted
        self.connection.pace()
        page.update_release(name, text, draft=draft, prerelease=prerelease, tag_name=tag,
                            make_latest="true" if stage == "production" else "false")

    def _read_back(self, release: Release, stage: str | None) -> list[str]:
        """Return what is wrong with the published release; the server may need a moment."""
        return _at_last_none(lambda: self._wrong(release, stage), self.pause)

    def _wrong(self, release: Release, stage: str | None) -> list[str]:
        page = self._published(release.ref)
        if page is None:
            return ["its release is not published"]
        found = []
        if stage in _LIVE and page.prerelease != (stage != "production"):
            found.append(f"its release is {'a' if page.prerelease else 'no'} pre-release, but the "
                         f"version is in {stage}")
        return found + self.connection.ask(
            lambda: github_assets.differences(self.connection, page, _wanted(release)))


def _check_size(archive: Asset) -> None:
    if archive.size > LARGEST:
        raise CheckFailed(
            f"{archive.name}: {archive.size:,} bytes, but an asset on GitHub holds at most "
            f"{LARGEST:,}; register smaller models (split it, or store the weights elsewhere and "
            "pack their address and sha256), or name another remote and registry.artifacts in "
            "project.yaml; nothing was uploaded")


def _wanted(release: Release) -> dict[str, Asset]:
    return {asset.name: asset
            for asset in (*release.archives, *github_assets.papers(release))}


def _at_last_none(look: Callable[[], list[str]], pause: float) -> list[str]:
    """Return what `look` finds; while that is something, look again a few times."""
    found = look()
    for number in range(1, _LOOKS):
        if not found:
            break
        time.sleep(pause * number)
        found = look()
    return found
