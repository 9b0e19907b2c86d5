"""Reports of hostile data: text stays text, personal data is masked, any part may be odd."""

import copy
import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_kit import RENDERERS, everywhere, full

from nlp_gitops.privacy.sensitive import mask
from nlp_gitops.reporting import markdown, output
from nlp_gitops.reporting.html_page import html_page
from nlp_gitops.reporting.report import shown, view

HOSTILE = ("<script>alert(1)</script>", "a|b`c`", "@everyone", "[x](https://evil.test)", "![x](y)",
           "-->", "line\nline", "\x00\x1b[31m", "\u202eright", "\ud800", "😀", "&amp;", "'\"")
PERSONAL = ("jane.doe@corp.com", "jane@example.com", "+49 171 2345678", "4111 1111 1111 1111",
            "ghp_" + "a1" * 18)


@pytest.mark.parametrize("part", sorted(full()))
@pytest.mark.parametrize("value", [None, [], "x", [None, {}], {"x": None}])
def test_any_part_may_be_missing_or_of_another_shape(part, value):
    report = view(full(**{part: value}))

    for render in RENDERERS:
        assert render(report)


def paths(value, path=()):
    yield path
    items = (value.items() if isinstance(value, dict)
             else enumerate(value) if isinstance(value, list) else ())
    for key, part in items:
        yield from paths(part, (*path, key))


ANYTHING = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5),
                     st.just([]), st.just({}), st.lists(st.floats(), max_size=3))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([path for path in paths(full()) if path]), ANYTHING)
def test_any_value_may_be_anything(path, value):
    report = copy.deepcopy(full())
    part = report
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value

    for render in RENDERERS:
        assert render(view(report)).encode()
    svgs(html_page(view(report)))


def svgs(html):
    """Return the drawings of a page; each must be well-formed XML by itself."""
    found, depth, start = [], 0, 0
    for mark in re.finditer("<svg|</svg>", html):
        if mark[0] == "<svg":
            start = start if depth else mark.start()
            depth += 1
        else:
            depth -= 1
            if not depth:
                found.append(ElementTree.fromstring(html[start:mark.end()]))
    return found


@settings(max_examples=30, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4)
                 .map("".join)))
def test_text_from_data_stays_text_in_html(text):
    html = html_page(view(everywhere(text)))

    body = html.split("</style>", 1)[1]
    tags = set(re.findall(r"</?([a-zA-Z][a-zA-Z0-9]*)", body))
    assert tags <= {"head", "body", "html", "header", "main", "footer", "section", "h1", "h2", "p",
                    "span", "ul", "li", "dl", "dt", "dd", "div", "table", "caption", "thead",
                    "tbody", "tr", "th", "td", "strong", "small", "bdi", "svg", "line", "path",
                    "rect", "text", "circle", "polyline", "figure", "figcaption", "details",
                    "summary"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)
    assert svgs(html)


@settings(max_examples=30, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4)
                 .map("".join)))
def test_text_from_data_stays_text_in_markdown(text):
    escaped = markdown.escape(shown(text, 400))

    assert not re.search(r"[<>|`\[\]!*\n]", escaped)
    assert "@" not in escaped and not re.search(r"&#64;(?!&#8203;)", escaped)
    assert "://" not in escaped
    lines = markdown.render(view(everywhere(text))).split("\n")
    columns = {line.count("|") for line in lines if line.startswith("| ")}
    assert columns <= {5, 6, 7, 8}
    assert sum("<!--" in line for line in lines) == 1
    assert re.fullmatch(r"<!-- gate:[\w.-]*(?<!-) -->", lines[1], re.ASCII)


@pytest.mark.parametrize("secret", PERSONAL)
def test_personal_data_is_masked_everywhere(secret):
    report = everywhere(f"ask {secret} now")

    for text in (*(render(view(report)) for render in RENDERERS),
                 json.dumps(output.to_sarif(view(report)))):
        assert secret not in text
        assert secret.split("@")[0] not in text
    published = output.publishable(report)
    del published["lineage"]
    assert secret not in json.dumps(published)


@given(st.text(max_size=60), st.sampled_from(PERSONAL))
def test_masking_twice_changes_nothing(text, secret):
    once = mask(f"{text} {secret} {text}")

    assert mask(once) == once
