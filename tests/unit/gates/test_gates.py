"""Gates: what passes, what fails, and what counts as not measured."""

from datetime import date

import pytest

from nlp_gitops.core.errors import UsageError
from nlp_gitops.gates import (Answers, Evidence, Single, exit_code, judge, load_gates, overall,
                              override)

ROWS = [{"id": str(i), "text": "short" if i % 2 else "long " * 50, "label": "ab"[i % 2],
         "domain": "xy"[i % 2]} for i in range(20)]
RIGHT = [row["label"] for row in ROWS]
ALL_A = ["a"] * len(ROWS)
TODAY = date(2026, 3, 1)


def gates(tmp_path, rules, slices="", extra=""):
    path = tmp_path / "gates.yaml"
    path.write_text(f"gates_version: 1\nslices: {{{slices}}}\n{extra}\ngates:\n" + "".join(
        f"  - {{{rule}, why: a reason for the test}}\n" for rule in rules))
    return load_gates(path)


def evidence(predicted=None, champion=None, rows=ROWS, **singles):
    return Evidence(rows, Answers(RIGHT if predicted is None else predicted),
                    Answers(champion) if champion else None, singles)


def many(n, wrong):
    """Return n rows of two labels, and answers of which those in `wrong` are wrong."""
    rows = [{"id": str(i), "label": "ab"[i % 2]} for i in range(n)]
    return rows, ["ba"[i % 2] if i in wrong else "ab"[i % 2] for i in range(n)]


def test_a_model_above_every_bound_passes(tmp_path):
    rules = gates(tmp_path, ["id: quality, metric: f1_macro, min: 0.8",
                             "id: latency, metric: latency_ms_p95, max: 150"])

    assert overall(judge(rules, evidence(latency_ms_p95=Single(2.0, 300)))) == "PASS"


def test_a_value_on_the_bound_passes(tmp_path):
    rules = gates(tmp_path, ["id: latency, metric: latency_ms_p95, max: 2.0",
                             "id: right, metric: accuracy, min: 1.0"])

    assert overall(judge(rules, evidence(latency_ms_p95=Single(2.0, 300)))) == "PASS"


def test_a_good_average_does_not_hide_a_bad_slice(tmp_path):
    rules = gates(tmp_path, ["id: all, metric: accuracy, min: 0.5",
                             "id: parts, metric: accuracy, min: 0.7, slices: [domain]"],
                  "domain: {by: domain}")

    verdicts = judge(rules, evidence(ALL_A))

    assert overall(verdicts) == "FAIL"
    assert [v.slice for v in verdicts if v.verdict == "FAIL"] == ["domain=y"]
    assert "accuracy of domain=y 0.000 is below 0.7" in verdicts[-1].reason


@pytest.mark.parametrize("slices", ["huge: {chars: {ge: 9999}}", "huge: {by: nothing}"])
def test_an_empty_slice_is_not_measured_and_never_passes(tmp_path, slices):
    rules = gates(tmp_path, ["id: parts, metric: f1_macro, min: 0, slices: [huge]"], slices)

    assert overall(judge(rules, evidence())) == "NOT_MEASURED"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_value_that_is_no_number_is_not_measured(tmp_path, value):
    rules = gates(tmp_path, ["id: latency, metric: latency_ms_p95, max: 150"])

    verdicts = judge(rules, evidence(latency_ms_p95=Single(value, 300)))

    assert overall(verdicts) == "NOT_MEASURED"


def test_nothing_judged_is_not_measured(tmp_path):
    only_drop = gates(tmp_path, ["id: drop, metric: f1_macro, max_drop: 0.01"])

    assert overall([]) == "NOT_MEASURED"
    assert overall(judge(only_drop, evidence())) == "NOT_MEASURED"


def test_a_label_that_no_row_has_is_not_measured(tmp_path):
    rules = gates(tmp_path, ["id: rare, metric: 'recall[c]', min: 0.1"])

    assert overall(judge(rules, evidence())) == "NOT_MEASURED"


def test_fewer_rows_than_asked_for_are_not_measured(tmp_path):
    rules = gates(tmp_path, ["id: all, metric: accuracy, min: 0.1"], extra="min_rows: 21")

    [verdict] = judge(rules, evidence())

    assert verdict.verdict == "NOT_MEASURED" and "20 test rows" in verdict.reason


def test_what_was_not_measured_outweighs_a_failure(tmp_path):
    rules = gates(tmp_path, ["id: a, metric: accuracy, min: 1.0",
                             "id: b, metric: latency_ms_p95, max: 150"])

    assert overall(judge(rules, evidence(ALL_A))) == "NOT_MEASURED"


@pytest.mark.parametrize("verdict, code, advisory", [
    ("PASS", 0, 0), ("WARN", 0, 0), ("FAIL", 1, 0), ("NOT_MEASURED", 3, 3), ("INCONCLUSIVE", 4, 0)])
def test_exit_codes(verdict, code, advisory):
    assert exit_code(verdict) == code
    assert exit_code(verdict, advisory=True) == advisory


def test_a_value_whose_interval_holds_the_bound_warns_and_does_not_block(tmp_path):
    rows, answers = many(200, set(range(0, 38)))
    rules = gates(tmp_path, ["id: q, metric: accuracy, min: 0.80"])

    [verdict] = judge(rules, evidence(answers, rows=rows))

    assert verdict.value == 0.81 and verdict.interval[0] < 0.8 < verdict.interval[1]
    assert verdict.verdict == "WARN" and overall([verdict]) == "WARN"


def test_a_flag_is_judged_by_the_point_value(tmp_path):
    rows, answers = many(200, set(range(0, 38)))
    rules = override(gates(tmp_path, ["id: q, metric: accuracy, min: 0.95, decide: lower_bound"]),
                     "accuracy", "min", 0.80)

    [verdict] = judge(rules, evidence(answers, rows=rows))

    assert verdict.verdict == "PASS"


@pytest.mark.parametrize("decide, verdict", [
    ("point", "WARN"), ("lower_bound", "FAIL"), ("upper_bound", "PASS")])
def test_the_rule_says_which_bound_decides(tmp_path, decide, verdict):
    rows, answers = many(200, set(range(0, 38)))
    rules = gates(tmp_path, [f"id: q, metric: accuracy, min: 0.80, decide: {decide}"])

    assert judge(rules, evidence(answers, rows=rows))[0].verdict == verdict


@pytest.mark.parametrize("decide, verdict", [
    ("point", "WARN"), ("upper_bound", "PASS"), ("lower_bound", "PASS")])
def test_a_figure_is_judged_by_the_one_sided_bound(tmp_path, decide, verdict):
    rules = gates(tmp_path, [f"id: b, metric: brier, max: 0.32, decide: {decide}"])
    single = Single(0.3, 100, interval=(0.27, 0.33), bounds=(0.28, 0.32))

    assert judge(rules, evidence(brier=single))[0].verdict == verdict


def test_a_figure_without_an_interval_is_not_measured_where_a_bound_decides(tmp_path):
    rules = gates(tmp_path, ["id: t, metric: tokens_mean, max: 400, decide: upper_bound"])

    [verdict] = judge(rules, evidence(tokens_mean=Single(300.0, 100)))

    assert verdict.verdict == "NOT_MEASURED"
    assert "no interval of it for decide: upper_bound; take point" in verdict.reason


def test_a_model_against_itself_never_fails(tmp_path):
    rows, answers = many(200, set(range(30)))
    rules = gates(tmp_path, ["id: d, metric: f1_macro, max_drop: 0"])

    [verdict] = judge(rules, evidence(answers, answers, rows))

    assert (verdict.verdict, verdict.delta, verdict.p) == ("PASS", 0, 1)
    assert verdict.delta_interval[0] < 0 < verdict.delta_interval[1]


@pytest.mark.parametrize("broken, verdict", [
    (3, "PASS"), (4, "INCONCLUSIVE"), (5, "FAIL"), (40, "FAIL")])
def test_a_drop_fails_on_size_and_evidence_together(tmp_path, broken, verdict):
    """Four of four rows broken has p = 1/16, five of five 1/32: Fisher's exact reasoning."""
    rows, champion = many(200, set())
    answers = many(200, set(range(broken)))[1]
    rules = gates(tmp_path, ["id: d, metric: accuracy, max_drop: 0.015"])

    [found] = judge(rules, evidence(answers, champion, rows))

    assert found.verdict == verdict
    assert found.bound == pytest.approx(1 - 0.015)


@pytest.mark.parametrize("policy, counted, code", [
    ("pass", "PASS", 0), ("warn", "WARN", 0), ("fail", "INCONCLUSIVE", 4)])
def test_the_rule_says_what_an_inconclusive_drop_does(tmp_path, policy, counted, code):
    rows, champion = many(200, set())
    rules = gates(tmp_path,
                  [f"id: d, metric: accuracy, max_drop: 0.015, on_inconclusive: {policy}"])

    verdicts = judge(rules, evidence(many(200, set(range(4)))[1], champion, rows))

    assert overall(verdicts) == counted and exit_code(counted) == code


def test_proof_asks_for_more_rows_than_evidence(tmp_path):
    rule = ["id: d, metric: accuracy, max_drop: 0.02, require: proof"]
    found = []
    for n in (100, 1000):
        rows, champion = many(n, set())
        found += judge(gates(tmp_path, rule), evidence(champion, champion, rows))

    assert [item.verdict for item in found] == ["INCONCLUSIVE", "PASS"]
    assert [item.counts_as for item in found] == ["INCONCLUSIVE", "PASS"]


def test_many_slices_need_stronger_evidence_each(tmp_path):
    """Five of five broken is evidence alone (p = 1/32), and none as one of twelve slices."""
    rows = [{"id": str(i), "label": "ab"[i // 12 % 2], "s": str(i % 12)} for i in range(1200)]
    champion = [row["label"] for row in rows]
    answers = list(champion)
    for i in range(0, 60, 12):
        answers[i] = "ba"[i // 12 % 2]
    one = gates(tmp_path, ["id: d, metric: accuracy, max_drop: 0.01, slices: [first]"],
                "first: {where: {s: '0'}}")
    alone = judge(one, evidence(answers, champion, rows))
    every = gates(tmp_path, ["id: d, metric: accuracy, max_drop: 0.01, slices: [s]"], "s: {by: s}")
    among = judge(every, evidence(answers, champion, rows))

    assert alone[0].verdict == "FAIL"
    assert among[0].verdict == "INCONCLUSIVE" and among[0].p > 0.3


def test_even_many_slices_cannot_hide_one_that_broke(tmp_path):
    """With 200 slices the strictest level is .05 / 200, which 2000 draws alone cannot reach."""
    rows = [{"id": str(i), "label": "ab"[i // 200 % 2], "s": str(i % 200)} for i in range(6000)]
    champion = [row["label"] for row in rows]
    answers = [{"a": "b", "b": "a"}[label] if row["s"] == "7" else label
               for row, label in zip(rows, champion)]
    rules = gates(tmp_path, ["id: d, metric: accuracy, max_drop: 0.01, slices: [s]"], "s: {by: s}")

    verdicts = judge(rules, evidence(answers, champion, rows))

    assert [item.slice for item in verdicts if item.verdict == "FAIL"] == ["s=7"]


def test_without_a_champion_drops_are_left_out_unless_the_file_says_fail(tmp_path):
    rules = ["id: q, metric: accuracy, min: 0.5, max_drop: 0.01"]

    assert overall(judge(gates(tmp_path, rules), evidence())) == "PASS"
    strict = gates(tmp_path, rules, extra="champion: {missing: fail}")
    assert overall(judge(strict, evidence())) == "NOT_MEASURED"


@pytest.mark.parametrize("policy, counted", [
    ("report", "PASS"), ("warn", "WARN"), ("fail", "INCONCLUSIVE")])
def test_a_slice_with_too_few_rows_is_shown_and_not_judged(tmp_path, policy, counted):
    rules = gates(tmp_path, ["id: p, metric: accuracy, min: 0.9, slices: [domain], "
                             f"support: {{rows: 11}}, below_support: {policy}"],
                  "domain: {by: domain}")

    verdicts = judge(rules, evidence(ALL_A))

    assert {item.verdict for item in verdicts} == {"INCONCLUSIVE"}
    assert verdicts[1].value == 0 and "10 rows, 11 needed" in verdicts[1].reason
    assert overall(verdicts) == counted


def test_support_counts_the_denominator_of_the_metric(tmp_path):
    """19 rows of one label do not make a recall of the other label's single row trustworthy."""
    rows = [{"label": "b" if i == 0 else "a"} for i in range(20)]
    rules = gates(tmp_path, ["id: r, metric: 'recall[b]', min: 0.9, support: {rows: 5}"])

    [verdict] = judge(rules, evidence(ALL_A, rows=rows))

    assert (verdict.n, verdict.verdict) == (1, "INCONCLUSIVE")


def test_a_percentage_is_of_the_champions_value(tmp_path):
    rows, champion = many(100, set(range(20)))
    rules = gates(tmp_path, ["id: d, metric: accuracy, max_drop: 5%"])

    [verdict] = judge(rules, evidence(champion, champion, rows))

    assert verdict.max_drop == pytest.approx(0.04)


def test_severity_warn_never_blocks(tmp_path):
    rules = gates(tmp_path, ["id: a, metric: accuracy, min: 1.0, severity: warn",
                             "id: b, metric: ece, max: 0.1, severity: warn"])

    verdicts = judge(rules, evidence(ALL_A))

    assert overall(verdicts) == "WARN"
    assert [item.verdict for item in verdicts] == ["WARN", "NOT_MEASURED"]


@pytest.mark.parametrize("until, counted, said", [
    ("2026-03-01", "WARN", "waived until 2026-03-01 by lead"),
    ("2026-02-28", "FAIL", "the waiver of lead ended on 2026-02-28")])
def test_a_waiver_holds_until_its_day_and_is_always_shown(tmp_path, until, counted, said):
    rules = gates(tmp_path, ["id: a, metric: accuracy, min: 1.0"], extra=(
        "waivers: [{gate: a, reason: labels are being mended, approver: lead, "
        f"until: {until}}}]"))

    [verdict] = judge(rules, evidence(ALL_A), TODAY)

    assert verdict.counts_as == counted and said in verdict.reason
    assert verdict.waiver.approver == "lead"


def test_a_waiver_does_not_cover_what_was_not_measured(tmp_path):
    rules = gates(tmp_path, ["id: a, metric: latency_ms_p95, max: 1"], extra=(
        "waivers: [{gate: a, reason: labels are being mended, approver: lead, "
        "until: 2099-01-01}]"))

    assert overall(judge(rules, evidence(), TODAY)) == "NOT_MEASURED"


def test_a_flag_replaces_the_bound_of_the_file(tmp_path):
    rules = gates(tmp_path, ["id: quality, metric: f1_macro, min: 0.8"])

    changed = override(rules, "f1_macro", "min", 0.9)

    assert [gate.min for gate in changed.gates] == [0.9]


def test_a_flag_leaves_a_rule_on_the_drop_alone(tmp_path):
    rules = gates(tmp_path, ["id: quality, metric: f1_macro, min: 0.8",
                             "id: no-worse, metric: f1_macro, max_drop: 0.01"])

    changed = override(rules, "f1_macro", "min", 0.9)

    assert [gate.min for gate in changed.gates] == [0.9, None]


def test_a_text_that_a_comma_cut_is_said_to_need_quotes(tmp_path):
    with pytest.raises(UsageError, match="inside {…} a text with a comma needs quotes"):
        gates(tmp_path, ["id: a, and b, metric: accuracy, min: 0.8"])


def test_a_flag_without_a_rule_in_the_file_adds_one(tmp_path):
    rules = gates(tmp_path, ["id: quality, metric: accuracy, min: 0.8"])

    changed = override(rules, "latency_ms_p95", "max", 1.0)

    assert overall(judge(changed, evidence(latency_ms_p95=Single(2.0, 300)))) == "FAIL"


def test_the_names_of_the_brief_are_understood(tmp_path):
    rules = gates(tmp_path, ["id: a, metric: val_f1_macro, min: 0.8",
                             "id: b, metric: slice_f1, min: 0.75, slices: [long]"],
                  "long: {chars: {ge: 20}}")

    assert [gate.metric for gate in rules.gates] == ["f1_macro", "f1_macro"]


def test_changing_a_reason_changes_the_digest(tmp_path):
    before = gates(tmp_path, ["id: a, metric: accuracy, min: 0.8"]).digest
    path = tmp_path / "gates.yaml"
    path.write_text(path.read_text().replace("a reason", "another reason"))

    assert load_gates(path).digest != before


@pytest.mark.parametrize("text, complaint", [
    ("gates: [{id: a, metric: f1_macro, min: 0.8}]", "why"),
    ("gates: [{id: a, metric: f1_makro, min: 0.8, why: some reason}]", "did you mean f1_macro?"),
    ("gates: [{id: a, metric: f1_macro, why: some reason}]", "min or max"),
    ("gates: [{id: a, metric: f1_macro, min: 1, slices: [b], why: some reason}]", "not"),
    ("gates: [{id: a, metric: ece, max_drop: 1, why: some reason}]", "no max_drop"),
    ("gates: [{id: a, metric: f1_macro, max_drop: 2 %, why: some reason}]", "max_drop"),
    ("gates: [{id: a, metric: ece, max: 1, slices: [b], why: some reason}]", "not defined"),
    ("gates: [{id: a, metric: wrong_ids, max: 1, why: some reason}]", "need ids"),
    ("gates: [{id: a, suite: x.yaml, why: some reason}]", "max_fail_rate"),
    ("slices: {b: {regex: '('}}\ngates: [{id: a, metric: mcc, min: 1, why: some reason}]",
     "not a regular expression"),
    ("waivers: [{gate: z, reason: some long reason, approver: x, until: 2026-01-01}]\n"
     "gates: [{id: a, metric: mcc, min: 1, why: some reason}]", "no gate 'z'"),
    ("waivers: [{gate: a, reason: some long reason, approver: x, until: soon}]\n"
     "gates: [{id: a, metric: mcc, min: 1, why: some reason}]", "is no date"),
    ("gates: []", "gates"),
    ("gates: {", "not valid YAML"),
])
def test_a_wrong_file_is_refused_with_its_place(tmp_path, text, complaint):
    path = tmp_path / "gates.yaml"
    path.write_text("gates_version: 1\n" + text)

    with pytest.raises(UsageError) as error:
        load_gates(path)

    assert "gates.yaml:" in str(error.value) and complaint in str(error.value)
