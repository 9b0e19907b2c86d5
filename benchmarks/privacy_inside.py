"""What `bench_privacy.py` runs inside a baked project: labelled texts, and our masking of them."""

import json
import random
import string
import sys
import time
from pathlib import Path

from planted import MAKERS, core

from nlp_gitops.privacy import Masker

# Names have no shape; all tools are compared on what has one.
KINDS = [kind for kind in MAKERS if kind != "name"]
# Of 20 texts 6 hold an identifier, 2 a look-alike, 1 an identifier spelled to deceive.
GROUPS = ["plain"] * 6 + ["alike"] * 2 + ["adversarial"] + ["clean"] * 11
_DRAW = random.Random(5)
_WORDS = ["".join(_DRAW.choice(string.ascii_lowercase) for _ in range(_DRAW.randint(2, 9)))
          for _ in range(3000)]


def _digits(count):
    return "".join(_DRAW.choice(string.digits) for _ in range(count))


# What looks like an identifier and is none.
ALIKE = (
    lambda: f"SKU-{_digits(5)}-{_digits(4)}-{_digits(2)}", lambda: f"v{_digits(1)}.{_digits(2)}.3",
    lambda: f"2026-0{_DRAW.randint(1, 9)}-1{_digits(1)} 10:{_DRAW.randint(10, 59)}:30",
    lambda: f"4111 1111 1111 {_DRAW.randint(1113, 1119)}", lambda: f"order {_digits(7)}",
    lambda: f"{_digits(2)},{_digits(3)}.{_digits(2)} dollars", lambda: f"000-12-{_digits(4)}",
    lambda: f"30{_DRAW.randint(0, 9)}.400.500.600", lambda: f"http://shop.org/item/{_digits(5)}",
    lambda: f"12:{_DRAW.randint(10, 59)} to 16:9", lambda: f"ISBN 978-3-16-{_digits(6)}-0")


def _spelled(value, kind):
    """Return an identifier as somebody writes it who knows that masks look for shapes."""
    if kind == "e-mail":
        return value.replace("@", _DRAW.choice((" at ", " [at] ", "(at)"))).replace(".", " dot ")
    if kind in ("phone", "card", "account", "ip"):
        return _DRAW.choice((
            lambda: value.translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)}),
            lambda: "\u200b".join(value), lambda: " ".join(value.replace(" ", ""))))()
    return value.upper() if kind == "password" else value.replace("-", " ")


def texts(number):
    """Return rows: a text, the identifiers in it as [kind, written], what is alike, its group."""
    rows = []
    for index in range(number):
        words = [min(int(_DRAW.paretovariate(0.7)), len(_WORDS)) for _ in range(30)]
        words = [_WORDS[word - 1] for word in words]
        group = GROUPS[index % len(GROUPS)]
        kind = _DRAW.choice(KINDS)
        value = _DRAW.choice(ALIKE)() if group == "alike" else MAKERS[kind]()
        planted = [[kind, core(value)]] if group == "plain" else []
        if group == "adversarial":
            value = _spelled(value, kind)
            planted = [[kind, value]]
        if group != "clean":
            words.insert(_DRAW.randint(0, 29), value)
        rows.append({"text": " ".join(words), "planted": planted, "group": group,
                     "alike": [value] if group == "alike" else []})
    return rows


def main():
    """Write the texts, mask them in two ways, and write what came out."""
    rows = texts(int(sys.argv[1]))
    Path("labelled.json").write_text(json.dumps(rows))
    found = {}
    for name, masker in (("this project", Masker()), ("this project, HMAC", Masker(key=b"k" * 16))):
        for row in rows[:500]:
            masker(row["text"])
        begin = time.process_time()
        masked = [masker(row["text"]) for row in rows]
        found[name] = {"seconds": time.process_time() - begin, "masked": masked}
    Path("ours.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
