"""The interface that every model class keeps (`nlp-gitops help model`)."""

import pytest

from nlp.postprocess import answer
from nlp_gitops import testing

TEXTS = ["I love this kettle", "awful quality", "it comes in a box", "", "völlig anders 😀"]


def test_every_text_gets_a_label_in_order(model):
    predictions = model.predict(TEXTS)

    assert [item.label for item in predictions] == [model.predict([text])[0].label
                                                    for text in TEXTS]
    assert {item.label for item in predictions} <= set(model.labels)


def test_no_text_is_no_prediction(model):
    assert model.predict([]) == []


def test_scores_are_probabilities_of_all_labels(model):
    for prediction in model.predict(TEXTS):
        assert set(prediction.scores) == set(model.labels)
        assert sum(prediction.scores.values()) == pytest.approx(1)
        assert prediction.scores[prediction.label] == max(prediction.scores.values())


def test_the_labels_are_those_of_the_data(model):
    assert set(model.labels) == {row["label"] for row in testing.rows("train")}


def test_a_loaded_model_predicts_what_the_stored_one_did(model, tmp_path):
    loaded = testing.stored_and_loaded(model, tmp_path)

    assert [item.label for item in loaded.predict(TEXTS)] == [
        item.label for item in model.predict(TEXTS)]


def test_equal_models_are_stored_as_equal_bytes(model, tmp_path):
    stored = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        testing.stored_and_loaded(model, tmp_path / name)
        stored.append({path.relative_to(tmp_path / name): path.read_bytes()
                       for path in (tmp_path / name).rglob("*") if path.is_file()})

    assert stored[0] == stored[1]


def test_the_public_answer_is_the_label_and_its_score(model):
    [prediction] = model.predict(["I love this kettle"])

    assert answer(prediction) == {"label": prediction.label,
                                  "score": round(prediction.scores[prediction.label], 4)}
