"""Secrets and personal data in a text, by shape. Fast on any input, however hostile."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_HITS = 50

# Every repetition is bounded and every pattern is anchored on its left, so that no text makes the
# search quadratic.
_KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?=[A-Za-z_-]{0,30}\d)[A-Za-z0-9_-]{20,200}"
    r"|gh[opsur]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,100}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35}|xox[abprs]-[A-Za-z0-9-]{10,200}"
    r"|hf_[A-Za-z0-9]{30,100})")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")
_URL_PASSWORD = re.compile(
    r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@]{0,100}:[^\s/@]{1,200}@")
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![\w-])")
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d[\d ()./-]{6,18}\d|(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4})(?![\w-])")
_CARD = re.compile(
    r"(?<![\w.-])(?:[2-6]\d{3}([ -]?)\d{4}\1\d{4}\1\d{4}|3[47]\d{2}([ -]?)\d{6}\2\d{5})(?![\w-])")

# What `mask` writes in place of each shape; a key goes first, with all that follows it.
_MASKS = (
    (re.compile(_PRIVATE_KEY.pattern + r"(?s:.*?)(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"),
     "[key]"),
    (_KEYS, "[key]"), (_URL_PASSWORD, "[password]@"), (_EMAIL, "[e-mail]"), (_CARD, "[card]"),
    (_PHONE, "[phone]"))

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


def mask(text: str) -> str:
    """Return a text without what `scan` looks for, and without its harmless look-alikes."""
    for pattern, instead in _MASKS:
        text = pattern.sub(instead, text)
    return text


def _matches(line: str) -> Iterator[tuple[str, re.Match[str]]]:
    yield from (("an API key", match) for match in _KEYS.finditer(line))
    yield from (("a private key", match) for match in _PRIVATE_KEY.finditer(line))
    yield from (("a password in a URL", match) for match in _URL_PASSWORD.finditer(line))
    yield from (("an e-mail address", match) for match in _EMAIL.finditer(line)
                if not _NOBODY.fullmatch(match[1]))
    yield from (("a phone number", match) for match in _PHONE.finditer(line)
                if not _NO_PHONE.search(match[0]))
    yield from (("a card number", match) for match in _CARD.finditer(line) if _luhn(match[0]))


def _luhn(text: str) -> bool:
    """Say whether the digits end in their own check digit, as card numbers do."""
    digits = [int(char) for char in text if char.isdigit()]
    doubled = [digit if index % 2 else (digit * 2 - 9 if digit > 4 else digit * 2)
               for index, digit in enumerate(reversed(digits), 1)]
    return sum(doubled) % 10 == 0
