"""What builds attested about an archive, as GitHub keeps it: a list, and bundles in a store."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.registry.github_client import Connection, TryAgain, speaking
from nlp_gitops.registry.store import Attestation, Hidden

# GitHub itself attests immutable releases. That says nothing about a build.
_QUERY = "per_page=100&predicate_type=provenance"
_TIMEOUTS_SECONDS = (30, 60)
# A bundle has about 10 KB.
_LARGEST = 16 << 20


def listed(connection: Connection, sha256: str) -> list[Attestation]:
    """Return the build attestations of a digest; none if there are none.

    Raises Hidden if the token must not see them, NotMeasured if the server fails.
    """
    home = f"https://{connection.host}/{connection.name}"
    with speaking(connection.host, "attestations"):
        return [Attestation(partial(_bundle, connection, entry), home)
                for entry in _entries(connection, sha256)]


def _entries(connection: Connection, sha256: str) -> Iterator[Mapping[str, Any]]:
    """Yield every entry of GitHub's listing, page by page."""
    import github

    repo = connection.repo
    address: str | None = f"{repo.url}/attestations/sha256:{sha256}?{_QUERY}"
    while address:
        step = partial(repo.requester.requestJsonAndCheck, "GET", address)
        try:
            headers, data = connection.ask(step)
        except github.UnknownObjectException:
            return
        except github.GithubException as error:
            if error.status != 403:
                raise
            raise Hidden("GitHub does not show them to this token; it needs the right to read "
                         "attestations") from None
        yield from data.get("attestations") or ()
        address = _next(headers)


def _next(headers: Mapping[str, str]) -> str | None:
    """Return the address of the next page; None on the last one."""
    import requests

    links = requests.utils.parse_header_links(headers.get("link", ""))
    return next((link["url"] for link in links if link.get("rel") == "next"), None)


def _bundle(connection: Connection, entry: Mapping[str, Any]) -> bytes:
    """Return the bundle of an entry: in the listing itself, or where that says it lies."""
    if entry.get("bundle") is not None:
        return json.dumps(entry["bundle"]).encode()
    if not entry.get("bundle_url"):
        return b""
    with speaking(connection.host, "the bundle of an attestation"):
        return _unpacked(connection.ask(partial(_fetched, connection, entry["bundle_url"])))


def _fetched(connection: Connection, address: str) -> bytes:
    # The address carries its own right to read; the other host must not see our token.
    with connection.session.get(address, headers={"Authorization": None}, stream=True,
                                timeout=_TIMEOUTS_SECONDS) as answer:
        if answer.status_code >= 500:
            raise TryAgain(f"the server answers {answer.status_code}")
        if answer.status_code != 200:
            raise NotMeasured(f"{connection.host}: the bundle of an attestation cannot be had: "
                              f"{answer.status_code} {answer.reason}")
        data = b""
        for piece in answer.iter_content(1 << 16):
            data += piece
            if len(data) > _LARGEST:
                break
        return data


def _unpacked(data: bytes) -> bytes:
    """Return a bundle's JSON; GitHub serves it packed by snappy. What cannot be unpacked is empty.

    An empty bundle is a bad one for whoever checks it.
    """
    import cramjam

    if data[:1] == b"{":
        return data if len(data) <= _LARGEST else b""
    try:
        if cramjam.snappy.decompress_raw_len(data) > _LARGEST:
            return b""
        return bytes(cramjam.snappy.decompress_raw(data))
    except cramjam.DecompressionError:
        return b""
