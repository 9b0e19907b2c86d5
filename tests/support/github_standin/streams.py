"""Uploads and downloads of assets, piece by piece, so that the test's own memory stays flat."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from . import faults, releases
from .answers import Answer, Refused, Request
from .world import Asset, now

_PIECE = 1 << 20
_RELEASE = re.compile(r"releases/(?P<release>\d+)/assets")


@dataclass(frozen=True)
class File:
    """A part of a file to be sent; `start` and `size` in bytes."""

    path: Path
    start: int
    size: int
    status: int
    range: str | None


def upload(request: Request, rest: str, headers: Mapping[str, str], stream: BinaryIO,
           fault: str) -> Answer:
    """Take an asset as GitHub does: rename it, refuse a second of the same name, compute digests.

    With the fault `starter` nothing but an empty asset remains; with `alter` one byte changes.
    """
    size = int(headers.get("Content-Length") or 0)
    request.words.update(_RELEASE.fullmatch(rest).groupdict())
    name = re.sub(r"[^A-Za-z0-9._-]", ".", request.query.get("name", ""))
    try:
        release = releases.find(request)
        _check(release, name, size)
    except Refused:
        skip(stream, size)
        raise
    number = request.repository.next_id()
    path = request.repository.folder / str(number)
    digest = _write(path, stream, size, fault == faults.ALTER)
    item = Asset(number, name, path, size, f"sha256:{digest}", made=now())
    if fault == faults.STARTER:
        item.state, item.size, item.digest = "starter", 0, ""
    release.assets[number] = item
    return Answer(201, without_starters(releases.asset_shape(request, release, item)))


def _check(release: releases.Release, name: str, size: int) -> None:
    if release.immutable:
        raise Refused(422, "Cannot upload assets to an immutable release.")
    if not name or not size:
        raise Refused(400, "Bad Content-Length or name")
    if size > 2147483648:
        raise Refused(422, "Validation Failed", "custom", "ReleaseAsset", "size")
    if name in (item.name for item in release.assets.values()):
        raise Refused(422, "Validation Failed", "already_exists", "ReleaseAsset", "name")


def _write(path: Path, stream: BinaryIO, size: int, altered: bool) -> str:
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        while size:
            piece = stream.read(min(size, _PIECE))
            if not piece:
                raise Refused(400, "the upload ended early")
            size -= len(piece)
            if altered:
                piece, altered = bytes([piece[0] ^ 1]) + piece[1:], False
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def whole(request: Request) -> Asset:
    """Return the asset that a download names."""
    return releases.find_asset(request)[1]


def content(item: Asset, wanted: str | None) -> File:
    """Return an asset's content, or the part that a Range header names."""
    match = re.fullmatch(r"bytes=(\d+)-", wanted or "")
    start = int(match[1]) if match else 0
    if start and start >= item.size:
        raise Refused(416, "Range Not Satisfiable")
    shown = f"bytes {start}-{item.size - 1}/{item.size}" if match else None
    return File(item.path, start, item.size - start, 206 if match else 200, shown)


def copy(file: File, target: BinaryIO, size: int) -> None:
    """Send a part of a file."""
    with open(file.path, "rb") as stream:
        stream.seek(file.start)
        while size:
            piece = stream.read(min(size, _PIECE))
            target.write(piece)
            size -= len(piece)


def skip(stream: BinaryIO, size: int) -> None:
    """Read and forget a body, so that the connection can be used again."""
    while size:
        size -= len(stream.read(min(size, _PIECE))) or size


def without_starters(value: Any) -> Any:
    """Return an answer with `starter` assets as `open`.

    GitHub's prose knows the state `starter`, its description of the API only `uploaded` and `open`.
    """
    if isinstance(value, dict):
        return {key: "open" if (key, inner) == ("state", "starter") else without_starters(inner)
                for key, inner in value.items()}
    return [without_starters(item) for item in value] if isinstance(value, list) else value
