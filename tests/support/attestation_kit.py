"""Judging bundles with the package's own code, in the environment of the tests."""

import json

from sigstore_kit import HOME

from nlp_gitops.registry import trust_roots
from nlp_gitops.registry.bundle_check import Bad, check

DIGEST = "ab" * 32


def trusted(folder, *roots):
    """Return the trust in some roots, one in each line of a file."""
    path = folder / "roots.jsonl"
    path.write_text("\n".join(map(json.dumps, roots)) + "\n")
    return trust_roots.of_file(path)


def wrong(bundle, trust, home=HOME):
    """Return why a bundle is bad; None if it is good."""
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    try:
        check(data, DIGEST, home, trust)
    except Bad as error:
        return str(error)
    return None
