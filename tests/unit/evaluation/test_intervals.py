"""Intervals of calibration and latency against scipy, scikit-learn and what they promise."""

import numpy as np
import pytest
from gate_kit import calibrated
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from nlp_gitops.evaluation import figures, metrics, statistics
from nlp_gitops.gates import Answers

SEEDS = st.integers(0, 10**6)


def scored(seed, n, labels=3):
    """Return scores (n, k) that know something, and the truth (n,)."""
    generator = np.random.default_rng(seed)
    gold = np.concatenate([np.arange(labels), generator.integers(0, labels, n - labels)])
    scores = generator.dirichlet(np.ones(labels), n) + np.eye(labels)[gold] / 2
    return scores / scores.sum(axis=1, keepdims=True), gold


@pytest.mark.parametrize("seed, n", [(1, 80), (2, 300), (3, 900)])
def test_the_interval_of_brier_is_that_of_the_row_bootstrap(seed, n):
    rows = metrics.brier_rows(*scored(seed, n))
    theirs = stats.bootstrap((rows,), np.mean, n_resamples=4000, method="percentile",
                             rng=np.random.default_rng(1)).confidence_interval

    low, high = statistics.mean_interval(rows, 0.95, (0, 2))

    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.1 * (high - low))


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, n=st.integers(10, 60), ties=st.booleans())
def test_the_influence_on_roc_auc_is_that_of_delong(seed, n, ties):
    """DeLong's variance from all pairs, as written down in the paper, for two labels."""
    scores, gold = scored(seed, n, 2)
    scores = scores.round(1) if ties else scores
    positive, negative = scores[gold == 1, 1], scores[gold == 0, 1]
    won = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    theirs = (won.mean(axis=1).var() / len(positive) + won.mean(axis=0).var() / len(negative))

    pull = metrics.roc_auc_influence(scores[:, 1:], (gold == 0).astype(int))

    assert np.mean(pull ** 2) / n == pytest.approx(theirs)


def areas(scores, positive, drawn):
    """Return the area (resamples,) from all pairs; `drawn` (resamples, n) counts each row."""
    ours, others = scores[positive, None], scores[~positive]
    won = (ours > others) + 0.5 * (ours == others)
    left, right = drawn[:, positive], drawn[:, ~positive]
    return ((left @ won) * right).sum(axis=1) / (left.sum(axis=1) * right.sum(axis=1))


@pytest.mark.parametrize("seed, n, labels", [(1, 120, 2), (2, 400, 3), (3, 400, 6)])
def test_the_interval_of_roc_auc_is_that_of_resampled_rows(seed, n, labels):
    scores, gold = scored(seed, n, labels)
    rows = np.random.default_rng(7).integers(0, n, (800, n))
    drawn = np.stack([np.bincount(row, minlength=n) for row in rows])
    theirs = np.mean([areas(scores[:, label], gold == label, drawn) for label in range(labels)],
                     axis=0)
    assert theirs[0] == pytest.approx(np.mean([
        roc_auc_score(gold[rows[0]] == label, scores[rows[0], label]) for label in range(labels)]))

    low, high = statistics.roc_auc_interval(scores, gold, 0.95)

    assert (low, high) == pytest.approx(np.percentile(theirs, [2.5, 97.5]), abs=0.2 * (high - low))


@pytest.mark.parametrize("scores, expected", [
    ([[0.9, 0.1]] * 20 + [[0.1, 0.9]] * 30, 1.0), ([[0.5, 0.5]] * 50, 0.5)])
def test_scores_that_rank_every_pair_alike_give_no_collapsed_interval(scores, expected):
    gold = np.array([0] * 20 + [1] * 30)

    assert statistics.roc_auc_interval(np.array(scores), gold, 0.95) == pytest.approx(
        statistics.wilson(expected, 20, 0.95))


def test_equal_values_give_no_collapsed_interval_of_the_mean():
    low, high = statistics.mean_interval(np.zeros(100), 0.95, (0, 2))

    assert (low, high) == (0, pytest.approx(2 * stats.beta(1, 100).ppf(0.95)))


def test_a_label_without_rows_has_no_roc_auc_and_no_interval():
    assert statistics.roc_auc_interval(np.full((4, 2), 0.5), np.zeros(4, dtype=int), 0.95) is None


@given(SEEDS, st.integers(1, 300))
def test_ece_is_that_of_scipys_bins(seed, n):
    generator = np.random.default_rng(seed)
    confidence, hit = generator.random(n), generator.random(n) < 0.7
    gaps, _, _ = stats.binned_statistic(confidence, hit - confidence, "sum", bins=10, range=(0, 1))

    found = metrics.ece(metrics.reliability(confidence, hit))

    assert found == pytest.approx(np.abs(gaps).sum() / n)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(2, 300))
def test_the_interval_of_ece_holds_the_value(seed, n):
    bins = metrics.reliability(*calibrated(seed, n, 0.1))
    low, high = statistics.ece_interval(bins, 0.95, 1)

    assert 0 <= low <= metrics.ece(bins) <= high


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("n", [150, 300, 2000])
def test_the_interval_of_a_percentile_is_the_exact_one_within_a_rank(q, n):
    values = np.arange(1.0, n + 1)
    theirs = stats.quantile_test(values, p=q).confidence_interval(0.95)

    assert statistics.percentile_interval(values, q, 0.95) == pytest.approx(theirs, abs=1)


@given(st.lists(st.floats(0, 1000), min_size=80, max_size=200))
def test_the_interval_of_a_percentile_holds_it(values):
    low, high = statistics.percentile_interval(sorted(values), 0.5, 0.95)

    assert low <= np.percentile(values, 50) <= high


def test_too_few_values_have_no_interval_of_a_percentile():
    assert statistics.percentile_interval([1.0] * 20, 0.99, 0.95) is None


@given(st.lists(st.floats(0.1, 1000), min_size=1, max_size=100))
def test_latency_percentiles_are_those_of_scipy(times):
    found = figures.latency(Answers([], latency_ms=times), None, 0.95)

    for q in (50, 95, 99):
        assert found[f"latency_ms_p{q}"].value == pytest.approx(
            stats.scoreatpercentile(times, q))


def test_every_calibration_figure_has_an_interval_and_narrower_one_sided_bounds():
    scores, gold = scored(1, 300)
    answers = Answers(list("abc"[i] for i in scores.argmax(axis=1)),
                      [dict(zip("abc", row)) for row in scores.tolist()])

    found = figures.calibration(["abc"[i] for i in gold], answers, None, 1, 0.95)

    assert set(found) == {"ece", "brier", "roc_auc"}
    for single in found.values():
        assert single.interval[0] <= single.bounds[0] <= single.value
        assert single.value <= single.bounds[1] < single.interval[1]
