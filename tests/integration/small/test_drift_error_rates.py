"""How often drift is called where there is none, and found where it is, in simulated traffic."""

import numpy as np
import pytest
from drift_kit import OPEN, WHOLE, days, moods, pair

from nlp_gitops.drift.columns import UNTIMED
from nlp_gitops.drift.judge import compare
from nlp_gitops.drift.profile import Profile

pytestmark = pytest.mark.long


def alarms(make, trials, rules=OPEN):
    """Return the share of trials with any significant signal."""
    return np.mean([any(signal.get("p_adjusted", 1) < rules.alpha
                        for signal in compare(*make(seed), rules).slices["all"].values())
                    for seed in range(trials)])


@pytest.mark.parametrize("n", [40, 400])
def test_unchanged_traffic_alarms_no_more_often_than_stated(n):
    # Of 80 reports 4 are expected; 11 or more would be seen once in 500 times.
    assert alarms(lambda seed: pair(seed, n, 1500, layout=WHOLE), 80) <= 10 / 80


def test_planted_drift_is_found_and_more_surely_with_more_lines():
    topics = moods(np.random.default_rng(6), 0.5)

    powers = [alarms(lambda seed: pair(seed, n, 1500, topics, 0.5, WHOLE), 12)
              for n in (60, 600)]

    assert powers[1] == 1 and powers[0] < 1


def moody(seed):
    generator = np.random.default_rng(seed)
    return (days(generator, 28, 0, 60, 0.6, layout=WHOLE),
            days(generator, 7, 28, 60, 0.6, layout=WHOLE))


def test_days_that_differ_by_nature_are_no_drift_when_days_are_dealt_out():
    judged = compare(*moody(0), OPEN)
    timeless = [Profile(WHOLE, {name: {UNTIMED: profile.total(name)} for name in profile.blocks},
                        profile.moments) for profile in moody(0)]

    assert judged.unit == "day" and compare(*timeless, OPEN).unit == "line"
    assert alarms(moody, 20) <= 4 / 20


def test_days_of_another_size_are_no_drift_whether_days_differ_by_nature_or_not():
    def grown(seed, before, now, deviation):
        generator = np.random.default_rng(seed)
        return (days(generator, 28, 0, before, deviation, layout=WHOLE),
                days(generator, 7, 28, now, deviation, layout=WHOLE))

    # Of 12 reports 0.6 are expected; 4 or more would be seen once in 400 times.
    assert alarms(lambda seed: grown(seed, 90, 30, 0.0), 12) <= 3 / 12
    assert alarms(lambda seed: grown(seed, 30, 90, 0.6), 12) <= 3 / 12
