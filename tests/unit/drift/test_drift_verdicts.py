"""Verdicts that can be trusted: distances, chance, the two keys, and what is never called OK."""

from dataclasses import replace

import numpy as np
import pytest
from drift_kit import LAYOUT, OPEN, TOPICS, days, moods, pair, traffic
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import f1_score

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.names import ABSTAIN
from nlp_gitops.drift import calibrate, distances, embedder, explain, figures, judge, quality
from nlp_gitops.drift.blocks import step_down
from nlp_gitops.drift.columns import LATENCY_EDGES, UNTIMED
from nlp_gitops.drift.inputs import Days, date
from nlp_gitops.drift.judge import EXIT_CODES, Rules, compare, overall
from nlp_gitops.drift.profile import Profile, measure, merged


def test_the_plain_rule_gives_what_its_worked_example_says():
    reference, current = np.array([0.12, -0.03, 0.22, 0.01]), np.array([0.20, -0.05, 0.18, -0.02])

    verdict, distance = judge.verdict(reference, current)

    assert (verdict, round(distance, 3)) == ("OK", 0.064)
    assert judge.verdict(reference, current, 0.06)[0] == "ALERT"
    assert judge.verdict(reference, np.zeros(4)) == ("ALERT", 1.0)


def test_the_plain_rule_alarms_on_few_lines_where_the_test_does_not():
    reference, current = pair(1, 12, 3000)

    assert judge.compare_fixed(reference, current, 0.02)["all"]["embedding"]["verdict"] == "ALERT"
    assert compare(reference, current, OPEN).slices["all"]["embedding"]["verdict"] == "OK"


def test_the_effect_does_not_depend_on_the_number_of_lines():
    topics = moods(np.random.default_rng(5), 0.8)

    effects = {n: np.mean([compare(*pair(seed, n, 4000, topics), OPEN).slices["all"]["embedding"][
        "value"] for seed in range(8)]) for n in (60, 4000)}

    assert effects[60] == pytest.approx(effects[4000], rel=0.35) and effects[4000] > 0.01


def sums(generator, n, cells):
    return np.bincount(generator.integers(0, cells, n), minlength=cells).astype(float)[None]


def test_label_and_score_statistics_are_those_of_scipy():
    generator = np.random.default_rng(3)
    current, reference = sums(generator, 400, 5), sums(generator, 900, 5) + [[40, 0, 0, 9, 0]]
    n, m = current.sum(), reference.sum()

    g, effect = distances.shares(current, reference)
    gap, _ = distances.ordered(current, reference)

    table = np.vstack([current, reference])
    assert g[0] == pytest.approx(
        chi2_contingency(table, lambda_="log-likelihood").statistic * (1 / n + 1 / m))
    plain = jensenshannon((current / n)[0], (reference / m)[0], 2)
    assert effect[0] ** 2 == pytest.approx(
        plain ** 2 - 4 / (8 * np.log(2)) * (1 / n + 1 / m), abs=1e-9)
    rows = [np.repeat(np.arange(5), side[0].astype(int)) for side in (current, reference)]
    assert gap[0] == pytest.approx(ks_2samp(*rows).statistic)


def test_the_squared_mmd_is_the_mean_over_pairs_of_different_lines():
    generator = np.random.default_rng(4)
    one, two = (generator.normal(size=(n, 6)) for n in (7, 9))
    one, two = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (one, two))

    found, _ = distances.features(*(np.concatenate([[len(side)], side.sum(axis=0)])[None]
                                    for side in (one, two)))

    inner = [(side @ side.T).sum() - len(side) for side in (one, two)]
    assert found[0] == pytest.approx(inner[0] / 42 + inner[1] / 72 - 2 * (one @ two.T).mean())


def test_statistics_that_say_the_same_are_judged_as_one_and_unlike_ones_as_many():
    generator = np.random.default_rng(25)
    deals = 4000
    ranks = np.argsort(np.argsort(generator.random((10, deals)), axis=1), axis=1) + 1.0
    ranks[:, 0] = 20
    unlike = ranks / deals

    p = 21 / deals
    assert step_down(np.repeat(unlike[:1], 10, axis=0)) == pytest.approx([p] * 10)
    assert step_down(unlike) == pytest.approx([1 - (1 - p) ** 10] * 10, rel=0.15)


def test_a_signal_does_not_hide_behind_one_that_is_clearer():
    deals = 1000
    p = np.array([np.roll(np.arange(1, deals + 1) / deals, shift) for shift in (0, 300, 600)])
    p[:, 0] = 0.001, 0.02, 0.5

    adjusted = step_down(p)

    # The first is compared with all three, the last with itself alone.
    assert adjusted[0] < adjusted[1] < adjusted[2] == pytest.approx(0.5, abs=0.002)
    assert adjusted[0] == pytest.approx(0.003, abs=0.002)


def test_a_slice_that_most_days_lack_does_not_silence_the_others():
    generator = np.random.default_rng(26)
    topics = moods(np.random.default_rng(6), 0.9)
    reference, current = days(generator, 28, 0, 60), merged(LAYOUT, [
        measure(LAYOUT, traffic(generator, 60, 24 * (28 + day), topics)) for day in range(7)])
    rare = [Profile(LAYOUT, {**profile.blocks, "domain=toys": dict(
        list(profile.blocks["domain=toys"].items())[:2])}, profile.moments)
        for profile in (reference, current)]

    judged = compare(*rare, OPEN)

    assert judged.unit == "day" and judged.slices["all"]["embedding"]["p_adjusted"] < 0.01


def test_with_too_few_days_hours_are_dealt_out():
    generator = np.random.default_rng(8)

    assert compare(days(generator, 10, 0, 80), days(generator, 3, 10, 80), OPEN).unit == "hour"


@pytest.mark.parametrize("n, verdict", [(499, "INSUFFICIENT"), (500, "OK")])
def test_too_few_lines_are_never_ok(n, verdict):
    judged = compare(*pair(2, n, 600), Rules())

    assert judged.verdict == verdict and EXIT_CODES[judged.verdict] == {"OK": 0}.get(verdict, 3)


def test_a_small_slice_is_insufficient_and_does_not_hide_the_rest():
    judged = compare(*pair(2, 600, 900), Rules(least_slice=400))

    books = judged.slices["domain=books"]["embedding"]
    assert books["verdict"] == "INSUFFICIENT" and "400 of each are needed" in books["why"]
    assert judged.verdict == "OK"


def test_significance_alone_warns_size_makes_an_alert_and_repetition_a_critical():
    profiles = pair(9, 3000, 3000, good=0.5)
    effect = compare(*profiles, Rules()).slices["all"]["label"]["value"]

    def verdict(bound, **more):
        rules = Rules(bounds={"label": bound}, **more)
        return compare(*profiles, rules).slices["all"]["label"]["verdict"]

    assert verdict(effect * 1.1) == verdict(None) == "WARN"
    assert verdict(effect * 0.9) == "ALERT"
    assert verdict(effect * 0.9, alerted=frozenset({("all", "label")})) == "CRITICAL"
    assert verdict(effect * 1.1, alerted=frozenset({("all", "label")})) == "WARN"


def test_every_signal_is_adjusted_for_all_of_them_and_the_draws_can_show_it():
    judged = compare(*pair(10, 900, 900), Rules())

    measured = [signal for signals in judged.slices.values() for signal in signals.values()
                if "p" in signal]
    assert all(signal["p_adjusted"] >= signal["p"] for signal in measured)
    assert len(measured) / (judged.draws + 1) < Rules().alpha


def test_the_detectable_effect_shrinks_with_lines_and_is_found_when_it_is_there():
    topics = moods(np.random.default_rng(11), 0.5)
    few, many = (compare(*pair(12, n, 4000), OPEN).slices["all"]["embedding"]["mde"]
                 for n in (100, 2000))
    signal = compare(*pair(13, 2000, 4000, topics), OPEN).slices["all"]["embedding"]

    assert many < few / 3
    assert signal["value"] > many and signal["verdict"] != "OK"


def test_the_isotonic_estimate_is_that_of_scikit_learn():
    generator = np.random.default_rng(14)
    judged = generator.integers(0, 30, 50).astype(float)
    right = generator.binomial(judged.astype(int), np.linspace(0.3, 0.95, 50)).astype(float)
    there = judged > 0

    found = np.concatenate([np.full(part.stop - part.start, share)
                            for part, _, share in quality.isotonic(judged, right)])

    want = IsotonicRegression().fit_transform(
        np.arange(50)[there], (right[there] / judged[there]), sample_weight=judged[there])
    assert len(found) == 50 and np.allclose(found[there], want)


def test_accuracy_is_estimated_from_scores_with_an_interval_that_holds_it():
    generator = np.random.default_rng(15)

    def labelled(n, shape):
        lines = traffic(generator, n, 5)
        score = generator.beta(*shape, n)
        right = (generator.random(n) < score).astype(float)
        return measure(LAYOUT, lines.__class__(**{**vars(lines), "scores": score,
                                                  "right": right})), right.mean()

    judge, _ = labelled(3000, (6, 2))
    hits = [(low <= truth <= high) for truth, (low, high) in (
        (truth, quality.estimate(judge, current)["interval"])
        for current, truth in (labelled(800, (4, 2)) for _ in range(20)))]

    assert sum(hits) >= 16
    assert quality.estimate(measure(LAYOUT, traffic(generator, 500, 5)), judge) is None


def test_percentiles_are_good_to_five_per_cent():
    latencies = np.random.default_rng(16).gamma(3, 4, 20_000)
    counts = np.bincount(np.searchsorted(LATENCY_EDGES, latencies, "right"),
                         minlength=len(LATENCY_EDGES) + 1)

    for share in (0.5, 0.95, 0.99):
        assert figures.percentile(counts, share) == pytest.approx(
            np.quantile(latencies, share), rel=0.05)


def test_the_day_of_a_change_is_named():
    generator = np.random.default_rng(17)
    topics = np.eye(TOPICS)[0] * 0.5 + 0.5 / TOPICS
    reference, calm = days(generator, 28, 0, 60), days(generator, 3, 28, 60)
    late = [measure(LAYOUT, traffic(generator, 60, 24 * (31 + day), topics)) for day in range(4)]
    current = calm
    for part in late:
        current = explain.Profile(LAYOUT, {**{name: {**current.blocks[name], **part.blocks[name]}
                                              for name in current.blocks}}, current.moments)

    point = explain.change_point(explain.time_line(reference, current), "embedding")

    assert point["day"] == "1970-02-01" and point["p"] < 0.05
    assert point["after"] > point["before"]


def test_calibration_measures_past_weeks_and_gives_bounds_above_them():
    generator = np.random.default_rng(18)
    profile = days(generator, 56, 0, 30, 0.3)
    window = Days(date(1970, 1, 1), date(1970, 2, 25))

    found = calibrate.calibrate(profile, window, Rules(least=50))

    assert found.weeks == 8 and found.weeks_with_alert == 0 and found.unit == "day"
    assert all(found.bounds[name] >= 1.5 * effect for name, effect in found.largest.items())
    assert found.bounds["embedding"] < 0.08
    with pytest.raises(NotMeasured, match="calibration needs 5"):
        calibrate.calibrate(days(generator, 21, 35, 30), window, Rules(least=50))


def test_a_certificate_counts_only_for_the_layout_it_was_made_with(tmp_path):
    found = calibrate.calibrate(days(np.random.default_rng(19), 56, 0, 30),
                                Days(date(1970, 1, 1), date(1970, 2, 25)), Rules(least=50))
    calibrate.write(tmp_path / "c.json", found)

    assert calibrate.load(tmp_path / "c.json", LAYOUT.sha256) == found
    assert calibrate.load(tmp_path / "c.json", "0" * 64) is None
    assert calibrate.load(tmp_path / "none.json", LAYOUT.sha256) is None


def test_the_mmd_is_judged_where_it_is_switched_on():
    layout = replace(LAYOUT, features=32)

    def profile(seed, topics=None):
        generator = np.random.default_rng(seed)
        lines = traffic(generator, 1200, UNTIMED, topics, layout=layout)
        return measure(layout, replace(lines, vectors=np.hstack([
            lines.vectors, embedder.features(lines.vectors, 32)])))

    reference, same, other = profile(20), profile(21), profile(22, moods(
        np.random.default_rng(23), 0.7))
    signals = [compare(reference, now, OPEN).slices["all"]["features"] for now in (same, other)]

    assert signals[0]["verdict"] == "OK" and abs(signals[0]["value"]) < signals[0]["mde"]
    # Without a bound of its own it can warn, and never alarm.
    assert signals[1]["verdict"] == "WARN" and signals[1]["value"] > signals[1]["mde"]
    assert "features" not in compare(*pair(1, 50, 50), OPEN).slices["all"]


def test_languages_are_judged_where_lines_name_them():
    reference, current = pair(24, 500, 500)
    start = LAYOUT.columns["language"].start
    moved = current.blocks["all"][480_000].copy()
    moved[[start + 1, start + 2]] = 300, 200
    other = Profile(LAYOUT, {"all": {480_000: moved}}, current.moments)
    silent = []
    for profile in (reference, current):
        vector = profile.total()
        vector[[start, start + 1]] = vector[start + 1], 0
        silent.append(Profile(LAYOUT, {"all": {0: vector}}, profile.moments))

    verdicts = [compare(*sides, OPEN).slices["all"]["language"]["verdict"]
                for sides in ((reference, current), (reference, other), silent)]

    assert verdicts == ["OK", "ALERT", "NOT_MEASURED"]


def test_no_answer_is_a_miss_and_no_class_to_average_over():
    # Given 90 of 100 right, and 10 without an answer, as a named label and as an unknown one
    named = np.array([[45, 0, 5, 0], [0, 45, 5, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    unknown = named[np.ix_([0, 1, 3], [0, 1, 2])]
    expected = f1_score(["a"] * 50 + ["b"] * 50, ["a"] * 45 + ["-"] * 5 + ["b"] * 45 + ["-"] * 5,
                        labels=["a", "b"], average="macro")

    found = quality.labelled({"named": named}, ["a", "b", ABSTAIN])["slices"]
    found |= quality.labelled({"unknown": unknown}, ["a", "b"])["slices"]

    for part in found.values():
        assert part["accuracy"] == 0.9 and part["f1_macro"] == pytest.approx(expected)
        low, high = part["f1_macro_interval"]
        assert low < expected < high


def test_an_estimate_does_not_stand_for_what_was_not_measured():
    signals = {"embedding": {"verdict": "NOT_MEASURED"}, "accuracy": {"verdict": "OK"}}

    assert overall({"all": signals}) == "NOT_MEASURED"
    assert overall({"all": {**signals, "accuracy": {"verdict": "ALERT"}}}) == "ALERT"
