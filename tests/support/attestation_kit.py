"""Judging bundles with the generated project's own code, in the environment of the tests."""

import json
import sys

from baking import TEMPLATE
from sigstore_kit import HOME

sys.path.insert(0, str(TEMPLATE))

from nlp_gitops.registry import trust_roots  # noqa: E402
from nlp_gitops.registry.bundle_check import Bad, check  # noqa: E402

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
