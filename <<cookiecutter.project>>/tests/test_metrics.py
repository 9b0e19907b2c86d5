"""Metrics against scikit-learn, on random predictions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from mlops import metrics

LABELS = ["a", "b", "c", "d"]
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1)


@given(PAIRS)
def test_macro_f1_and_accuracy_are_those_of_scikit_learn(pairs):
    gold, predicted = zip(*pairs)
    matrix = metrics.confusion(gold, predicted, LABELS)

    assert metrics.f1_macro(matrix) == pytest.approx(
        f1_score(gold, predicted, average="macro", zero_division=0))
    assert metrics.accuracy(matrix) == pytest.approx(accuracy_score(gold, predicted))


@given(PAIRS)
def test_per_class_figures_are_those_of_scikit_learn(pairs):
    gold, predicted = zip(*pairs)
    ours = metrics.per_class(metrics.confusion(gold, predicted, LABELS), LABELS)
    theirs = precision_recall_fscore_support(gold, predicted, labels=LABELS, zero_division=0)

    for number, label in enumerate(LABELS):
        assert list(ours[label].values()) == pytest.approx([part[number] for part in theirs])


def test_no_rows_give_no_number():
    empty = np.zeros((2, 2), dtype=int)

    assert math.isnan(metrics.f1_macro(empty)) and math.isnan(metrics.accuracy(empty))


def test_an_unknown_label_is_an_error():
    with pytest.raises(KeyError):
        metrics.confusion(["a"], ["z"], LABELS)
