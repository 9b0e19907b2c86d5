"""Statistics against scipy and against the plain definition, on random inputs."""

from itertools import islice

import numpy as np
import pytest
from gate_kit import simulated
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from nlp_gitops.evaluation import statistics
from nlp_gitops.evaluation.families import Classification
from nlp_gitops.gates.measure import Precision, measure

SHARES = st.floats(0, 1)


def numbered(sides):
    """Return lists of labels as arrays of numbers."""
    return [np.array([int(label[1:]) for label in side]) for side in sides]


def macro_f1(gold, side):
    """Return macro-F1 (...,) of many draws (..., n) at once; the first ones are scikit-learn's."""
    classes = np.arange(12)[:, None]
    ours, theirs = gold[..., None, :] == classes, side[..., None, :] == classes
    both = (ours.sum(axis=-1) + theirs.sum(axis=-1)).astype(float)
    f1 = 2 * (ours & theirs).sum(axis=-1) / np.maximum(both, 1)
    found = f1.sum(axis=-1) / (both > 0).sum(axis=-1)
    for draw in islice(np.ndindex(found.shape), 20):
        assert found[draw] == pytest.approx(
            f1_score(gold[draw], side[draw], average="macro", zero_division=0))
    return found


@given(hits=st.integers(0, 500), more=st.integers(0, 500), confidence=st.sampled_from([0.9, 0.95]))
def test_wilson_is_that_of_scipy(hits, more, confidence):
    n = hits + more + 1
    theirs = stats.binomtest(hits, n).proportion_ci(confidence, method="wilson")

    assert statistics.wilson(hits / n, n, confidence) == pytest.approx((theirs.low, theirs.high))


@given(n=st.integers(1, 5000))
def test_the_rule_of_three_is_the_exact_bound_of_clopper_and_pearson(n):
    theirs = stats.binomtest(0, n, alternative="less").proportion_ci(0.95, method="exact")

    assert statistics.rule_of_three(n, 0.95) == pytest.approx(theirs.high)


@given(broken=st.integers(0, 300), fixed=st.integers(0, 300))
def test_mcnemar_is_the_exact_binomial_test(broken, fixed):
    theirs = stats.binomtest(broken, broken + fixed).pvalue if broken + fixed else 1.0

    assert statistics.mcnemar(broken, fixed) == pytest.approx(theirs, rel=1e-6)


@given(st.lists(SHARES, max_size=12))
def test_holm_rejects_what_the_step_down_procedure_rejects(p):
    """The procedure, word for word: compare the smallest with alpha / m, and stop at the first."""
    rejected = set()
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if p[index] * (len(p) - rank) > 0.05:
            break
        rejected.add(index)

    adjusted = statistics.holm(p)

    assert {i for i, value in enumerate(adjusted) if value <= 0.05} == rejected


@pytest.mark.parametrize("n, labels", [(500, 3), (60, 3), (40, 12)])
def test_the_multinomial_bootstrap_is_the_row_bootstrap(n, labels):
    """Same distribution: Kolmogorov-Smirnov against the metric on resampled rows."""
    gold, candidate, _ = numbered(simulated(3, n, labels))
    rows = np.random.default_rng(5).integers(0, n, (300, n))
    theirs = macro_f1(gold[rows], candidate[rows])
    family = Classification()
    table = family.table(*simulated(3, n, labels)[:2], None)
    ours = np.concatenate([family.score("f1_macro", None, drawn @ table.candidate) for drawn
                           in statistics.bootstrap(np.bincount(table.cell), 3000, 1)])

    assert stats.ks_2samp(ours, theirs).pvalue > 0.001


def test_the_interval_of_a_difference_is_that_of_scipys_paired_bootstrap():
    sides = numbered(simulated(4, 200))

    def difference(gold, one, other, axis):
        return macro_f1(gold, one) - macro_f1(gold, other)

    theirs = stats.bootstrap(sides, difference, n_resamples=800, paired=True, vectorized=True,
                             method="percentile", rng=np.random.default_rng(1))
    table = Classification().table(*simulated(4, 200))

    ours = measure(table, range(200), ["f1_macro"], [], Precision())["f1_macro"].compared

    assert ours.error == pytest.approx(theirs.standard_error, rel=0.1)
    assert ours.interval == pytest.approx(theirs.confidence_interval, abs=0.4 * ours.error)


@pytest.mark.parametrize("counts", [[4, 4, 4], [700, 300], [900, 3, 1, 60], [2, 1]])
def test_drawing_counts_or_rows_gives_the_moments_of_the_multinomial(counts):
    counts = np.array(counts)
    n, theirs = counts.sum(), stats.multinomial(counts.sum(), counts / counts.sum())

    drawn = np.concatenate(list(statistics.bootstrap(counts, 40_000, 3)))

    assert (drawn.sum(axis=1) == n).all()
    assert drawn.mean(axis=0) == pytest.approx(counts, abs=0.03 * np.sqrt(n))
    assert np.cov(drawn.T) == pytest.approx(theirs.cov(), abs=0.04 * n)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(5, 60))
def test_the_randomisation_test_is_that_of_scipy(seed, n):
    gold, candidate, champion = (np.array(side) for side in simulated(seed, n, different=0.3))
    right, other = (side == gold for side in (candidate, champion))
    theirs = stats.permutation_test(
        (right.astype(float), other.astype(float)), lambda a, b: a.mean() - b.mean(),
        permutation_type="samples", alternative="less", n_resamples=2000,
        rng=np.random.default_rng(1))
    table = Classification().table(*(side.tolist() for side in (gold, candidate, champion)))

    ours = measure(table, range(n), ["accuracy"], ["accuracy"], Precision())["accuracy"]

    assert ours.compared.p == pytest.approx(theirs.pvalue, abs=0.06)


def test_no_error_at_all_gives_no_collapsed_interval():
    table = Classification().table(["a", "b"] * 25, ["a", "b"] * 25, None)

    found = measure(table, range(50), ["accuracy", "f1_macro"], [], Precision())

    for item in found.values():
        assert item.interval == pytest.approx(statistics.wilson(1, 50, 0.95))
        assert item.bounds[0] > item.interval[0]


def test_the_global_random_state_is_left_alone():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()

    table = Classification().table(*simulated(1, 100))
    measure(table, range(100), ["f1_macro"], ["f1_macro"], Precision())

    assert (np.random.get_state()[1] == before).all()


def test_the_same_rows_give_the_same_figures():
    tables = [Classification().table(*simulated(1, 100)) for _ in range(2)]
    one, other = (measure(table, range(100), ["f1_macro"], ["f1_macro"], Precision())
                  for table in tables)

    assert one == other


@pytest.mark.parametrize("allowed, needed", [(0.02, 619), (0.01, 2474), (0, None)])
def test_rows_needed_grow_with_the_square(allowed, needed):
    """By hand: 2.4865 * 0.008 = 0.0199 with 625 rows; half of it needs four times as many."""
    assert statistics.rows_needed(625, 0.008, 625, allowed, 0.95) == needed


def test_the_minimum_detectable_effect_is_found_four_times_out_of_five():
    """A normal difference with this standard error, tested one-sided at 5 %."""
    seen = statistics.mde(0.01, 100_000, 0.95)

    assert stats.norm(-seen, 0.01).cdf(-stats.norm.ppf(0.95) * 0.01) == pytest.approx(0.8)
