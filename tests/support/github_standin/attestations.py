"""Attestations of builds, as GitHub lists them, and their bundles in a store of their own."""

import json
from typing import Any
from urllib.parse import urlencode

import cramjam

from .answers import Answer, Refused, Request, missing
from .world import Asset, Attested, Repository, now


def add(repository: Repository, sha256: str, bundle: Any, kind: str = "provenance",
        inline: bool = False) -> Attested:
    """Keep an attestation of a digest; bytes are kept as they are, a value packed as JSON.

    GitHub's listing held the bundles themselves (`inline`) until the summer of 2026.
    """
    number = repository.next_id()
    path = repository.folder / f"{number}.json.sn"
    path.write_bytes(bundle if isinstance(bundle, bytes) else
                     bytes(cramjam.snappy.compress_raw(json.dumps(bundle).encode())))
    made = Attested(Asset(number, path.name, path, path.stat().st_size, "", made=now()), kind,
                    bundle if inline else None)
    repository.attestations.setdefault(f"sha256:{sha256}", []).insert(0, made)
    return made


def listing(request: Request) -> Answer:
    """List the attestations of a digest, newest first; pages go by a cursor."""
    repository = request.repository
    if "attestations" in repository.hidden:
        raise Refused(repository.hidden["attestations"], "Resource not accessible by integration")
    digest = request.words["digest"]
    if digest not in repository.attestations:
        raise missing()
    found = [item for item in repository.attestations[digest]
             if item.kind == request.query.get("predicate_type", item.kind)
             and item.stored.id < int(request.query.get("after", item.stored.id + 1))]
    size = min(100, int(request.query.get("per_page", "30")))
    headers = {}
    if len(found) > size:
        query = urlencode({**request.query, "after": found[size - 1].stored.id})
        headers["Link"] = f'<{request.home}/attestations/{digest}?{query}>; rel="next"'
    return Answer(200, {"attestations": [_shape(request, item) for item in found[:size]]}, headers)


def _shape(request: Request, item: Attested) -> dict[str, Any]:
    return {"bundle": item.inline, "repository_id": 1, "initiator": "user",
            "bundle_url": f"{request.objects}/{item.stored.id}?sig=secret"}


def without_null_bundles(value: Any) -> Any:
    """Return a listing without `bundle` where it is null.

    GitHub sends null since it keeps bundles elsewhere; its description of the API knows no null.
    """
    if not isinstance(value, dict) or "attestations" not in value:
        return value
    return {**value, "attestations": [
        {key: inner for key, inner in item.items() if (key, inner) != ("bundle", None)}
        for item in value["attestations"]]}
