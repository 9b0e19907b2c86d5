"""The pages of the package: one Jinja2 environment, and the frame that every page stands in.

A page needs nothing else: its style sheet and its script are inlined, and its content security
policy allows those two and no request. Templates are named by their path below the package, such
as `drift/templates/page.html`. Values are escaped in `.html`; in `.md` a template escapes by the
filter `md`, and a missing value is an error in both.
"""

import hashlib
from base64 import b64encode

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from nlp_gitops.core import package_files
from nlp_gitops.reporting.markdown import escape

STYLE = "reporting/templates/style.css"
# Of gates and of drift. A badge has a mark and a word, so that it needs no colour.
MARKS = {"PASS": "✓", "OK": "✓", "WARN": "!", "INCONCLUSIVE": "?", "INSUFFICIENT": "?",
         "FAIL": "✗", "ALERT": "✗", "CRITICAL": "✗", "NOT_MEASURED": "∅"}


def render(template: str, *, styles: tuple[str, ...] = (STYLE,), script: str = "",
           **values: object) -> str:
    """Return a page from a template that extends `reporting/templates/base.html`.

    `styles` and `script` are files of the package.
    """
    style = "".join(map(package_files.text, styles))
    code = package_files.text(script) if script else ""
    return ENVIRONMENT.get_template(template).render(
        style=style, script=code, policy=_policy(style, code), **values) + "\n"


def _policy(style: str, script: str) -> str:
    scripts = f"; script-src {_digest(script)}" if script else ""
    return (f"default-src 'none'; style-src {_digest(style)}; img-src data:; base-uri 'none'; "
            f"form-action 'none'{scripts}")


def _digest(text: str) -> str:
    """Return how a content security policy names an element by its text."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(package_files.text), undefined=StrictUndefined,
        autoescape=select_autoescape(("html", "svg", "xml"), default_for_string=False),
        trim_blocks=True, lstrip_blocks=True)
    environment.globals["MARKS"] = MARKS
    environment.filters["md"] = escape
    environment.filters["commas"] = "{:,}".format
    # Text of any writing direction leaves the direction of what stands around it alone.
    environment.filters["bdi"] = Markup("<bdi>{}</bdi>").format
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    return environment


ENVIRONMENT = _environment()
