"""The assets of a release: streamed to and from GitHub, and compared with the ledger.

PyGithub knows both calls, but sets no time limit on hosts other than the API's, and cannot go on
with a cut download.
"""

import hashlib
import io
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from nlp_gitops.core.errors import CheckFailed, NotMeasured
from nlp_gitops.registry.github_client import Connection, TryAgain
from nlp_gitops.registry.store import Asset, Release

# What a cut can cost of a download.
PIECE = 1 << 18
# To connect, and between two pieces. A server may think for minutes about a finished upload.
_TIMEOUTS_SECONDS = (30, 300)
_WORTH_SHOWING = 10 << 20


class _Meter:
    """Shows on a terminal how many percent of an asset have passed."""

    def __init__(self, asset: Asset, verb: str) -> None:
        self._asset, self._verb = asset, verb
        self._live = asset.size > _WORTH_SHOWING and sys.stderr.isatty()
        self._shown = -1

    def show(self, done: int) -> None:
        """Show how many bytes have passed."""
        percent = 100 * done // max(1, self._asset.size)
        if self._live and percent != self._shown:
            self._shown = percent
            print(f"\r{self._verb} {self._asset.name} {percent} %",
                  end="\n" if done == self._asset.size else "", file=sys.stderr, flush=True)


class _Outgoing:
    """A file on its way out; its length lets `requests` stream it with a Content-Length."""

    def __init__(self, stream: BinaryIO, asset: Asset) -> None:
        self._stream, self._size, self._sent = stream, asset.size, 0
        self._meter = _Meter(asset, "upload")

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most a piece."""
        piece = self._stream.read(min(size, PIECE) if size > 0 else PIECE)
        self._sent += len(piece)
        self._meter.show(self._sent)
        return piece


def upload(connection: Connection, address: str, asset: Asset,
           stream: BinaryIO) -> dict[str, Any]:
    """Send an asset once; return what GitHub says of it.

    `address` is the release's upload_url. Raises GithubException for an answer that is no success,
    and an exception of `requests` for a failed connection.
    """
    stream.seek(0)
    with connection.session.post(
            address.partition("{")[0], params={"name": asset.name}, data=_Outgoing(stream, asset),
            headers={"Content-Type": "application/octet-stream", "Content-Length": str(asset.size),
                     "Accept": "application/vnd.github+json"},
            timeout=_TIMEOUTS_SECONDS, allow_redirects=False) as answer:
        _check(answer)
        return answer.json()


def download(connection: Connection, url: str, asset: Asset, target: BinaryIO) -> None:
    """Write exactly `asset.size` bytes; the caller compares the digest.

    Raises CheckFailed if the server sends more or less, GithubException, or an exception of
    `requests` after five tries without a byte.
    """
    meter, have = _Meter(asset, "download"), 0
    while have < asset.size:
        have += connection.ask(lambda: _part(connection, url, have, asset, target, meter))


def _part(connection: Connection, url: str, have: int, asset: Asset, target: BinaryIO,
          meter: _Meter) -> int:
    """Write what one request brings, from byte `have` on; return how much it was."""
    import requests

    headers = {"Accept": "application/octet-stream", "Accept-Encoding": "identity",
               **({"Range": f"bytes={have}-"} if have else {})}
    got = 0
    # requests follows the redirect and leaves the token out when the host is another one.
    with connection.session.get(url, headers=headers, stream=True,
                                timeout=_TIMEOUTS_SECONDS) as answer:
        _check(answer)
        if have and answer.status_code != 206:
            raise CheckFailed(f"{asset.name}: the server cannot go on with a cut download")
        try:
            for piece in answer.iter_content(PIECE):
                got += len(piece)
                if have + got > asset.size:
                    raise CheckFailed(f"{asset.name}: the server sends more than the registered "
                                      f"{asset.size:,} bytes")
                target.write(piece)
                meter.show(have + got)
        except (requests.ConnectionError, requests.Timeout,
                requests.exceptions.ChunkedEncodingError):
            # What came is good: the next request asks for the rest.
            if not got:
                raise
            return got
    if not got:
        raise CheckFailed(f"{asset.name}: the server has fewer than the registered "
                          f"{asset.size:,} bytes")
    return got


def _check(answer: Any) -> None:
    """Raise GithubException unless the answer is a success."""
    import github

    if answer.status_code < 300:
        return
    try:
        data = answer.json()
    except ValueError:
        data = {"message": answer.reason}
    raise github.GithubException(answer.status_code, data, dict(answer.headers))


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
