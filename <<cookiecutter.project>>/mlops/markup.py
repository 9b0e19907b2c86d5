"""HTML and SVG elements whose text is escaped by construction."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

VOID = frozenset({"meta", "link", "br"})


class Markup(str):
    """Text that is markup already. Only `el` and constants of the code may make it."""

    __slots__ = ()


Child: TypeAlias = str | None | Iterable["Child"]


def el(name: str, /, *children: Child, **attributes: object) -> Markup:
    """Return an element. `class_` is class, `_` becomes `-`; None and False are left out."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items() if value is not None and value is not False)
    if name in VOID:
        return Markup(f"<{name}{shown}>")
    return Markup(f"<{name}{shown}>{join(children)}</{name}>")


def document(title: str, style: str, *body: Child) -> str:
    """Return a whole page that may load nothing: no script, no image, no other style."""
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
              "form-action 'none'")
    return "<!doctype html>\n" + el(
        "html",
        el("head", el("meta", charset="utf-8"),
           el("meta", http_equiv="Content-Security-Policy", content=policy),
           el("meta", name="viewport", content="width=device-width, initial-scale=1"),
           el("meta", name="color-scheme", content="light dark"),
           el("meta", name="referrer", content="no-referrer"), el("title", title),
           # Without an icon of its own a browser would ask the network for one.
           el("link", rel="icon", href="data:,"), el("style", Markup(style))),
        el("body", *body), lang="en") + "\n"


def join(children: Iterable[Child]) -> Markup:
    """Return children one after the other."""
    return Markup("".join(_text(child) for child in children))


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    return escape(child, quote=False) if isinstance(child, str) else join(child)


def _value(value: object) -> str:
    if value is True:
        return ""
    return f"{round(value, 2):g}" if isinstance(value, float) else str(value)
