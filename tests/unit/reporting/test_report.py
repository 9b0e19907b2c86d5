"""Reports: the same facts in every format, worst first, and small enough."""

import re

import jsonschema
import pytest
from report_kit import RENDERERS, everywhere, full, gate

from nlp_gitops.core.yamlfile import load_schema
from nlp_gitops.reporting import markdown, output, phrases
from nlp_gitops.reporting.html_page import html_page
from nlp_gitops.reporting.report import view


def plain(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html.split("</style>", 1)[1]))


def test_the_full_report_keeps_its_schema():
    jsonschema.Draft202012Validator(load_schema("report")).validate(full())


@pytest.mark.parametrize("change", [{"verdict": "MAYBE"}, {"schema": "nlp-gitops/report/2"},
                                    {"gates": [{"id": "x"}]}, {"metrics": {"f1_macro": "high"}}])
def test_the_schema_refuses(change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(full(**change), load_schema("report"))


@pytest.mark.parametrize("render", [markdown.render, html_page])
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

    assert markdown.render(report).splitlines()[0] == "## ❌ FAIL: books fell below 0.70"
    assert plain(html_page(report)).strip().startswith("✗ FAIL books fell below 0.70")
    assert phrases.last_line(report) == "GATE: FAIL (books fell below 0.70)"
    assert markdown.render(report).splitlines()[1] == "<!-- gate:small -->"


def test_the_worst_stands_first_everywhere():
    report = view(full(gates=[
        gate("fine"), gate("slow", "WARN"), gate("unsure", "INCONCLUSIVE"),
        gate("waived", "FAIL", waiver={"reason": "r", "approver": "a", "until": "2026-02-01"}),
        gate("absent", "NOT_MEASURED"), gate("near", "FAIL", value=0.79),
        gate("far", "FAIL", value=0.5)]))
    order = ["far", "near", "waived", "absent", "unsure", "slow", "fine"]

    assert [item.id for item in report.gates] == order
    for text in (phrases.text(report), plain(html_page(report)).split("verdict", 1)[1],
                 markdown.render(report).split("### Gates")[1]):
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

    finding, = output.findings(report)

    assert finding.severity == level


def test_a_pass_without_gates_is_not_measured():
    assert view({"verdict": "PASS"}).verdict == "NOT_MEASURED"
    assert view(full(verdict="passed")).verdict == "NOT_MEASURED"


def test_a_champion_that_was_not_compared_is_said_to_be_so():
    report = view(full(champion={"version": "v1.2.0", "status": "NOT_COMPARED", "metrics": None,
                                 "why": "another test split"}))

    for render in RENDERERS:
        assert "NOT COMPARED with v1.2.0: another test split" in render(report)


@pytest.mark.parametrize("render, limit", [
    (markdown.comment, 65_536), (markdown.render, 1_048_576)])
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
    text = markdown.comment(view(full()))

    assert "Left out" not in text
    assert len(text) < 8_000


def test_the_page_needs_no_network_and_no_script():
    html = html_page(view(full()))

    assert "http:" not in html and "https:" not in html and "//" not in plain(html)
    assert "<script" not in html and "javascript:" not in html and " style=" not in html
    assert "@import" not in html and "url(" not in html
    assert "default-src 'none'" in html.replace("&#39;", "'")


def test_a_matrix_of_150_labels_is_drawn_without_numbers():
    labels = [f"label-{number}" for number in range(150)]
    counts = [[30 if row == column else (row * column) % 3 for column in range(150)]
              for row in range(150)]
    html = html_page(view(full(confusion={
        "labels": labels, "counts": counts, "champion_counts": counts[::-1]})))

    assert html.count('class="cells"') == 3
    assert len(html) < 1_500_000


@pytest.mark.parametrize("labels, counts", [(["only"], [[5]]), (["only"], [[0]]), ([], [])])
def test_a_matrix_of_one_label_or_none(labels, counts):
    matrix = {"labels": labels, "counts": counts, "champion_counts": counts}
    html = html_page(view(full(confusion=matrix)))

    assert ("This model" in html) is bool(labels)
