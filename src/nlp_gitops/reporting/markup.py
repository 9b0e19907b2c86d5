"""HTML and SVG elements whose text is escaped by construction."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
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


def cards(caption: str, header: Sequence[str], rows: Sequence[tuple[str, Sequence[Child]]],
          total: int) -> Markup:
    """Return a table whose rows become cards on a narrow screen; a row is (verdict, cells)."""
    # The roles keep it a table for screen readers when the style sheet shows cards.
    head = el("tr", (el("th", name, scope="col", role="columnheader",
                        class_="wide" if isinstance(name, Markup) else None) for name in header),
              role="row")
    body = (el("tr", el("th", cells[0], scope="row", role="rowheader"),
               (el("td", cell, role="cell", data_label=None if isinstance(name, Markup) else name)
                for name, cell in zip(header[1:], cells[1:], strict=True)),
               role="row", class_=verdict.lower() or None) for verdict, cells in rows)
    return join([el("table", el("caption", caption), el("thead", head, role="rowgroup"),
                    el("tbody", body, role="rowgroup"), class_="cards", role="table"),
                 _more(total, "p", len(rows))])


def _more(total: int, name: str, shown: int) -> Markup | None:
    left = total - shown
    return el(name, f"… and {left:,} more", class_="note") if left > 0 else None


def plain_table(caption: str, header: Sequence[str],
                rows: Iterable[Sequence[Child]]) -> Markup:
    """Return a table of names and numbers, which scrolls by itself where it is too wide."""
    head = el("tr", el("th", header[0], scope="col"),
              (el("th", name, scope="col", class_="num") for name in header[1:]))
    body = (el("tr", el("th", cells[0], scope="row"),
               (el("td", cell, class_="num") for cell in cells[1:])) for cells in rows)
    return el("div", el("table", el("caption", caption), el("thead", head), el("tbody", body),
                        class_="plain"),
              class_="scroll", tabindex="0", role="region", aria_label=caption)
