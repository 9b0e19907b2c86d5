"""The canary's judge, against half hours of simulated traffic whose truth is known."""

import numpy as np
import pytest
from canary_kit import seen_so_far, within

from nlp_gitops.deploy.judge import Course, Rules, decide, look
from nlp_gitops.serving.metrics import SECOND_BOUNDS

pytestmark = pytest.mark.long

LOOKS = 180


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
