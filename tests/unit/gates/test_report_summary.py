"""The first line of a report, and what would make it pass."""

import pytest

from nlp_gitops.gates import Answers, Evidence, judge, load_gates
from nlp_gitops.gates.evaluate import Evaluation
from nlp_gitops.gates.report import headline, hints
from nlp_gitops.registry.champion import NO_CHAMPION
from nlp_gitops.reporting import phrases as words
from nlp_gitops.reporting.report import view

LABELS = "ab" * 100


def judged(tmp_path, wrong, rules, before=()):
    """Return gates, evidence and verdicts of 200 rows in four slices, some of them wrong."""
    path = tmp_path / "gates.yaml"
    path.write_text("gates_version: 1\nslices: {s: {by: s}}\ngates:\n" + "".join(
        f"  - {{{rule}, why: a reason for the test}}\n" for rule in rules))
    gates = load_gates(path)
    sides = [["ab"["ba".index(label)] if i in bad else label for i, label in enumerate(LABELS)]
             for bad in (wrong, before)]
    evidence = Evidence([{"id": str(i), "label": label, "s": str(i // 50)}
                         for i, label in enumerate(LABELS)],
                        Answers(sides[0]), Answers(sides[1]) if before is not None else None)
    return gates, evidence, judge(gates, evidence)


def told(tmp_path, wrong, rules, before=()):
    gates, evidence, verdicts = judged(tmp_path, wrong, rules, before)
    return headline(evidence, gates, verdicts), hints(
        verdicts, Evaluation(evidence, NO_CHAMPION, "digest"))


def test_each_failed_gate_has_its_worst_slice_in_the_headline_and_no_more_than_three_stand_there(
        tmp_path):
    rules = [f"id: {name}, metric: accuracy, min: 0.9, slices: [s]" for name in "vwxyz"]

    said, advice = told(tmp_path, {*range(10), *range(50, 80)}, rules)

    worst = "accuracy of s=1 0.400 is below 0.9"
    assert said == "; ".join([f"{worst} (and 1 more of {name})" for name in "vwx"]
                             + ["and 2 more gates"])
    assert advice[0] == ("v (s=1): accuracy 0.9 would pass, 0.5 more than now, about 25 more right "
                         "rows of 50")


def test_a_gate_on_many_slices_has_three_hints(tmp_path):
    _, advice = told(tmp_path, set(range(200)), ["id: v, metric: accuracy, min: 0.5, slices: [s]"])

    assert len(advice) == 4 and advice[3] == "v: and 1 more, in the table of gates"


def test_the_rows_that_a_hint_names_do_make_the_gate_pass(tmp_path):
    rules = ["id: v, metric: accuracy, min: 0.93"]

    _, [advice] = told(tmp_path, set(range(30)), rules)
    after, none = told(tmp_path, set(range(30 - 16)), rules)

    assert "about 16 more right rows of 200" in advice
    assert after.startswith("accuracy 0.930") and none == []


def test_a_drop_names_the_value_that_would_pass(tmp_path):
    said, [advice] = told(tmp_path, set(range(20)), ["id: v, metric: accuracy, max_drop: 0.02"])

    assert said == ("accuracy 0.900 is 0.100 below the champion's 1.000 (at most 0.02 allowed; "
                    "p < 0.001)")
    assert advice == ("v: accuracy 0.98 would pass, 0.08 more than now, about 16 more right rows "
                      "of 200; look at the newly broken rows")


def test_a_bound_that_only_the_interval_misses_asks_for_rows(tmp_path):
    said, [advice] = told(tmp_path, set(range(30)), [
        "id: v, metric: accuracy, min: 0.84, decide: lower_bound"])

    assert said.startswith("the lower bound of accuracy 0.8") and "is below 0.84" in said
    assert advice == ("v: accuracy itself keeps to 0.84, its interval does not; more test rows "
                      "make that narrower")


def test_what_more_rows_would_decide_says_how_many(tmp_path):
    _, [advice] = told(tmp_path, set(range(2)), [
        "id: v, metric: accuracy, max_drop: 0.001, require: proof"])

    assert advice.startswith("v: about ") and advice.endswith(
        " test rows would decide; there are 200")


def test_what_was_not_measured_says_so_first(tmp_path):
    said, advice = told(tmp_path, set(range(99)), [
        "id: v, metric: accuracy, min: 0.9", "id: w, metric: ece, max: 0.1"])

    assert said.startswith("ece was not measured (")
    assert "accuracy 0.505 is below 0.9" in said
    assert advice[1].startswith("w: fix what is missing")


DROP = {"id": "x", "metric": "f1_macro", "slice": None, "value": 0.7, "bound": 0.77, "side": "drop",
        "champion": 0.8, "max_drop": 0.03, "mde": 0.05, "n": 90, "rows_needed": 250}


def test_the_bound_of_a_drop_is_the_drop_that_is_allowed():
    [gate] = view({"gates": [{**DROP, "verdict": "FAIL"}]}).gates

    assert words.bound(gate) == "drop ≤ 0.03"


@pytest.mark.parametrize("verdict, number", [("PASS", 1), ("INCONCLUSIVE", 1), ("FAIL", 0)])
def test_only_a_drop_that_was_not_found_can_have_been_overlooked(verdict, number):
    sentences = words.blind_spots(view({"gates": [{**DROP, "verdict": verdict}]}))

    assert len(sentences) == number
    assert all("a drop of 0.03" in line and "needs about 250 rows" in line for line in sentences)


def test_the_farthest_drop_stands_first():
    report = view({"gates": [{**DROP, "id": name, "value": value, "verdict": "FAIL"}
                             for name, value in (("near", 0.76), ("far", 0.6))]})

    assert [gate.id for gate in report.gates] == ["far", "near"]


@pytest.mark.parametrize("metric, text", [
    ("latency_ms_p95", "1.2 ms"), ("latency_ratio_p50", "1.217"), ("f1_macro", "1.217")])
def test_only_latency_has_milliseconds(metric, text):
    assert words.number(1.217, metric) == text
