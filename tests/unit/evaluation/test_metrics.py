"""Metrics against scikit-learn, scipy and hand-computed truth."""

import math
from statistics import harmonic_mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from sklearn import config_context
from sklearn import metrics as theirs

from nlp_gitops.evaluation import metrics
from nlp_gitops.evaluation.families import FAMILIES, Classification, family_of

LABELS = ["a", "b", "c", "d"]
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1)
SCORES = st.lists(st.tuples(st.sampled_from(range(3)), st.lists(
    st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.9]), min_size=3, max_size=3)), min_size=2)
WORDS = st.lists(st.sampled_from("abcd"), max_size=12)


@pytest.fixture(autouse=True)
def quick_oracle():
    """Ask scikit-learn without its checks of parameters, which take longer than its sums."""
    with config_context(assume_finite=True, skip_parameter_validation=True):
        yield


@given(PAIRS)
def test_macro_f1_and_accuracy_are_those_of_scikit_learn(pairs):
    gold, predicted = zip(*pairs)
    matrix = metrics.confusion(gold, predicted, LABELS)

    assert metrics.f1_macro(matrix) == pytest.approx(
        theirs.f1_score(gold, predicted, average="macro", zero_division=0))
    assert metrics.accuracy(matrix) == pytest.approx(theirs.accuracy_score(gold, predicted))


@given(PAIRS)
def test_per_class_figures_are_those_of_scikit_learn(pairs):
    gold, predicted = zip(*pairs)
    ours = metrics.per_class(metrics.confusion(gold, predicted, LABELS), LABELS)
    other = theirs.precision_recall_fscore_support(gold, predicted, labels=LABELS, zero_division=0)

    for number, label in enumerate(LABELS):
        assert list(ours[label].values()) == pytest.approx([part[number] for part in other])


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=30, deadline=None)
@given(PAIRS)
def test_every_metric_of_the_family_is_that_of_scikit_learn(pairs):
    gold, predicted = zip(*pairs)
    family = Classification()
    table = family.table(gold, predicted, None)
    sums = np.bincount(table.cell) @ table.candidate
    expected = {
        **{f"f1_{kind}": theirs.f1_score(gold, predicted, average=kind, zero_division=0)
           for kind in ("macro", "micro", "weighted")},
        "accuracy": theirs.accuracy_score(gold, predicted),
        "mcc": theirs.matthews_corrcoef(gold, predicted)}

    assert {name: float(family.score(name, None, sums)) for name in family.metrics} == (
        pytest.approx(expected, abs=1e-9))
    for number, label in enumerate(table.labels):
        for name, function in (("precision", theirs.precision_score),
                               ("recall", theirs.recall_score), ("f1", theirs.f1_score)):
            assert float(family.score(name, number, sums)) == pytest.approx(
                function(gold, predicted, labels=[label], average="macro", zero_division=0))


@given(SCORES)
def test_roc_auc_is_that_of_scikit_learn(rows):
    gold, scores = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    expected = [theirs.roc_auc_score(gold == label, scores[:, label])
                if 0 < (gold == label).sum() < len(gold) else math.nan for label in range(3)]

    assert metrics.roc_auc(scores, gold) == pytest.approx(np.mean(expected), nan_ok=True)


@given(SCORES)
def test_brier_is_that_of_scikit_learn(rows):
    gold, scores = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    shares = scores / scores.sum(axis=1, keepdims=True)
    expected = sum(theirs.brier_score_loss(gold == label, shares[:, label]) for label in range(3))

    assert metrics.brier_rows(shares, gold).mean() == pytest.approx(expected)


def test_ece_by_hand():
    """Two of four right at .9 (gap .4), one of one right at .6 (gap .4): mean .4."""
    bins = metrics.reliability(np.array([0.9] * 4 + [0.6]), np.array([1, 1, 0, 0, 1]))

    assert [(part["from"], part["n"]) for part in bins] == [(0.5, 1), (0.8, 4)]
    assert metrics.ece(bins) == pytest.approx(0.4)


def test_a_perfectly_calibrated_model_has_no_calibration_error():
    hit = np.array([1, 0, 1, 0])

    assert metrics.ece(metrics.reliability(np.full(4, 0.5), hit)) == 0


def test_no_rows_give_no_number():
    empty = np.zeros((2, 2), dtype=int)

    assert math.isnan(metrics.f1_macro(empty)) and math.isnan(metrics.accuracy(empty))


def test_an_unknown_label_is_an_error():
    with pytest.raises(KeyError):
        metrics.confusion(["a"], ["z"], LABELS)


def span(start, end, label="PER"):
    return {"start": start, "end": end, "label": label}


@pytest.mark.parametrize("gold, predicted, counts", [
    ([span(0, 5)], [span(0, 5)], (1, 0, 1, 1)),
    ([span(0, 5)], [span(0, 4)], (0, 1, 1, 1)),
    ([span(0, 5)], [span(0, 5, "LOC")], (0, 0, 1, 1)),
    ([span(0, 5)], [span(5, 9)], (0, 0, 1, 1)),
    ([span(0, 9)], [span(0, 4), span(5, 9)], (0, 1, 1, 2)),
    ([span(0, 5), span(6, 9)], [span(0, 5), span(7, 9)], (1, 1, 2, 2)),
    ([], [span(0, 1)], (0, 0, 0, 1)),
    ([span(0, 1)], [], (0, 0, 1, 0)),
])
def test_spans_by_hand(gold, predicted, counts):
    assert metrics.count_spans(gold, predicted) == counts


def test_span_f1_by_hand():
    """Gold 3, predicted 3, one exact, one partial: strict 2*1/6, partial 2*1.5/6."""
    gold = [[span(0, 5), span(6, 9)], [span(0, 3, "LOC")]]
    predicted = [[span(0, 5), span(7, 9)], [span(0, 3)]]
    family = family_of("span_f1")
    table = family.table(gold, predicted, None)
    sums = np.bincount(table.cell) @ table.candidate

    found = {name: float(family.score(name, None, sums)) for name in family.metrics}

    assert found == pytest.approx({"span_f1": 1 / 3, "span_precision": 1 / 3,
                                   "span_recall": 1 / 3, "span_f1_partial": 0.5})


SPANS = st.lists(st.tuples(st.integers(0, 3), st.integers(4, 6), st.sampled_from(["PER", "LOC"])),
                 max_size=5, unique=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(SPANS, SPANS), min_size=1, max_size=6))
def test_span_metrics_are_those_of_scikit_learn_on_all_spans_of_either_side(rows):
    """Each span of a row that either side has is one case: is it gold, and is it predicted?"""
    cases = [(item in gold, item in predicted) for gold, predicted in rows
             for item in {*gold, *predicted}] or [(False, False)]
    gold, predicted = zip(*cases)
    family = family_of("span_f1")
    table = family.table(*([[span(*item) for item in side] for side in sides]
                           for sides in zip(*rows)), None)
    sums = np.bincount(table.cell) @ table.candidate

    for name, function in (("span_f1", theirs.f1_score), ("span_recall", theirs.recall_score),
                           ("span_precision", theirs.precision_score)):
        assert float(family.score(name, None, sums)) == pytest.approx(
            function(gold, predicted, zero_division=0))


@given(st.lists(st.integers(0, 30), max_size=10, unique=True),
       st.lists(st.integers(0, 30), max_size=10, unique=True))
def test_partial_matches_are_the_largest_possible_number(one, other):
    """Against scipy's assignment, for spans that do not overlap on their own side."""
    gold, predicted = (list(zip(sorted(cuts)[::2], sorted(cuts)[1::2])) for cuts in (one, other))
    exact = set(gold) & set(predicted)
    left = [item for item in gold if item not in exact]
    right = [item for item in predicted if item not in exact]
    overlap = np.array([[a[0] < b[1] and b[0] < a[1] for b in right] for a in left]).reshape(
        len(left), len(right))
    rows, columns = linear_sum_assignment(overlap, maximize=True)

    counted = metrics.count_spans([span(*item) for item in gold],
                                  [span(*item) for item in predicted])

    assert counted[:2] == (len(exact), overlap[rows, columns].sum())


def slow_common(one, other):
    """The textbook table of the longest common subsequence."""
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1],
                                                                     table[i + 1][j])
    return table[-1][-1]


@given(WORDS, WORDS)
def test_the_longest_common_subsequence_is_that_of_the_textbook(one, other):
    assert metrics.longest_common(one, other) == slow_common(one, other)


@given(WORDS.filter(len), WORDS.filter(len))
def test_rouge_l_is_the_harmonic_mean_of_recall_and_precision_of_the_subsequence(one, other):
    shared = slow_common(one, other)
    mean = harmonic_mean([shared / len(one), shared / len(other)])

    assert metrics.rouge_l(" ".join(one), " ".join(other)) == pytest.approx(mean)


@pytest.mark.parametrize("reference, answer, value", [
    ("police killed the gunman", "police kill the gunman", 0.75),
    ("police killed the gunman", "the gunman kill police", 0.5),
    ("The cat sat.", "the cat sat", 1.0),
    ("", "", 1.0),
    ("word", "", 0.0),
])
def test_rouge_l_by_hand(reference, answer, value):
    """The first two are the examples of Lin (2004)."""
    assert metrics.rouge_l(reference, answer) == pytest.approx(value)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_answers_of_the_wrong_shape_are_refused(family):
    with pytest.raises(ValueError):
        family.table([3], [4], None)
