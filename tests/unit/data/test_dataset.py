"""Rows of a dataset: every fault of a row is found, told with its place, and nothing else is."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from nlp_gitops.core.findings import Finding
from nlp_gitops.data import codes
from nlp_gitops.data.check import measure
from nlp_gitops.data.codes import Collector, severities
from nlp_gitops.data.command import check_and_fix
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.data.report import Report
from nlp_gitops.data.texts import personal
from nlp_gitops.privacy import sensitive

SCHEMA = """\
name: reviews
version: 1.0.0
license: internal
schema:
  id: string
  text: {type: string, max_length: 500}
  label: {enum: [negative, neutral, positive]}
  stars: {type: integer, required: false}
  price: {type: number, required: false, nullable: true}
  paid: {type: boolean, required: false}
  code: {type: string, required: false, min_length: 2, pattern: "^[a-z]+$"}
quality_checks: {severity: {D043: off, D044: off, D092: off}}
splits: {train: train.jsonl, test: test.jsonl}
"""
TEST = '{"id": "t-1", "text": "a row of the test split", "label": "positive"}\n'

Check = Callable[..., Report]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Write a dataset of two splits and check it; give train as rows, text or bytes."""
    def run(train: Any, schema: str = SCHEMA, test: str = TEST, **options: Any) -> Report:
        if isinstance(train, list):
            train = "".join(json.dumps(row) + "\n" for row in train)
        if isinstance(train, str):
            train = train.encode()
        (tmp_path / "dataset.yaml").write_text(schema, encoding="utf-8")
        (tmp_path / "train.jsonl").write_bytes(train)
        (tmp_path / "test.jsonl").write_text(test, encoding="utf-8")
        assert found_by(tmp_path, fast=True) == found_by(tmp_path, fast=False)
        return check_and_fix(tmp_path / "dataset.yaml", **options)[0]

    return run


def found_by(folder: Path, fast: bool) -> tuple[list[Finding], str | None]:
    """Return the findings and the test digest by the fast or the plain path alone."""
    manifest = load_manifest(folder / "dataset.yaml")
    found = Collector(severities(manifest.checks))
    measured = measure(manifest, found, fast)
    return found.findings, measured.test_sha256


def row(**values: Any) -> dict[str, Any]:
    """Return a good row with some values replaced."""
    return {"id": "r-1", "text": "a row of the train split", "label": "neutral", **values}


def without(name: str) -> dict[str, Any]:
    """Return a good row without a field."""
    return {key: value for key, value in row().items() if key != name}


def about_rows(report: Report) -> list[Finding]:
    """Return the findings on rows; a bare dataset also lacks its pin and its git base."""
    return [finding for finding in report.findings if finding.code not in ("D071", "D081")]


def test_good_rows_give_no_finding(check: Check) -> None:
    # Given rows that use every type, in several layouts
    lines = [json.dumps(row(id="a", text='quoted "text" and \\ and ü', stars=-3, price=None)),
             json.dumps(row(id="b", text="ünïcode 😀", price=1.5e3, paid=True), ensure_ascii=False),
             '{ "label":"positive" , "text":"other order","id":"c", "code":"ab" }\r']
    # When / then
    assert about_rows(check("\n".join(lines))) == []


@pytest.mark.parametrize("code, field, wrong", [
    ("D010", "label", without("label")),
    ("D010", "text", without("text")),
    ("D011", "text", row(text=123)),
    ("D011", "text", row(text=["a"])),
    ("D011", "text", row(text={"a": 1})),
    ("D011", "text", row(text="half \ud800 a character")),
    ("D011", "label", row(label=True)),
    ("D011", "stars", row(stars="5")),
    ("D011", "stars", row(stars=True)),
    ("D011", "stars", row(stars=5.0)),
    ("D011", "stars", row(stars=2**53 + 1)),
    ("D011", "price", row(price="5")),
    ("D011", "price", row(price=True)),
    ("D011", "paid", row(paid=1)),
    ("D011", "paid", row(paid="true")),
    ("D012", "text", row(text=None)),
    ("D012", "stars", row(stars=None)),
    ("D013", "text", row(text="")),
    ("D013", "text", row(text=" \u00a0\n")),
    ("D013", "id", row(id="")),
    ("D014", "label", row(label="Neutral")),
    ("D017", "text", row(text="long " * 101)),
    ("D017", "code", row(code="a")),
    ("D018", "code", row(code="ab1")),
])
def test_a_wrong_value_is_one_finding(check: Check, code: str, field: str,
                                      wrong: Mapping[str, Any]) -> None:
    # Given a faulty row between good ones
    rows = [row(id="g-1", text="good one"), wrong, row(id="g-2", text="good two")]
    # When it is checked
    found = about_rows(check(rows))
    # Then there is this finding alone, with its place
    assert [(item.code, item.field, item.line, item.severity) for item in found] == [
        (code, field, 2, "error")]
    assert found[0].file and found[0].file.endswith("train.jsonl")
    assert found[0].id == (wrong.get("id") or None)


@pytest.mark.parametrize("code, line, part", [
    ("D001", b'{"id": "r-1", "text": "open', "not JSON"),
    ("D001", b"[1]", "must be a JSON object"),
    ("D001", b'{"id": "r-1", "text": NaN, "label": "neutral"}', "NaN is not JSON"),
    ("D001", b'{"id": "r-1", "text": "x", "label": "neutral", "price": -Infinity}', "-Infinity"),
    ("D001", b'{"id": "r-1", "text": "\xff", "label": "neutral"}', "not UTF-8 at byte 24 (ff)"),
    ("D001", b'{"id": "r-1", "text": "tab\there", "label": "neutral"}', "control character"),
    ("D001", b'{"id": "r-1", "stars": ' + b"9" * 5000 + b"}", "too many digits"),
    ("D001", b'{"id": "r-1", "more": ' + b"[" * 60 + b"]" * 60 + b"}", "nested deeper"),
    pytest.param("D001", b"[" * 200_000, "nested deeper", id="nested"),
    ("D002", b'{"id": "r-1", "id": "r-2", "text": "x", "label": "neutral"}', "duplicate key 'id'"),
    ("D002", b'{"id": "r-1", "text": "x", "label": "neutral", "m": {"a": 1, "a": 2}}', "'a'"),
])
def test_a_line_that_is_no_row(check: Check, code: str, line: bytes, part: str) -> None:
    # Given
    good = b'{"id": "g-1", "text": "good", "label": "neutral"}\n'
    # When
    found = about_rows(check(good + line + b"\n"))
    # Then
    assert [(item.code, item.line) for item in found] == [(code, 2)]
    assert part in found[0].message


def test_an_overlong_line_is_skipped_and_the_rest_is_read(check: Check) -> None:
    # Given a line of 50 MB between two rows
    good = b'{"id": "g-%d", "text": "good %d", "label": "neutral"}\n'
    # When
    report = check(good % (1, 1) + b'{"id": "' + b"x" * 50_000_000 + b'"}\n' + good % (2, 2))
    # Then
    assert [(item.code, item.line) for item in about_rows(report)] == [("D004", 2)]
    assert report.splits["train"].rows == 2


def test_byte_order_mark_and_empty_lines_are_warnings(check: Check) -> None:
    report = check(b"\xef\xbb\xbf" + json.dumps(row()).encode() + b"\n\n \n")
    assert [(item.code, item.line, item.severity) for item in about_rows(report)] == [
        ("D003", 1, "warning"), ("D003", 2, "warning")]
    assert report.splits["train"].rows == 1


def test_an_unknown_field_is_told_once(check: Check) -> None:
    report = check([row(), row(id="r-2", text="b", lang="en"), row(id="r-3", text="c", lang="de")])
    assert [(item.code, item.line, item.field) for item in about_rows(report)] == [
        ("D015", 2, "lang")]
    assert "2 rows" in about_rows(report)[0].message


def test_spans_must_lie_in_their_text(check: Check) -> None:
    # Given a schema of spans
    schema = SCHEMA.replace("label: {enum: [negative, neutral, positive]}", "label: spans")
    spans = [{"start": 0, "end": 5, "label": "X"}]
    test = json.dumps(row(id="t", text="test text", label=spans)) + "\n"
    rows = [row(id="a", text="12345", label=spans), row(id="b", text="1234", label=spans),
            row(id="c", text="abc", label=[{"start": "0", "end": 1, "label": "X"}]),
            row(id="d", text="abcd", label=[7])]
    # When / then
    assert [(item.code, item.id) for item in about_rows(check(rows, schema, test))] == [
        ("D011", "c"), ("D011", "d"), ("D016", "b")]


def test_enums_may_hold_numbers_and_booleans(check: Check) -> None:
    schema = SCHEMA.replace("[negative, neutral, positive]", "[0, 1]")
    test = json.dumps(row(id="t", text="test text", label=1)) + "\n"
    rows = [row(id="a", text="one", label=0), row(id="b", text="two", label=True),
            row(id="c", text="three", label="1"), row(id="d", text="four", label=2)]
    assert [(item.code, item.id) for item in about_rows(check(rows, schema, test))] == [
        ("D011", "b"), ("D011", "c"), ("D014", "d")]


def test_the_nearest_label_is_proposed(check: Check) -> None:
    found = about_rows(check([row(label="postive")]))
    assert found[0].hint == "'postive': did you mean 'positive'?"


def test_texts_with_odd_characters_are_warned_of(check: Check) -> None:
    rows = [row(id=str(index), text=text) for index, text in enumerate(
        ["bell \x07", "lost \ufffd", "caf\u00c3\u00a9", "it\u00e2\u20ac\u2122s", "del \x7f",
         "c1 \x85", "fine: é ü â Â £ ñ \t \n", "NÃO", "“fine” ’ …"])]
    assert [(item.code, item.id) for item in about_rows(check(rows))] == [
        ("D051", str(index)) for index in range(6)]


@pytest.mark.parametrize("level, severity", [("warn", "warning"), ("fail", "error"), ("off", None)])
def test_personal_data_is_found_as_the_manifest_wants(check: Check, level: str,
                                                      severity: str | None) -> None:
    schema = SCHEMA.replace("quality_checks: {", f"quality_checks: {{pii: {level}, ")
    found = about_rows(check([row(text="mail jane.doe@firm.org now")], schema))
    assert [(item.code, item.severity) for item in found] == (
        [("D060", severity)] if severity else [])
    assert not any("jane.doe" in item.message for item in found)


@pytest.mark.parametrize("text", [
    "write to jane@firm.org", "call (212) 867-5309", "call +49 30 901820", "call 212.867.5309",
    "card 4111 1111 1111 1111", "card 371449635398431", "see https://me:word@host.org/x",
    "gh" + "p_" + "a1" * 18, "gith" + "ub_pat_" + "a1" * 11, "gl" + "pat-" + "a1" * 10,
    "s" + "k-" + "a1" * 10, "AK" + "IA" + "A1" * 8, "AS" + "IA" + "A1" * 8, "AI" + "za" + "a" * 35,
    "xo" + "xb-" + "a1" * 5, "h" + "f_" + "a" * 30, "-----BEGIN " + "PRIVATE KEY-----"])
def test_the_quick_look_misses_no_kind_of_personal_data(text: str) -> None:
    assert sensitive.scan(text)
    assert personal(text)


def test_values_are_cut_and_control_characters_shown(check: Check) -> None:
    found = about_rows(check([row(label="\x1b[31m\n" + "x" * 100_000)]))
    assert len(found[0].message) < 300
    assert "\x1b" not in found[0].as_text() and "\\x1b" in found[0].as_text()
    assert "\n" not in found[0].as_text()


def test_findings_are_counted_even_where_they_are_not_kept(
        check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given more faults than memory is spent on
    monkeypatch.setitem(codes.MAX_KEPT, "error", 100)
    line = '{"id": "%d", "text": 1, "label": "neutral"}\n'
    # When
    report = check("".join(line % number for number in range(900)))
    # Then
    assert report.counts["D011"] == 900
    assert len(report.findings) == 102
    chosen, cut = report.shown()
    assert len(chosen) <= 50
    assert cut[0].startswith("... and 890 more D011")


def test_the_report_has_the_stable_shape(check: Check) -> None:
    shape = check([row(label="postive")]).as_dict()
    assert shape["verdict"] == "FAIL" and shape["rows"] == 2
    assert {"code": "D014", "line": 1, "id": "r-1", "field": "label"}.items() \
        <= shape["findings"][0].items()
    assert shape["version"]["declared"] == "1.0.0"
    assert json.loads(json.dumps(shape)) == shape
