"""Streams to and from GitHub: memory stays flat, a cut download goes on, a terminal shows how far.

PyGithub knows both calls, but sets no time limit on hosts other than the API's, and cannot go on
with a cut download.
"""

import sys
from typing import Any, BinaryIO

from nlp_gitops.core.errors import CheckFailed
from nlp_gitops.registry.github_client import Connection
from nlp_gitops.registry.store import Asset

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
