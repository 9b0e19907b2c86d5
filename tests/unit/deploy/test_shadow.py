"""Shadow: pairs out of a growing log, and labels that differ more often than predicted."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from nlp_gitops.deploy import disagreement
from nlp_gitops.deploy.disagreement import Disagreement
from nlp_gitops.deploy.judge import Decision
from nlp_gitops.deploy.shadow import Pairs
from nlp_gitops.model import Prediction


def predictions(*labels):
    return [Prediction(label, {label: 1.0}) for label in labels]


def followed(expected, share, texts, seed=0):
    """Return the comparison after live pairs of which a share differs, one look per 20 pairs."""
    draw, found, differing = random.Random(seed), Disagreement(expected), 0
    for number in range(20, texts + 1, 20):
        differing += sum(draw.random() < share for _ in range(20))
        found = disagreement.after(found, differing, number)
        if found.verdict == "FAIL":
            break
    return found


def test_the_test_split_predicts_how_often_two_versions_differ():
    found = disagreement.offline(predictions("a", "b", "a"), predictions("a", "a", "a"))
    assert found.expected == (1, 3) and found.live == (0, 0)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_limit_is_clopper_pearsons_upper_end_and_a_margin(expected):
    differing, texts = expected
    limit = Disagreement(expected).limit
    highest = limit - disagreement.MARGIN
    assert differing / texts <= limit <= 1
    if limit < 1:
        assert binom.cdf(differing, texts, highest) == pytest.approx(0.025, abs=1e-6)


def test_a_version_as_predicted_passes_and_is_hardly_ever_refused():
    found = [followed((12, 600), 0.02, 1000, seed) for seed in range(200)]
    assert all(item.verdict == "PASS" for item in found)
    # At the limit itself, the hardest case, at most ALPHA fail.
    limit = Disagreement((12, 600)).limit
    failed = [followed((12, 600), limit, 1000, seed).verdict == "FAIL" for seed in range(300)]
    assert sum(failed) <= 300 * disagreement.ALPHA + 5


def test_a_version_that_differs_far_more_often_fails_at_the_first_test():
    found = followed((12, 600), 0.4, 1000)
    assert found.verdict == "FAIL" and found.live[1] < 2 * disagreement.FIRST
    assert "of the test split" in found.words and "tolerated" in found.words


def line(variant, request, label, text="fine", row=0, **more):
    return {"request_id": request, "row": row, "variant": variant, "label": label, "text": text,
            "characters": len(text), "latency_ms": 2.0, "status": 200, **more}


def written(folder, name, rows, end="\n"):
    path = folder / "dt=2026-03-01" / name
    path.parent.mkdir(exist_ok=True)
    with open(path, "a", encoding="utf-8") as stream:
        stream.write("\n".join(json.dumps(row) for row in rows) + end)


def test_answers_are_joined_by_request_and_row_from_now_on(tmp_path):
    written(tmp_path, "blue.jsonl", [line("blue", "old", "a")])
    pairs = Pairs(tmp_path, "blue", "green", Disagreement((0, 100)))
    written(tmp_path, "green.jsonl", [line("green", "old", "b"), line("green", "1", "a"),
                                      line("green", "2", "b"), line("green", "2", "b", row=1)])
    written(tmp_path, "blue.jsonl", [line("blue", "1", "a"), line("blue", "2", "a"),
                                     line("blue", "2", "b", row=1), line("other", "3", "a"),
                                     {"request_id": "4", "variant": "blue", "status": 500}])
    pairs.judged(Decision("CONTINUE", "", ()))
    assert pairs.found.live == (1, 3)
    assert pairs.record()["latency_ms"]["candidate"]["p50"] == 2.0


def test_half_a_line_waits_and_one_id_used_twice_joins_nothing_wrong(tmp_path):
    pairs = Pairs(tmp_path, "blue", "green", Disagreement((0, 100)))
    written(tmp_path, "blue.jsonl", [line("blue", "x", "a", "fine"), line("blue", "x", "b", "bad")])
    whole = json.dumps(line("green", "x", "b", "bad"))
    written(tmp_path, "green.jsonl", [], whole[:30])
    pairs.judged(Decision("CONTINUE", "", ()))
    assert pairs.found.live == (0, 0)
    written(tmp_path, "green.jsonl", [], whole[30:] + "\n")
    pairs.judged(Decision("CONTINUE", "", ()))
    assert pairs.found.live == (0, 1)


@pytest.mark.parametrize("labels, decision, verdict", [
    ("PASS", "PASS", "PASS"), ("PASS", "FAIL", "FAIL"), ("FAIL", "CONTINUE", "FAIL"),
    ("CONTINUE", "PASS", "CONTINUE"), ("CONTINUE", "INCONCLUSIVE", "CONTINUE")])
def test_both_judges_must_agree_on_a_pass_and_each_may_refuse(tmp_path, labels, decision, verdict):
    pairs = Pairs(tmp_path, "blue", "green", Disagreement((0, 100), verdict=labels))
    assert pairs.judged(Decision(decision, "why", ())).verdict == verdict
