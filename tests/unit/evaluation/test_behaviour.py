"""Behavioural suites: what the three kinds of test find."""

from types import SimpleNamespace

import pytest
from small import HERE

from nlp_gitops.core.errors import UsageError
from nlp_gitops.evaluation.behaviour import fail_rates, load_suite, run_suite
from nlp_gitops.model import Prediction

HEAD = "behaviour_version: 1\ntests:\n"


def predict(texts):
    """Answer by the word good; a text in capitals confuses this model."""
    return [Prediction("pos" if "good" in text else "neg",
                       {"pos": min(1.0, text.count("good") / 2)}) for text in texts]


MODEL = SimpleNamespace(predict=predict)


def suite(tmp_path, text):
    path = tmp_path / "behaviour.yaml"
    path.write_text(HEAD + text)
    return load_suite(path, "behaviour.yaml")


@pytest.mark.parametrize("text, n, failed", [
    ("- {name: m, kind: MFT, label: pos, texts: [good one, bad one]}", 2, 1),
    ("- {name: m, kind: MFT, label: pos, template: '{a} {b}', fill: {a: [good, bad], b: [x, y]}}",
     4, 2),
    ("- {name: i, kind: INV, upper: true, texts: [good one, BAD]}", 1, 1),
    ("- {name: i, kind: INV, replace: {cat: dog}, texts: [a good cat, a cat, a bird]}", 2, 0),
    ("- {name: d, kind: DIR, label: pos, expect: not_lower, append: ' good', texts: [bad, good]}",
     2, 0),
    ("- {name: d, kind: DIR, label: pos, expect: not_higher, prepend: 'good ', texts: [bad]}",
     1, 1),
    ("- {name: d, kind: DIR, label: pos, expect: not_higher, tolerance: 0.5, append: ' good', "
     "texts: [bad]}", 1, 0),
])
def test_what_a_test_finds(tmp_path, text, n, failed):
    [result] = run_suite(suite(tmp_path, text), MODEL)

    assert (result.to_json()["n"], result.failed) == (n, failed)
    assert len(result.examples) == failed


def test_the_fail_rate_is_taken_over_all_cases_of_a_kind(tmp_path):
    tests = suite(tmp_path, "- {name: a, kind: MFT, label: pos, texts: [good, good, good]}\n"
                            "- {name: b, kind: MFT, label: pos, texts: [bad]}")

    [single] = fail_rates(run_suite(tests, MODEL)).values()

    assert (single.value, single.n) == (0.25, 4)


@pytest.mark.parametrize("text, complaint", [
    ("- {name: a, kind: MFT, texts: [x]}", "label"),
    ("- {name: a, kind: INV, texts: [x]}", "behaviour.yaml:3"),
    ("- {name: a, kind: INV, replace: {cat: dog}, texts: [bird]}", "no case that it changes"),
    ("- {name: a, kind: MFT, label: x, template: '{b}', fill: {a: [x]}}", "does not fit its fill"),
    ("- {name: a, kind: MFT, label: x, template: '{a.b}', fill: {a: [x]}}",
     "does not fit its fill"),
    ("- {name: a, kind: MFT, label: x, template: '{a[b]}', fill: {a: [x]}}",
     "does not fit its fill"),
    ("- {name: a, kind: SUM, texts: [x]}", "MFT, INV or DIR"),
])
def test_a_wrong_suite_is_refused_with_its_place(tmp_path, text, complaint):
    with pytest.raises(UsageError) as error:
        suite(tmp_path, text)

    assert "behaviour.yaml:3:" in str(error.value) and complaint in str(error.value)


def test_the_suite_of_this_repository_is_well_formed():
    kinds = {test.kind for test in load_suite(HERE / "tests" / "behaviour.yaml", "behaviour.yaml")}

    assert kinds == {"MFT", "INV", "DIR"}
