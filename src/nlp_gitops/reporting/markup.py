"""HTML and SVG elements whose text is escaped by construction."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from markupsafe import Markup

VOID = frozenset({"meta", "link", "br"})


Child: TypeAlias = str | None | Iterable["Child"]


def el(name: str, /, *children: Child, **attributes: object) -> Markup:
    """Return an element. `class_` is class, `_` becomes `-`; None and False are left out."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items() if value is not None and value is not False)
    if name in VOID:
        return Markup(f"<{name}{shown}>")
    return Markup(f"<{name}{shown}>{join(children)}</{name}>")


def document(title: str, style: str, *body: Child, script: str = "") -> str:
    """Return a whole page that may load nothing, and run nothing but the given script."""
    policy = (f"default-src 'none'; style-src {_digest(style)}; img-src data:; base-uri 'none'; "
              "form-action 'none'" + (f"; script-src {_digest(script)}" if script else ""))
    return "<!doctype html>\n" + str(el(
        "html",
        el("head", el("meta", charset="utf-8"),
           el("meta", http_equiv="Content-Security-Policy", content=policy),
           el("meta", name="viewport", content="width=device-width, initial-scale=1"),
           el("meta", name="color-scheme", content="light dark"),
           el("meta", name="referrer", content="no-referrer"), el("title", title),
           # Without an icon of its own a browser would ask the network for one.
           el("link", rel="icon", href="data:,"), el("style", Markup(style))),
        el("body", *body, el("script", Markup(script)) if script else None),
        lang="en")) + "\n"


def data(name: str, value: object) -> Markup:
    """Return a value as JSON that a page's script finds by the element's id; it runs nothing."""
    # No text of the value can end the element, or begin a comment in it.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return el("script", Markup(text), id=name, type="application/json")


def join(children: Iterable[Child]) -> Markup:
    """Return children one after the other."""
    return Markup("".join(_text(child) for child in children))


def _digest(text: str) -> str:
    """Return how a content security policy names an element by its text."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


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
