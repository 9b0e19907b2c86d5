"""The fast path of the default model gives what scikit-learn gives."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import hstack
from small import HERE

from nlp_gitops.core import dotted

ROWS = [json.loads(line) for split in ("train", "test")
        for line in (HERE / "data" / f"{split}.jsonl").read_text("utf-8").splitlines()]
SMALL = [("good and fine, isn't it", "a"), ("good good kettle", "a"), ("bad bad kettle", "b"),
         ("a bad day é", "b"), ("neither good nor bad", "c"), ("nor fine", "c")]


def default_model():
    return dotted.load("nlp.classifiers:TfidfLogistic", HERE, "the template's")


def trained(rows, **params):
    model = default_model()(**params)
    model.train([text for text, _ in rows], [label for _, label in rows])
    return model


def slowly(model, texts):
    """Return (n, k) probabilities by scikit-learn alone."""
    columns = hstack([model.words.transform(texts), model.characters.transform(texts)])
    return model.classifier.predict_proba(columns.tocsr())


def assert_equal(model, texts):
    found, wanted = model.predict(texts), slowly(model, texts)
    scores = np.array([[item.scores[label] for label in model.labels] for item in found])
    assert np.abs(scores - wanted).max() <= 1e-6
    for item, row in zip(found, wanted):
        second, first = np.sort(row)[-2:]
        if first - second > 1e-6:
            assert item.label == model.labels[row.argmax()]


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.heavy)])
def test_on_real_texts(step):
    model = trained([(row["text"], row["label"]) for row in ROWS[:1500 // step]])
    assert_equal(model, [row["text"] for row in ROWS[::step]])


@pytest.mark.parametrize("labels", ["ab", "abc"])
@pytest.mark.parametrize("word_ngrams, char_ngrams", [(1, 2), (2, 4), (3, 6)])
def test_on_two_and_more_labels_and_all_sizes_of_n_grams(labels, word_ngrams, char_ngrams):
    model = trained([row for row in SMALL if row[1] in labels], word_ngrams=word_ngrams,
                    char_ngrams=char_ngrams, min_df=1)

    @given(st.one_of(st.text(max_size=60), st.text("abdgoné '.,!\n\t\u2003İß", max_size=90)))
    def check(text):
        assert_equal(model, [text])

    check()


def test_on_long_and_empty_texts():
    model = trained(SMALL, min_df=1)
    assert_equal(model, ["", " ", "z", "g" * 5000, "good " * 3000, "x " + "kettle" * 40])


def test_a_loaded_model_answers_the_same(tmp_path):
    model = trained(SMALL, min_df=1)
    model.save(tmp_path)
    assert default_model().load(tmp_path).predict(["a good kettle"]) == model.predict(
        ["a good kettle"])
