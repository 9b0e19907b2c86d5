"""Made-up identifiers of all kinds, to plant into texts and to look for afterwards."""

import random
import string

from nlp_gitops.privacy import checkdigits

_DRAW = random.Random(17)


def _digits(count):
    return "".join(_DRAW.choice(string.digits) for _ in range(count))


def _card():
    head = "4" + _digits(14)
    return next(head + last for last in string.digits if checkdigits.luhn(head + last))


def _account():
    bank = _digits(18)
    return f"DE{98 - int(bank + '131400') % 97:02d}{bank}"


MAKERS = {
    "e-mail": lambda: f"user{_digits(6)}@mail{_digits(3)}.org",
    "phone": lambda: f"+49 170 {_digits(7)}",
    "card": _card,
    "account": _account,
    "ip": lambda: ".".join(str(_DRAW.randint(1, 254)) for _ in range(4)),
    "password": lambda: f"https://u{_digits(4)}:p{_digits(8)}@db{_digits(3)}.host/x",
    "id": lambda: f"{_DRAW.randint(100, 665)}-{_DRAW.randint(10, 99)}-{_DRAW.randint(1000, 9999)}",
    "key": lambda: "gh" + "p_" + "".join(_DRAW.choice(string.ascii_letters) for _ in range(36)),
    "name": lambda: "Quentin" + "".join(_DRAW.choice(string.ascii_lowercase) for _ in range(6)),
}


def identifiers(number):
    """Return (kind, value) pairs, no value twice."""
    kinds = list(MAKERS)
    found = {}
    while len(found) < number:
        kind = kinds[len(found) % len(kinds)]
        found[MAKERS[kind]()] = kind
    return [(kind, value) for value, kind in found.items()]


def core(value):
    """Return the part of a value that may appear nowhere: an address without its scheme and host.
    """
    return value.removeprefix("https://").partition("@db")[0] if "://" in value else value
