"""Profiles add up, come back from bytes, and hold no text; the embedder is frozen."""

import numpy as np
import pytest
from drift_kit import LAYOUT, traffic
from hypothesis import given
from hypothesis import strategies as st

from nlp_gitops.core.errors import UsageError
from nlp_gitops.drift import embedder, judge
from nlp_gitops.drift.columns import Layout, Lines
from nlp_gitops.drift.judge import Rules, compare
from nlp_gitops.drift.profile import from_bytes, measure, merge, merged, to_bytes


def part(lines, chosen):
    """Return some of the lines."""
    return Lines(**{name: value if name == "terms" else value[:, chosen] if name == "slices"
                    else value[chosen] for name, value in vars(lines).items()})


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 40), min_size=2, max_size=2))
def test_parts_add_up_to_the_whole_in_any_order_to_the_last_bit(seed, cuts):
    generator = np.random.default_rng(seed)
    lines = traffic(generator, 40, generator.integers(0, 4, 40))
    low, high = sorted(cuts)

    one, two, three = (measure(LAYOUT, part(lines, chosen)) for chosen in (
        np.arange(low), np.arange(low, high), np.arange(high, 40)))

    whole = to_bytes(measure(LAYOUT, lines))
    assert to_bytes(merge(merge(one, two), three)) == whole
    assert to_bytes(merge(three, merge(two, one))) == whole


def test_a_profile_comes_back_from_bytes_and_equal_ones_have_equal_bytes():
    profile = measure(LAYOUT, traffic(np.random.default_rng(1), 50, 7))

    again = from_bytes(to_bytes(profile), "here")

    assert again.layout == LAYOUT and to_bytes(again) == to_bytes(profile)
    assert again.total().sum() == profile.total().sum() > 0


@given(st.binary(max_size=300))
def test_bytes_that_are_no_profile_are_refused_in_one_line(data):
    with pytest.raises(UsageError, match="x.npz: this is no drift profile"):
        from_bytes(data, "x.npz")


def test_counts_are_those_of_the_lines():
    lines = traffic(np.random.default_rng(2), 500, 3)
    profile = measure(LAYOUT, lines)
    columns = profile.layout.columns

    total = profile.total()

    assert total[columns["label"]].tolist() == [*np.bincount(lines.labels, minlength=2), 0]
    assert total[columns["score"]].sum() == total[columns["embedded"]][0] == 500
    assert total[columns["words"]][1] == lines.words[:, 0].sum()
    assert np.allclose(total[columns["embedding"]], lines.vectors.sum(axis=0), atol=500 / 2**13)
    assert sum(profile.total(f"domain={value}")[0] for value in ("books", "toys")) == 500


def test_profiles_of_different_embedders_are_never_compared():
    lines = traffic(np.random.default_rng(3), 50, 3)
    one = measure(LAYOUT, lines)
    other = measure(Layout(LAYOUT.labels, LAYOUT.languages, LAYOUT.slices, "f" * 64, LAYOUT.size),
                    lines)

    with pytest.raises(UsageError, match="same model version"):
        merged(LAYOUT, [one, other])
    with pytest.raises(UsageError, match="same model version"):
        compare(one, other, Rules())
    with pytest.raises(UsageError, match="same model version"):
        judge.compare_fixed(one, other)


TEXTS = [f"the {thing} is {word} and works {often}" for thing in ("kettle", "novel", "lamp")
         for word in ("good", "bad", "old") for often in ("well", "never")]


def test_an_embedder_is_the_same_from_the_same_texts_and_from_its_bytes():
    one, two = embedder.fit(TEXTS), embedder.fit(list(TEXTS))

    again = embedder.from_bytes(embedder.to_bytes(one), "here")

    assert one.sha256 == two.sha256 == again.sha256
    assert np.array_equal(embedder.look(again, TEXTS).vectors, embedder.look(one, TEXTS).vectors)
    assert np.allclose(np.linalg.norm(embedder.look(one, TEXTS).vectors, axis=1), 1)


def test_texts_of_one_subject_lie_closer_together():
    found = embedder.look(embedder.fit(TEXTS), ["the kettle is good", "a kettle is bad",
                                                "the novel is old"])

    kettles, strangers = (float(found.vectors[0] @ found.vectors[other]) for other in (1, 2))

    assert kettles > strangers


def test_unknown_words_are_counted_and_unknown_texts_lie_nowhere():
    found = embedder.look(embedder.fit(TEXTS), ["the kettle zorbs", "zorb zorb", ""])

    assert found.words.tolist() == [[3, 1], [2, 2], [0, 0]]
    assert not found.vectors[1:].any()


@pytest.mark.parametrize("text, words", [
    ("Don't panic", ["don", "t", "panic"]), ("猫が好き", ["猫", "が", "好", "き"]),
    ("call [phone:abcdefghij] now", ["call", "phone", "now"]), ("", [])])
def test_texts_are_split_the_same_in_every_script_and_mask(text, words):
    assert embedder.split(text) == words


def test_a_models_own_embedding_is_used_and_checked():
    found = embedder.fit(TEXTS, "a" * 64, lambda texts: np.ones((len(texts), 3)))

    assert found.size == 3 and found.sha256 != embedder.fit(TEXTS).sha256
    assert np.allclose(embedder.look(found, ["x"]).vectors, 3 ** -0.5)
    broken = embedder.Embedder(found.words, found.counts, found.texts, found.projection, "a",
                               lambda texts: np.ones((1, 2)))
    with pytest.raises(UsageError, match="shape"):
        embedder.look(broken, ["x"])
