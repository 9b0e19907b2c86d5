"""Reports: the same facts in every format, worst first, small enough, and harmless."""

import copy
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops import render_html, render_markdown, render_text, report_findings, report_outputs
from mlops.errors import UsageError
from mlops.prompts.sensitive import mask
from mlops.report_view import shown, view
from mlops.yamlfile import load_schema

HOSTILE = ("<script>alert(1)</script>", "a|b`c`", "@everyone", "[x](https://evil.test)", "![x](y)",
           "-->", "line\nline", "\x00\x1b[31m", "\u202eright", "\ud800", "😀", "&amp;", "'\"")
PERSONAL = ("jane.doe@corp.com", "jane@example.com", "+49 171 2345678", "4111 1111 1111 1111",
            "ghp_" + "a1" * 18)
RENDERERS = (render_html.page, render_markdown.markdown, render_text.text)


def gate(name="quality", verdict="PASS", **more):
    return {"id": name, "metric": "f1_macro", "slice": None, "value": 0.86,
            "interval": [0.83, 0.89], "bound": 0.8, "side": "min", "champion": 0.87, "delta": -0.01,
            "delta_interval": [-0.02, 0.0], "max_drop": 0.01, "n": 600, "mde": 0.018,
            "rows_needed": 1944, "p": 0.2, "verdict": verdict, "severity": "fail",
            "why": "Agents correct more below this.", "reason": f"{name} is {verdict}",
            "waiver": None, **more}


def full(**more):
    """Return a report in which every part is there."""
    row = {"id": "r-1", "text": "so so", "label": "pos", "champion": "pos", "prediction": "neg"}
    return {
        "schema": "nlp-gitops/report/1", "verdict": "FAIL", "headline": "books fell below 0.70",
        "model": "small", "run": "20260105-101500Z_small", "created": "2026-01-05T10:15:00+00:00",
        "metrics": {"f1_macro": 0.86, "ece": 0.04, "latency_ms_p95": 2.1, "rows": 600},
        "champion": {"version": "v1.2.0", "status": "COMPARED", "why": "",
                     "metrics": {"f1_macro": 0.87}},
        "gates": [gate(), gate("books", "FAIL", slice="domain=books", value=0.66)],
        "slices": [{"name": "domain=books", "n": 96, "value": 0.66, "interval": [0.57, 0.75],
                    "bound": 0.7, "champion": 0.8, "delta": -0.14,
                    "delta_interval": [-0.2, -0.05]}],
        "per_class": {"pos": {"precision": 0.9, "recall": 0.8, "f1": 0.85, "support": 300},
                      "neg": {"precision": 0.8, "recall": 0.9, "f1": 0.84, "support": 300}},
        "confusion": {"labels": ["neg", "pos"], "counts": [[270, 30], [60, 240]],
                      "champion_counts": [[275, 25], [50, 250]]},
        "calibration": {"bins": [{"from": 0.5, "to": 1.0, "confidence": 0.8, "accuracy": 0.85,
                                  "n": 600}]},
        "latency": {"requests": 300, "edges": [0.0, 1.5, 3.0], "counts": [200, 100],
                    "champion_counts": [220, 80], "ratio_p50": 1.0, "ratio_p95": 1.02},
        "changed_rows": {"broken": [row], "fixed": [], "broken_total": 12, "fixed_total": 0},
        "behaviour": [{"suite": "behaviour.yaml", "kind": "INV", "name": "names", "n": 9,
                       "failed": 1, "examples": ["Ann -> Ahmed"]}],
        "hints": ["books needs 4 more right rows of 96"],
        "lineage": {"dataset_version": "small-v1.0.0", "prompt_version": "n/a",
                    "commit": "0123456789abcdef", "dirty": False, "owner": "tests",
                    "model_sha256": "a" * 64, "test_sha256": "b" * 64, "gates_sha256": "c" * 64,
                    "prompt": None}, **more}


def plain(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html.split("</style>", 1)[1]))


def test_the_full_report_keeps_its_schema():
    jsonschema.Draft202012Validator(load_schema("report")).validate(full())


@pytest.mark.parametrize("change", [{"verdict": "MAYBE"}, {"schema": "nlp-gitops/report/2"},
                                    {"gates": [{"id": "x"}]}, {"metrics": {"f1_macro": "high"}}])
def test_the_schema_refuses(change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(full(**change), load_schema("report"))


@pytest.mark.parametrize("render", [render_markdown.markdown, render_html.page])
def test_every_part_is_shown(render):
    text = render(view(full()))

    for fact in ("books fell below 0.70", "v1.2.0", "0.660 [", "≥ 0.8, drop ≤ 0.01",
                 "−0.140 [−0.200, −0.050]", "needs about 1,944 rows", "r-1", "Ahmed",
                 "4 more right rows", "small-v1.0.0", "n/a", "0123456789ab", "cccccccccccc"):
        assert fact in text, fact


@pytest.mark.parametrize("confidence, said", [(0.9, "90 % CI"), (0.995, "99.5 % CI"),
                                              (None, "95 % CI")])
def test_intervals_are_named_by_their_confidence(confidence, said):
    for render in RENDERERS:
        assert f"value [{said}]" in render(view(full(confidence=confidence)))


def test_verdict_and_reason_stand_in_the_first_line():
    report = view(full())

    assert render_markdown.markdown(report).splitlines()[0] == "## ❌ FAIL: books fell below 0.70"
    assert plain(render_html.page(report)).strip().startswith("✗ FAIL books fell below 0.70")
    assert render_text.last_line(report) == "GATE: FAIL (books fell below 0.70)"
    assert render_markdown.markdown(report).splitlines()[1] == "<!-- gate:small -->"


def test_the_worst_stands_first_everywhere():
    report = view(full(gates=[
        gate("fine"), gate("slow", "WARN"), gate("unsure", "INCONCLUSIVE"),
        gate("waived", "FAIL", waiver={"reason": "r", "approver": "a", "until": "2026-02-01"}),
        gate("absent", "NOT_MEASURED"), gate("near", "FAIL", value=0.79),
        gate("far", "FAIL", value=0.5)]))
    order = ["far", "near", "waived", "absent", "unsure", "slow", "fine"]

    assert [item.id for item in report.gates] == order
    for text in (render_text.text(report), plain(render_html.page(report)).split("verdict", 1)[1],
                 render_markdown.markdown(report).split("### Gates")[1]):
        places = [re.search(rf"{name}\b", text).start() for name in order]
        assert places == sorted(places)


@pytest.mark.parametrize("until, mark", [("2026-02-01", False), ("2025-12-31", True)])
def test_a_waiver_is_always_shown_and_an_expired_one_does_not_help(until, mark):
    waiver = {"reason": "feed is relabelled", "approver": "ann", "until": until}
    report = view(full(gates=[gate("books", "FAIL", waiver=waiver)]))

    assert report.gates[0].blocks is mark
    for render in RENDERERS:
        text = render(report)
        assert "feed is relabelled" in text and "ann" in text and until in text
        assert ("EXPIRED" in text) is mark


@pytest.mark.parametrize("counts_as, level", [
    ("FAIL", "error"), ("NOT_MEASURED", "error"), ("INCONCLUSIVE", "error"), ("WARN", "warning"),
    (None, "warning")])
def test_the_recorded_policy_decides_what_an_inconclusive_gate_is(counts_as, level):
    report = view(full(gates=[gate("x", "INCONCLUSIVE", counts_as=counts_as)]))

    finding, = report_findings.findings(report)

    assert finding.severity == level


def test_a_pass_without_gates_is_not_measured():
    assert view({"verdict": "PASS"}).verdict == "NOT_MEASURED"
    assert view(full(verdict="passed")).verdict == "NOT_MEASURED"


def test_a_champion_that_was_not_compared_is_said_to_be_so():
    report = view(full(champion={"version": "v1.2.0", "status": "NOT_COMPARED", "metrics": None,
                                 "why": "another test split"}))

    for render in RENDERERS:
        assert "NOT COMPARED with v1.2.0: another test split" in render(report)


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
    svgs(render_html.page(view(report)))


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


def everywhere(text):
    """Return a report with this text wherever data can put one."""
    row = {key: text for key in ("id", "text", "label", "champion", "prediction")}
    return full(
        headline=text, model=text, run=text, hints=[text],
        gates=[gate(text, "FAIL", slice=text, why=text, reason=text,
                    waiver={"reason": text, "approver": text, "until": text})],
        slices=[{"name": text, "n": 3, "value": 0.5}],
        per_class={text: {"precision": 1, "recall": 1, "f1": 1, "support": 1}},
        confusion={"labels": [text, "x"], "counts": [[1, 1], [0, 1]], "champion_counts": None},
        changed_rows={"broken": [row], "fixed": [row], "broken_total": 1, "fixed_total": 1},
        behaviour=[{"suite": text, "kind": text, "name": text, "n": 1, "failed": 1,
                    "examples": [text]}],
        champion={"version": text, "status": "NOT_COMPARED", "why": text},
        lineage={text: text, "dataset_version": text, "commit": text, "prompt": {text: text}})


@settings(max_examples=30, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4)
                 .map("".join)))
def test_text_from_data_stays_text_in_html(text):
    html = render_html.page(view(everywhere(text)))

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
    escaped = render_markdown.escape(shown(text, 400))

    assert not re.search(r"[<>|`\[\]!*\n]", escaped)
    assert "@" not in escaped and not re.search(r"&#64;(?!&#8203;)", escaped)
    assert "://" not in escaped
    lines = render_markdown.markdown(view(everywhere(text))).split("\n")
    columns = {line.count("|") for line in lines if line.startswith("| ")}
    assert columns <= {5, 6, 7, 8}
    assert sum("<!--" in line for line in lines) == 1
    assert re.fullmatch(r"<!-- gate:[\w.-]*(?<!-) -->", lines[1], re.ASCII)


@pytest.mark.parametrize("secret", PERSONAL)
def test_personal_data_is_masked_everywhere(secret):
    report = everywhere(f"ask {secret} now")

    for text in (*(render(view(report)) for render in RENDERERS),
                 json.dumps(report_findings.to_sarif(view(report)))):
        assert secret not in text
        assert secret.split("@")[0] not in text
    published = report_outputs.publishable(report)
    del published["lineage"]
    assert secret not in json.dumps(published)


@given(st.text(max_size=60), st.sampled_from(PERSONAL))
def test_masking_twice_changes_nothing(text, secret):
    once = mask(f"{text} {secret} {text}")

    assert mask(once) == once


@pytest.mark.parametrize("render, limit", [
    (render_markdown.comment, 65_536), (render_markdown.markdown, 1_048_576)])
def test_a_huge_report_is_cut_from_the_bottom_and_says_so(render, limit):
    long = "<" * 300
    report = everywhere(long)
    report["gates"] = [gate(f"g{number}", "FAIL" if number % 2 else "PASS", slice=long, reason=long,
                            why=long) for number in range(400)]
    report["hints"] = [long] * 600

    text = render(view(report))

    assert len(text) < limit and len(text.encode()) < limit
    assert "### Gates" in text and "more in the full report" in text
    assert text.count("<details>") == text.count("</details>")
    assert ("Left out to keep this short" in text) is (limit < 100_000)
    assert text.rstrip().endswith(".")


def test_a_normal_comment_leaves_nothing_out():
    text = render_markdown.comment(view(full()))

    assert "Left out" not in text
    assert len(text) < 8_000


def test_the_page_needs_no_network_and_no_script():
    html = render_html.page(view(full()))

    assert "http:" not in html and "https:" not in html and "//" not in plain(html)
    assert "<script" not in html and "javascript:" not in html and " style=" not in html
    assert "@import" not in html and "url(" not in html
    assert "default-src 'none'" in html.replace("&#x27;", "'")


def test_a_matrix_of_150_labels_is_drawn_without_numbers():
    labels = [f"label-{number}" for number in range(150)]
    counts = [[30 if row == column else (row * column) % 3 for column in range(150)]
              for row in range(150)]
    html = render_html.page(view(full(confusion={
        "labels": labels, "counts": counts, "champion_counts": counts[::-1]})))

    assert html.count('class="cells"') == 3
    assert len(html) < 1_500_000


@pytest.mark.parametrize("labels, counts", [(["only"], [[5]]), (["only"], [[0]]), ([], [])])
def test_a_matrix_of_one_label_or_none(labels, counts):
    html = render_html.page(view(full(confusion={"labels": labels, "counts": counts,
                                                 "champion_counts": counts})))

    assert ("This model" in html) is bool(labels)


def test_sarif_names_the_failed_gates_and_their_file():
    result, = report_findings.to_sarif(view(full()))["runs"][0]["results"]

    assert result["ruleId"] == "books" and result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "gates.yaml"}}


def test_sarif_knows_the_line_of_the_file_that_judged_and_of_no_other(project):
    report = view(full())
    assert report_findings.gate_lines(project.gates, report) == {}
    from mlops.files import sha256_text
    judged = full()
    judged["lineage"]["gates_sha256"] = sha256_text(project.gates.read_text())

    assert report_findings.gate_lines(project.gates, view(judged)) == {"quality": 5, "domains": 6}


def test_sarif_holds_at_most_5000_results():
    report = view(full(gates=[gate(f"g{number}", "FAIL") for number in range(6000)]))

    assert len(report_findings.to_sarif(report)["runs"][0]["results"]) == 5000


def test_annotations_are_ten_of_each_level_and_a_count():
    report = view(full(gates=[gate(f"{verdict}-{number}", verdict) for number in range(30)
                              for verdict in ("FAIL", "WARN", "PASS")]))

    lines = report_findings.annotations(report)

    assert [line.split(" ")[0] for line in lines] == ["::error"] * 10 + ["::warning"] * 10 + [
        "::notice"]
    assert "and 40 more" in lines[-1]


def test_a_hostile_reason_cannot_start_a_workflow_command():
    report = view(full(gates=[gate("x", "FAIL", reason="a\n::stop-commands::b\r%0A")]))

    line, = report_findings.annotations(report)
    assert "\n" not in line and "%250A" in line


def test_everything_is_written_and_can_be_read_back(tmp_path):
    report = full(metrics={"f1_macro": float("nan"), "rows": 1}, hints=["half \ud800"])

    report_outputs.write_all(report, [tmp_path / "a", tmp_path / "b"], ['{"id": 1}'],
                             sarif_file=tmp_path / "x.sarif")

    for folder in ("a", "b"):
        assert {path.name for path in (tmp_path / folder).iterdir()} == {
            "report.json", "report.md", "report.html", "predictions.jsonl"}
    read = report_outputs.read_report(tmp_path / "a" / "report.json")
    assert read["metrics"] == {"f1_macro": None, "rows": 1}
    assert json.loads((tmp_path / "x.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 200_000, '{"schema": "other/9"}'])
def test_what_is_no_report_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)

    with pytest.raises(UsageError) as error:
        report_outputs.read_report(path)

    assert "\n" not in str(error.value)


def test_the_job_summary_never_grows_beyond_what_github_keeps(tmp_path, monkeypatch):
    path = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    path.write_text("written before\n" * 60_000)
    report = full(hints=["<" * 390] * 300)

    for _ in range(3):
        report_outputs.to_job_summary(report)

    assert "## ❌ FAIL" in path.read_text()
    assert 950_000 < path.stat().st_size <= 1_000_000


def test_without_actions_there_are_no_annotations(capsys, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    report_outputs.print_annotations(full())
    assert capsys.readouterr().out == ""

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    report_outputs.print_annotations(full())
    assert capsys.readouterr().out.startswith("::error file=gates.yaml,title=books::FAIL: books")


@pytest.mark.parametrize("form, begin", [
    ("text", "gate "), ("md", "## ❌"), ("comment", "## ❌"), ("html", "<!doctype html>"),
    ("sarif", "{")])
def test_the_command_turns_a_report_into_each_format(tmp_path, monkeypatch, form, begin):
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "tools"))
    import report
    source = tmp_path / "report.json"
    source.write_text(json.dumps(full()))

    assert report.main([str(source), "--format", form, "--out", str(tmp_path / "out")]) == 0

    assert (tmp_path / "out").read_text(encoding="utf-8").startswith(begin)
