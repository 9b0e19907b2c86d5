"""Taking personal data and secrets out of a text: e-mail, phone, card, account, IP, ids, keys.

By shape, and where there is one by check digit; fast enough for the path of every request. Names
of people have no shape: this finds those on a list, where project.yaml names one.

`mask` writes `[e-mail]`; with a key, `[e-mail:kfpbncam]`, the same for the same value, so that rows
about one person can still be joined by whoever has the text, and by nobody without the key.
"""

import hmac
import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import Project
from nlp_gitops.privacy import checkdigits, listed_names

KEY_VARIABLE = "PRIVACY_KEY"
_LEAST_KEY = 16

# Every repetition is bounded and every pattern is anchored on its left, so that no text makes the
# search quadratic.
KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?=[A-Za-z_-]{0,30}\d)[A-Za-z0-9_-]{20,200}"
    r"|gh[opsur]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,100}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35}|xox[abprs]-[A-Za-z0-9-]{10,200}"
    r"|hf_[A-Za-z0-9]{30,100})")
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")
URL_PASSWORD = re.compile(
    r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@]{0,100}:[^\s/@]{1,200}@")
EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![\w-])")
PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d[\d ()./-]{6,18}\d|(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4})(?![\w-])")
CARD = re.compile(
    r"(?<![\w.-])(?:[2-6]\d{3}([ -]?)\d{4}\1\d{4}\1\d{4}|3[47]\d{2}([ -]?)\d{6}\2\d{5})(?![\w-])")

_WHOLE_PRIVATE_KEY = re.compile(
    PRIVATE_KEY.pattern + r"(?s:.*?)(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)")
# International e-mail, which `EMAIL` does not report as a finding in a prompt.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+'-]{1,64}@(?:[\w-]{1,63}\.){1,8}\w{2,24}(?![\w-])")
# An address spelled out, and numbers with a space after each digit.
_SPELLED_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}(?: ?[\[(]at[\])] ?| at |@)"
    r"(?:[\w-]{1,63}(?: ?[\[(]dot[\])] ?| dot )){1,8}(?:com|org|net|edu|gov|info|io|ai|app|dev|"
    r"co|eu|uk|us|ca|au|de|at|ch|fr|be|nl|es|pt|br|it|pl|se|no|dk|fi|in|jp)(?![\w-])",
    re.IGNORECASE)
_SPACED_CARD = re.compile(r"(?<!\w)[2-6](?: \d){12,18}(?!\w)")
_SPACED_PHONE = re.compile(r"(?<!\w)\+ ?\d(?: \d){7,14}(?!\w)")
# Characters that are not seen, and digits and signs of full width, are written plainly first.
_PLAIN = {**dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff")),
          **{0xFF10 + digit: 0x30 + digit for digit in range(10)},
          ord("＋"): "+", ord("－"): "-", ord("．"): ".", ord("＠"): "@"}
# A number of a country's own network: a zero, an area, and a separator.
_ANY_PHONE = re.compile(
    PHONE.pattern
    + r"|(?<![\w.+-])(?<!\d )(?:\(0\d{2,5}\)|0\d{2,5})[ /-]\d{3,4}[ -]?\d{2,5}(?![\w-])")
_IBAN = re.compile(
    r"(?<!\w)[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?!\w)")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")

# Most texts hold few digits, so the shapes of numbers are looked for around them only. Digits that
# are at most 24 characters apart lie in one window, which shows 12 characters on both sides: no
# shape begins or ends farther from its digits.
_DIGITS = re.compile(r"\d(?:[\d.]| \d \d)(?:\D{0,24}\d)*")
_AROUND = 12
_ENOUGH = re.compile(r"\d(?:\D{0,3}\d){5}|\.\d{1,3}\.\d{1,3}\.\d")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Shape:
    """What one kind looks like. `hint` is a text without which it cannot occur."""

    kind: str
    pattern: re.Pattern[str]
    hint: str = ""
    check: Callable[[str], bool] | None = None


_SECRETS = (
    Shape("key", _WHOLE_PRIVATE_KEY, "-----BEGIN"), Shape("password", URL_PASSWORD, "://"),
    Shape("e-mail", _EMAIL, "@"), Shape("e-mail", _SPELLED_EMAIL, "dot"))
_KEY_SHAPE = Shape("key", KEYS)
_IPV6_SHAPE = Shape("ip", _IPV6, check=_is_ip)
_PHONES = (Shape("phone", _ANY_PHONE), Shape("phone", _SPACED_PHONE, "+"))
_NUMBERS = (
    Shape("account", _IBAN, "", checkdigits.iban), Shape("card", CARD, "", checkdigits.luhn),
    Shape("card", _SPACED_CARD, "", checkdigits.luhn),
    Shape("ip", _IPV4, ".", _is_ip),
    # Ids whose shape hardly anything else has are looked for in every language.
    Shape("id", re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), "-",
          checkdigits.social_security),
    Shape("id", re.compile(r"(?<!\w)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?"
                           r"[A-D](?!\w)")),
    Shape("id", re.compile(r"(?<!\w)[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?!\w)")),
    Shape("id", re.compile(r"(?<![\w.])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])"), "-",
          checkdigits.brazilian),
    Shape("id", re.compile(r"(?<![\w-])[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}"
                           r"(?!\w)"), "", checkdigits.french),
    Shape("id", re.compile(r"(?<!\w)(?:\d{8}|[XYZ]\d{7})-?[A-Z](?!\w)"), "", checkdigits.spanish),
    Shape("id", re.compile(r"(?<![\w-])\d{6}[-+]\d{4}(?![\w-])"), "", checkdigits.luhn))
# Plain digits are ids only where the language of the project says so.
_IDS_BY_LANGUAGE = {
    "de": (Shape("id", re.compile(r"(?<![\w.-])\d{2} ?\d{3} ?\d{3} ?\d{3}(?!\w|[.-]\d)"), "",
                 checkdigits.german),),
    "nl": (Shape("id", re.compile(r"(?<![\w.-])\d{9}(?!\w|[.-]\d)"), "", checkdigits.dutch),),
    "pl": (Shape("id", re.compile(r"(?<![\w.-])\d{11}(?!\w|[.-]\d)"), "", checkdigits.polish),),
    "pt": (Shape("id", re.compile(r"(?<![\w.-])\d{11}(?!\w|[.-]\d)"), "", checkdigits.brazilian),)}


@dataclass(frozen=True)
class Masker:
    """What is taken out of texts. With a `key` the same value gets the same letters."""

    language: str = "en"
    key: bytes | None = None
    names: listed_names.Names = frozenset()

    def __call__(self, text: str) -> str:
        """Return the text without personal data and secrets."""
        if not text.isascii():
            text = text.translate(_PLAIN)
        for shape in _SECRETS:
            if shape.hint in text:
                text = self._without(shape, text)
        if text.count(":") > 1:
            text = self._without(_IPV6_SHAPE, text)
        if "-" in text or "_" in text or "AKIA" in text or "ASIA" in text or "AIza" in text:
            text = self._without(_KEY_SHAPE, text)
        parts: list[str] = []
        done = 0
        for found in _DIGITS.finditer(text):
            begin, end = max(found.start() - _AROUND, done), found.end() + _AROUND
            window = text[begin:end]
            if _ENOUGH.search(window):
                parts += (text[done:begin], self._numbers(window))
                done = begin + len(window)
        text = "".join((*parts, text[done:])) if parts else text
        return self._without_names(text) if self.names else text

    def _without_names(self, text: str) -> str:
        parts: list[str] = []
        done = 0
        for begin, end in listed_names.spans(text, self.names):
            # What stands here for something else may be a name as well.
            if not (text[:begin].endswith("[") and text[end:end + 1] in ("]", ":")):
                parts += (text[done:begin], f"[name{self._letters(text[begin:end])}]")
                done = end
        return "".join((*parts, text[done:]))

    def _numbers(self, window: str) -> str:
        own = _IDS_BY_LANGUAGE.get(self.language.partition("-")[0], ())
        for shape in (*_NUMBERS, *own, *_PHONES):
            if shape.hint in window:
                window = self._without(shape, window)
        return window

    def _without(self, shape: Shape, text: str) -> str:
        # Most shapes are not there, and looking alone is cheaper than replacing.
        if shape.pattern.search(text) is None:
            return text
        return shape.pattern.sub(self._instead(shape.kind, shape.check), text)

    def _instead(self, kind: str, check: Callable[[str], bool] | None = None
                 ) -> Callable[[re.Match[str]], str]:
        # What a password stands in is part of an address; the address goes on after the sign.
        end = "@" if kind == "password" else ""

        def instead(match: re.Match[str]) -> str:
            if check and not check(match[0]):
                return match[0]
            return f"[{kind}{self._letters(match[0])}]{end}"

        return instead

    def _letters(self, value: str) -> str:
        """Return letters only: digits could look like a number again."""
        if self.key is None:
            return ""
        plain = re.sub(r"[\s()./-]", "", value).casefold().encode("utf-8", "replace")
        return ":" + "".join(chr(97 + byte % 26) for byte in hmac.digest(
            self.key, plain, "sha256")[:10])


mask = Masker()


def of(project: Project) -> Masker:
    """Return what the settings of a project ask for, without a key."""
    names = listed_names.read(project.private_names) if project.private_names else frozenset()
    return Masker(project.language, names=names)


def key() -> bytes:
    """Return the key of the environment; raise UsageError if it is too short to be one.

    Plain hashes of short texts, addresses and numbers can be guessed; keyed ones cannot.
    """
    found = os.environ.get(KEY_VARIABLE, "").encode()
    if len(found) < _LEAST_KEY:
        raise UsageError(f"put a key of at least {_LEAST_KEY} characters into the environment "
                         f"variable {KEY_VARIABLE}")
    return found
