"""Secrets and personal data in a text, by shape. Fast on any input, however hostile."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nlp_gitops.privacy import CARD, EMAIL, KEYS, PHONE, PRIVATE_KEY, URL_PASSWORD, mask
from nlp_gitops.privacy.checkdigits import luhn

__all__ = ("Hit", "mask", "scan")
MAX_HITS = 50

# Names that stand for nobody: RFC 2606 and the fictitious North American numbers.
_NOBODY = re.compile(r"(?:.*\.)?(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)", re.I)
_NO_PHONE = re.compile(r"555\D?01\d\d$")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that should not be in a repository. `shown` reveals at most four characters."""

    kind: str
    line: int
    column: int
    shown: str

    @property
    def is_secret(self) -> bool:
        """Say whether it opens a door, and so must be revoked."""
        return self.kind in ("an API key", "a private key", "a password in a URL")


def scan(text: str) -> list[Hit]:
    """Return the first hits in a text, in its order."""
    hits: list[Hit] = []
    for number, line in enumerate(text.split("\n"), 1):
        for kind, match in sorted(_matches(line), key=lambda pair: pair[1].start()):
            hits.append(Hit(kind, number, match.start() + 1, match[0][:4] + "…"))
            if len(hits) >= MAX_HITS:
                return hits
    return hits


def _matches(line: str) -> Iterator[tuple[str, re.Match[str]]]:
    yield from (("an API key", match) for match in KEYS.finditer(line))
    yield from (("a private key", match) for match in PRIVATE_KEY.finditer(line))
    yield from (("a password in a URL", match) for match in URL_PASSWORD.finditer(line))
    yield from (("an e-mail address", match) for match in EMAIL.finditer(line)
                if not _NOBODY.fullmatch(match[1]))
    yield from (("a phone number", match) for match in PHONE.finditer(line)
                if not _NO_PHONE.search(match[0]))
    yield from (("a card number", match) for match in CARD.finditer(line) if luhn(match[0]))
