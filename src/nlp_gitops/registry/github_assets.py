"""The assets of one release: bringing one in whole, and comparing all with the ledger."""

import hashlib
import io
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.registry.github_client import Connection, TryAgain
from nlp_gitops.registry.github_transfer import download, upload
from nlp_gitops.registry.store import Asset, Release


def papers(release: Release) -> dict[Asset, bytes]:
    """Return the small files of a version as assets, with their content."""
    return {Asset(name, len(data), hashlib.sha256(data).hexdigest()): data
            for name, data in release.papers.items()}


def bring(connection: Connection, page: Any, asset: Asset, stream: BinaryIO) -> None:
    """Upload one asset unless it is there whole; what an earlier try left broken is deleted."""
    connection.ask(lambda: _bring_once(connection, page, asset, stream))


def _bring_once(connection: Connection, page: Any, asset: Asset, stream: BinaryIO) -> None:
    import github

    there = listed(page).get(asset.name)
    if there is not None:
        if is_right(connection, there, asset):
            return
        connection.pace()
        there.delete_asset()
    connection.pace()
    try:
        made = upload(connection, page.upload_url, asset, stream)
    except github.GithubException as error:
        # The last try may have been heard after all: look again.
        if error.status == 422 and _is_taken(error):
            raise TryAgain(f"GitHub says that {asset.name} is there already") from None
        raise
    # A server without digests is asked for the bytes before the release is published.
    if (made["state"], made["size"]) != ("uploaded", asset.size) or (
            made.get("digest") not in (None, f"sha256:{asset.sha256}")):
        raise TryAgain(f"GitHub holds other bytes of {asset.name} than were sent")


def listed(page: Any) -> dict[str, Any]:
    """Return the assets of a release by name, as the server has them now."""
    return {item.name: item for item in page.get_assets()}


def is_right(connection: Connection, there: Any, asset: Asset) -> bool:
    """Say whether an asset on the server is whole; without a digest it is downloaded to see."""
    if there.state != "uploaded" or there.size != asset.size:
        return False
    if there.digest is not None:
        return there.digest == f"sha256:{asset.sha256}"
    sink = _Digest()
    download(connection, there.url, asset, cast(BinaryIO, sink))
    return sink.sha256.hexdigest() == asset.sha256


def differences(connection: Connection, page: Any, wanted: Mapping[str, Asset]) -> list[str]:
    """Return what is missing, altered or too much among a release's assets."""
    there = listed(page)
    found = [f"its release has no asset {name}" for name in wanted if name not in there]
    found += [f"the asset {name} is not the registered one" for name, asset in wanted.items()
              if name in there and not is_right(connection, there[name], asset)]
    return found + [f"its release has an asset {name} that the ledger does not know"
                    for name in there if name not in wanted]


def check_tag(connection: Connection, tag: str) -> None:
    """Raise NotMeasured unless the tag is there: GitHub would make a lightweight one itself."""
    import github

    try:
        connection.ask(lambda: connection.repo.get_git_ref(f"tags/{tag}").complete())
    except github.UnknownObjectException:
        raise NotMeasured(f"GitHub does not show the tag {tag} yet; push it before its release: "
                          "python tools/registry.py doctor --repair") from None


def _is_taken(error: Any) -> bool:
    errors = error.data.get("errors") if isinstance(error.data, dict) else None
    return any(isinstance(item, dict) and item.get("code") == "already_exists"
               for item in errors or ())


class _Digest(io.RawIOBase):
    """Takes bytes and keeps only their digest."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: Any) -> int:
        """Take the next bytes."""
        self.sha256.update(data)
        return len(data)
