"""Gates: what passes, what fails, and what counts as not measured."""

import pytest

from mlops.errors import UsageError
from mlops.gates import judge, load_gates, overall, override

ROWS = [{"text": "short", "label": "a", "domain": "x"},
        {"text": "long " * 50, "label": "b", "domain": "y"}] * 10
RIGHT = [row["label"] for row in ROWS]
FAST = {"latency_ms_p95": 2.0, "requests": 300}


def gates(tmp_path, rules, slices=""):
    path = tmp_path / "gates.yaml"
    path.write_text(f"gates_version: 1\nslices: {{{slices}}}\ngates:\n" + "".join(
        f"  - {{{rule}, why: a reason for the test}}\n" for rule in rules))
    return load_gates(path)


def test_a_model_above_every_bound_passes(tmp_path):
    rules = gates(tmp_path, ["id: quality, metric: f1_macro, min: 0.8",
                             "id: latency, metric: latency_ms_p95, max: 150"])

    assert overall(judge(rules, ROWS, RIGHT, FAST)) == "PASS"


def test_a_value_on_the_bound_passes(tmp_path):
    rules = gates(tmp_path, ["id: latency, metric: latency_ms_p95, max: 2.0",
                             "id: right, metric: accuracy, min: 1.0"])

    assert overall(judge(rules, ROWS, RIGHT, FAST)) == "PASS"


def test_a_good_average_does_not_hide_a_bad_slice(tmp_path):
    rules = gates(tmp_path, ["id: all, metric: accuracy, min: 0.5",
                             "id: parts, metric: accuracy, min: 0.7, slices: [domain]"],
                  "domain: {by: domain}")

    verdicts = judge(rules, ROWS, ["a"] * len(ROWS), FAST)

    assert overall(verdicts) == "FAIL"
    assert [v.slice for v in verdicts if v.verdict == "FAIL"] == ["domain=y"]
    assert "accuracy of domain=y 0.000 is below 0.7" in verdicts[-1].reason


@pytest.mark.parametrize("slices", ["huge: {chars: {ge: 9999}}", "huge: {by: nothing}"])
def test_an_empty_slice_is_not_measured_and_never_passes(tmp_path, slices):
    rules = gates(tmp_path, ["id: parts, metric: f1_macro, min: 0, slices: [huge]"], slices)

    assert overall(judge(rules, ROWS, RIGHT, FAST)) == "NOT_MEASURED"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_not_measured(tmp_path, value):
    rules = gates(tmp_path, ["id: latency, metric: latency_ms_p95, max: 150"])

    verdicts = judge(rules, ROWS, RIGHT, {"latency_ms_p95": value, "requests": 300})

    assert overall(verdicts) == "NOT_MEASURED"


def test_nothing_judged_is_not_measured():
    assert overall([]) == "NOT_MEASURED"


def test_a_failure_outweighs_what_was_not_measured(tmp_path):
    rules = gates(tmp_path, ["id: a, metric: accuracy, min: 1.0",
                             "id: b, metric: latency_ms_p95, max: 150"])

    assert overall(judge(rules, ROWS, ["a"] * len(ROWS), {})) == "FAIL"


def test_a_flag_replaces_the_bound_of_the_file(tmp_path):
    rules = gates(tmp_path, ["id: quality, metric: f1_macro, min: 0.8"])

    changed = override(rules, "f1_macro", "min", 0.9)

    assert [gate.min for gate in changed.gates] == [0.9]


def test_a_flag_without_a_rule_in_the_file_adds_one(tmp_path):
    rules = gates(tmp_path, ["id: quality, metric: accuracy, min: 0.8"])

    changed = override(rules, "latency_ms_p95", "max", 1.0)

    assert overall(judge(changed, ROWS, RIGHT, FAST)) == "FAIL"


@pytest.mark.parametrize("text, complaint", [
    ("gates: [{id: a, metric: f1_macro, min: 0.8}]", "why"),
    ("gates: [{id: a, metric: f1_makro, min: 0.8, why: some reason}]", "f1_makro"),
    ("gates: [{id: a, metric: f1_macro, why: some reason}]", "min or max"),
    ("gates: [{id: a, metric: f1_macro, min: 1, slices: [b], why: some reason}]", "not"),
    ("gates: []", "gates"),
    ("gates: {", "not valid YAML"),
])
def test_a_wrong_file_is_refused_with_its_place(tmp_path, text, complaint):
    path = tmp_path / "gates.yaml"
    path.write_text("gates_version: 1\n" + text)

    with pytest.raises(UsageError) as error:
        load_gates(path)

    assert "gates.yaml:" in str(error.value) and complaint in str(error.value)
