"""The canary's judge, against simulated traffic whose truth is known."""

import numpy as np
import pytest

from nlp_gitops.rollout.counts import of_log, of_page
from nlp_gitops.rollout.eprocess import MULTIPLES, EProcess
from nlp_gitops.rollout.judge import Counts, Course, Rules, decide, look, newcombe_upper
from nlp_gitops.serving.metrics import SECOND_BOUNDS

LOOKS = 180


def within(latencies):
    """Return how many latencies are at most each bound of the histogram."""
    places = np.searchsorted(SECOND_BOUNDS, latencies)
    return np.bincount(places, minlength=len(SECOND_BOUNDS) + 1)[:-1].cumsum()


def counts(errors, latencies, labels=None):
    return seen_so_far(len(latencies), errors, within(latencies), labels)


def seen_so_far(requests, errors, histogram, labels=None):
    return Counts(int(requests), int(errors), 0, 0, SECOND_BOUNDS, tuple(histogram.tolist()),
                  labels or {})


def judged(generator, rate_a, rate_b, slower=1.0, per_look=(18, 2), rules=Rules(), bursts=False,
           stalls=0.0):
    """Return the verdict on 30 minutes of traffic with a look every 10 s."""
    course = Course(rules)
    # Of each side: requests, errors and the histogram.
    seen = [[0, 0, np.zeros(len(SECOND_BOUNDS), int)] for _ in range(2)]
    for _ in range(LOOKS):
        burst = 0.05 if bursts and generator.random() < 0.02 else 0.0
        for side, rate, mean, factor in ((0, rate_a, per_look[0], 1.0),
                                         (1, rate_b, per_look[1], slower)):
            n = generator.poisson(mean)
            seen[side][0] += n
            seen[side][1] += generator.binomial(n, min(rate + burst, 1))
            stalled = 0.2 if generator.random() < stalls else 0.0
            seen[side][2] = seen[side][2] + within(
                factor * generator.lognormal(-4, 0.5, n) + stalled)
        course = look(course, seen_so_far(*seen[0]), seen_so_far(*seen[1]))
        course, decision = decide(course)
        if decision.verdict != "CONTINUE":
            return decision.verdict
    return "CONTINUE"


NEVER_PROMOTED = Rules(least=10 ** 9)


def share(verdict, runs, *arguments, rules=NEVER_PROMOTED, **more):
    generator = np.random.default_rng(7)
    found = [judged(generator, *arguments, rules=rules, **more) for _ in range(runs)]
    return found.count(verdict) / runs


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


def test_a_better_candidate_is_never_harm():
    assert share("FAIL", 20, 0.05, 0.01) == 0


def test_bursts_that_hit_both_sides_are_no_reason_to_go_back():
    assert share("FAIL", 20, 0.005, 0.005, bursts=True) == 0


def test_many_errors_are_found():
    assert share("FAIL", 20, 0.005, 0.30) == 1
    assert share("FAIL", 20, 0.005, 0.05, per_look=(90, 90)) == 1


def test_a_candidate_half_as_slow_again_is_found_and_one_a_tenth_slower_is_tolerated():
    assert share("FAIL", 10, 0.0, 0.0, slower=1.5, per_look=(90, 90)) == 1
    assert share("FAIL", 10, 0.0, 0.0, slower=1.1, per_look=(90, 90)) == 0


@pytest.mark.parametrize("per_look", [(90, 90), (160, 20)])
def test_processes_that_stall_equally_often_are_equal(per_look):
    # One stall makes all answers of a look slow: far more alike than chance alone would have it.
    assert share("FAIL", 40, 0.0, 0.0, per_look=per_look, stalls=0.03) <= 0.025


def test_an_equal_candidate_is_promoted_and_one_beyond_the_margin_is_not():
    assert share("PASS", 20, 0.005, 0.005, per_look=(20, 20), rules=Rules()) >= 0.95
    assert share("PASS", 20, 0.005, 0.018, per_look=(20, 20), rules=Rules()) <= 0.05


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
