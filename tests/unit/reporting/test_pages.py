"""The frame of every page, and the parts that pages share."""

import re
from base64 import b64encode
from hashlib import sha256

import jinja2
import pytest

from nlp_gitops.core import package_files
from nlp_gitops.reporting import pages

HEAD = """{% extends "reporting/templates/base.html" %}
{% import "reporting/templates/macros.html" as m with context %}
{% block title %}{{ text }}{% endblock %}
"""


@pytest.fixture
def made(monkeypatch):
    """Return a page made by a template that was not in the package."""
    def render(body, **values):
        own = {"page.html": HEAD + "{% block body %}" + body + "{% endblock %}"}
        loader = jinja2.ChoiceLoader([jinja2.DictLoader(own), pages.ENVIRONMENT.loader])
        monkeypatch.setattr(pages, "ENVIRONMENT", pages.ENVIRONMENT.overlay(loader=loader))
        return pages.render("page.html", **{"text": "a <b> & 'c'", **values})
    return render


def test_a_page_allows_its_own_style_and_script_and_nothing_else(made):
    html = made("<p>x</p>", script="site/site.js").replace("&#39;", "'")

    style, script = (b64encode(sha256(package_files.text(name).encode()).digest()).decode()
                     for name in (pages.STYLE, "site/site.js"))
    assert html.startswith("<!doctype html>\n<html")
    assert (f"default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; "
            f"form-action 'none'; script-src 'sha256-{script}'") in html
    assert package_files.text("site/site.js") in html and "style-src 'unsafe" not in html


def test_without_a_script_none_may_run(made):
    html = made("<p>x</p>")

    assert "script" not in html.split("</style>")[0].split("<style>")[0]
    assert "</script>" not in html


def test_values_are_escaped_in_every_part(made):
    html = made("""{{ m.badge("NOT_MEASURED") }}{{ m.bullets([text] * 3, 2) }}{{ m.facts([text]) }}
        {{ m.definitions({text: text}, "figures") }}{{ m.definitions([(text, text, text)], "x") }}
        {{ m.cards(text, [text, text], [[text, text]], 2) }}{{ m.plain_table(text, [text], [[text]])
        }}{{ m.changed_lines([text, "+" + text]) }}{{ m.section("x", text, m.bullets([text])) }}""")

    assert "<b>" not in html and html.count("&lt;b&gt; &amp; &#39;c&#39;") == 23
    assert '<span class="badge not_measured">∅ NOT MEASURED</span>' in html
    assert html.count("… and 1 more") == 2


def test_a_section_without_content_is_left_out(made):
    assert "<section" not in made("""{{ m.section("x", "X", m.bullets([])) }}""")


def test_a_table_is_one_for_screen_readers_too(made):
    html = made("""{% call(row) m.cards("c", ["name", "value"], rows, verdict="verdict") %}
        {{ m.cells(["name", "value"], [row.name, 5]) }}{% endcall %}""",
                rows=[{"name": "x", "verdict": "FAIL"}])

    assert re.search(r'<tr role="row" class="fail">\s*<th scope="row" role="rowheader">x</th>\s*'
                     r'<td role="cell" data-label="value">5</td>\s*</tr>', html)


def test_a_missing_value_is_an_error(made):
    with pytest.raises(jinja2.UndefinedError):
        made("{{ nothing }}")


def test_markdown_templates_escape_by_a_filter():
    template = pages.ENVIRONMENT.from_string("{{ '<a|b>'|md }} {{ '&' }}")

    assert template.render() == "&#60;a&#124;b&#62; &"
