"""Intervals hold the truth, and tests keep their error, as often as they promise: simulated."""

import numpy as np
import pytest
from gate_kit import calibrated, simulated
from scipy import stats

from nlp_gitops.evaluation import metrics, statistics
from nlp_gitops.evaluation.families import Classification
from nlp_gitops.gates.measure import Precision, measure

pytestmark = pytest.mark.long


def test_the_interval_of_roc_auc_holds_the_truth_as_often_as_promised():
    """Two normal scores a distance of 1.5 apart: the area is known."""
    truth, held = stats.norm.cdf(1.5 / np.sqrt(2)), 0
    for seed in range(400):
        generator = np.random.default_rng(seed)
        gold = np.arange(100) % 2
        score = generator.normal(1.5 * gold)
        low, high = statistics.roc_auc_interval(np.stack([-score, score], axis=1), gold, 0.95)
        held += low <= truth <= high

    assert held >= stats.binom(400, 0.94).ppf(0.001)


@pytest.mark.parametrize("shift, n", [(0.06, 200), (0.06, 1000), (0.12, 200), (0.12, 1000)])
def test_the_interval_of_ece_holds_the_truth_as_often_as_promised(shift, n):
    truth = metrics.ece(metrics.reliability(*calibrated(0, 1_000_000, shift)))
    held = 0
    for seed in range(1, 201):
        bins = metrics.reliability(*calibrated(seed, n, shift))
        low, high = statistics.ece_interval(bins, 0.95, seed)
        held += low <= truth <= high

    assert held >= stats.binom(200, 0.94).ppf(0.001)


def test_swapping_the_models_of_equal_quality_keeps_the_promised_error():
    """Answers exchanged at random: no model is better, so p <= 0.05 in at most about 5 %."""
    called, generator = 0, np.random.default_rng(9)
    for seed in range(400):
        gold, one, other = (np.array(side) for side in simulated(seed, 100, different=0.2))
        turn = generator.random(100) < 0.5
        table = Classification().table(gold.tolist(), np.where(turn, one, other).tolist(),
                                       np.where(turn, other, one).tolist())
        found = measure(table, range(100), ["f1_macro"], ["f1_macro"], Precision(resamples=200))
        called += found["f1_macro"].compared.p <= 0.05

    assert called <= stats.binom(400, 0.05).ppf(0.999)
