"""The canary's judge, against simulated traffic whose truth is known."""

import numpy as np
import pytest
from canary_kit import seen_so_far, within

from nlp_gitops.deploy.counts import of_log, of_page
from nlp_gitops.deploy.judge import (MULTIPLES, Counts, Course, EProcess, Rules, decide, look,
                                     newcombe_upper)
from nlp_gitops.serving.metrics import SECOND_BOUNDS


def counts(errors, latencies, labels=None):
    return seen_so_far(len(latencies), errors, within(latencies), labels)


def wealth(n_a, k_a, n_b, k_b):
    """Return the mean wealth (runs, blocks) after each block of many runs at once."""
    def before(of_blocks):
        return (of_blocks.cumsum(axis=1) - of_blocks)[..., None]

    t_a = np.minimum((before(k_a) + 0.5) / (before(n_a) + 100), 0.95 / 1.1)
    t_b = np.minimum(t_a * MULTIPLES, 0.95)
    n_a, k_a, n_b, k_b = (side[..., None] for side in (n_a, k_a, n_b, k_b))
    t_0 = (n_a * t_a + n_b * t_b) / np.maximum(n_a + n_b, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = (k_a * np.log(t_a / t_0) + (n_a - k_a) * np.log((1 - t_a) / (1 - t_0))
                  + k_b * np.log(t_b / t_0) + (n_b - k_b) * np.log((1 - t_b) / (1 - t_0)))
    factor[(n_a * n_b == 0)[..., 0]] = 0
    return np.exp(np.minimum(factor.cumsum(axis=1), 700)).mean(axis=-1)


def equal_versions(rate, runs, blocks=360):
    """Return blocks (runs, blocks) of a champion and a candidate that fail equally often."""
    generator = np.random.default_rng(11)
    n_a, n_b = generator.poisson(18, (runs, blocks)), generator.poisson(6, (runs, blocks))
    return n_a, generator.binomial(n_a, rate), n_b, generator.binomial(n_b, rate)


RATES = pytest.mark.parametrize("rate", [0.0, 0.005, 0.02, 0.3])


@RATES
def test_equal_versions_are_hardly_ever_rolled_back(rate):
    reached = wealth(*equal_versions(rate, 1000)).max(axis=1) >= Rules().threshold

    assert reached.mean() <= 0.01


@RATES
def test_the_evidence_is_that_of_the_published_formula(rate):
    blocks = equal_versions(rate, 5)
    for run, expected in enumerate(wealth(*blocks)):
        process, found = EProcess(), []
        for block in zip(*(side[run].tolist() for side in blocks)):
            process = process.after(*block)
            found.append(process.value)
        assert found == pytest.approx(expected)


def test_nothing_is_promoted_before_the_least_number_of_answers():
    latencies = np.full(499, 0.004)
    course = look(Course(), counts(0, latencies), counts(0, latencies))

    _, decision = decide(course)

    assert decision.verdict == "CONTINUE" and "499 of 500" in decision.why


def test_no_traffic_decides_nothing():
    course = Course()
    for _ in range(1000):
        course = look(course, Counts(), Counts())
    assert decide(course)[1].verdict == "CONTINUE"


def test_a_promotion_needs_answers_of_the_champion_as_well():
    course = look(Course(), Counts(), counts(0, np.full(5000, 0.004)))
    assert decide(course)[1].verdict == "CONTINUE"


def test_a_process_that_was_started_again_is_noticed():
    course = look(Course(), counts(0, np.full(10, 0.004)), counts(0, np.full(10, 0.004)))
    with pytest.raises(ValueError, match="started again"):
        look(course, counts(0, np.full(20, 0.004)), counts(0, np.full(3, 0.004)))


def shifted(good, bad):
    latencies = np.full(600, 0.004)
    course = look(Course(), counts(0, latencies, {"good": 300, "bad": 300}),
                  counts(0, latencies, {"good": good, "bad": bad}))
    course = look(course, course.champion, course.candidate)
    return decide(course)[1]


def test_a_large_shift_of_labels_is_for_a_person_and_a_smaller_one_is_not_promoted():
    assert shifted(310, 290).verdict == "PASS" and not shifted(310, 290).warnings
    small, large = shifted(375, 225), shifted(500, 100)
    assert small.verdict == "CONTINUE" and "'bad': 37.5%" in small.why
    assert "'bad': 37.5%" in small.warnings[0]
    assert large.verdict == "INCONCLUSIVE" and "'bad': 16.7% of the candidate's" in large.why


def test_newcombes_bound_is_the_published_one():
    # Newcombe 1998, table II (a): 56/70 against 48/80, 95 % two-sided: 0.0524 to 0.3339.
    assert newcombe_upper(48, 80, 56, 70, 0.025) == pytest.approx(0.3339, abs=5e-5)
    assert newcombe_upper(0, 0, 1, 1, 0.05) == 1.0


def test_a_block_without_the_other_side_changes_nothing():
    assert EProcess().after(0, 0, 50, 50).value == 1.0
    assert EProcess().after(50, 50, 0, 0).value == 1.0


def test_counts_of_a_page_and_of_a_log_agree(tmp_path):
    page = "\n".join([
        '# TYPE service_requests_total counter', 'service_requests_total{status="200"} 7',
        'service_requests_total{status="500"} 2', 'service_requests_total{status="422"} 1',
        '# TYPE service_predictions_total counter', 'service_predictions_total{label="good"} 7',
        '# TYPE service_request_seconds histogram',
        *(f'service_request_seconds_bucket{{le="{bound}"}} {10 if bound > 0.004 else 0}'
          for bound in (*SECOND_BOUNDS, "+Inf") if isinstance(bound, float)), ""])
    lines = ['{"version": "v1", "status": 200, "latency_ms": 4, "row": 0, "label": "good"}'] * 7
    lines += ['{"version": "v1", "status": 500, "latency_ms": 4}'] * 2
    lines += ['{"version": "v1", "status": 422, "latency_ms": 4}', '{"version": "v0", "status": 1']
    (tmp_path / "dt=2026-01-01").mkdir()
    (tmp_path / "dt=2026-01-01" / "m-1.jsonl").write_text("\n".join(lines))

    assert of_page(page) == of_log(tmp_path, "v1")
    assert of_log(tmp_path, "v1").errors == 2
