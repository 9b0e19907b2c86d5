"""The interface that every model class keeps, tried on the default one."""

import pytest
import skops.io
from conftest import small_rows
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mlops import skops_file
from nlp.classifiers import TfidfLogistic
from nlp.model import MODELS, Prediction, model_class
from nlp.postprocess import answer
from nlp.preprocess import tokenize


@pytest.fixture(scope="module")
def trained():
    rows = small_rows("train", 90)
    model = TfidfLogistic(min_df=1)
    model.train([row["text"] for row in rows], [row["label"] for row in rows])
    return model


def test_every_named_class_exists_and_says_its_file_format():
    assert {model_class(kind).file_format for kind in MODELS} <= {"skops", "onnx", "safetensors",
                                                                  "json"}


def test_a_prediction_has_a_label_and_scores_that_add_up_to_one(trained):
    [prediction] = trained.predict(["works great, love it"])

    assert prediction.label == "positive"
    assert prediction.label == max(prediction.scores, key=prediction.scores.get)
    assert sum(prediction.scores.values()) == pytest.approx(1)


def test_a_loaded_model_predicts_what_the_saved_one_did(trained, tmp_path):
    trained.save(tmp_path)

    loaded = TfidfLogistic.load(tmp_path)

    texts = ["awful quality", "comes in a box", "", "völlig anders 😀"]
    assert loaded.predict(texts) == trained.predict(texts)


def test_equal_models_become_equal_bytes(trained, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        trained.save(tmp_path / name)
        skops_file.canonicalise(tmp_path / name / "model.skops")

    first, second = [(tmp_path / name / "model.skops").read_bytes() for name in ("a", "b")]
    assert first == second


def test_a_canonical_file_still_loads(trained, tmp_path):
    trained.save(tmp_path)
    skops_file.canonicalise(tmp_path / "model.skops")

    assert TfidfLogistic.load(tmp_path).predict(["love it"]) == trained.predict(["love it"])


def test_words_that_skops_uses_itself_may_stand_in_a_vocabulary(tmp_path):
    texts = ["open the file", "__id__ file id", "close it", "content __class__ __loader__ type"]
    model = make_pipeline(TfidfVectorizer(token_pattern=r"\S+"), LogisticRegression())
    model.fit(texts, [0, 1, 0, 1])
    skops.io.dump(model, tmp_path / "model.skops")

    skops_file.canonicalise(tmp_path / "model.skops")

    loaded = skops.io.load(tmp_path / "model.skops",
                           trusted=skops.io.get_untrusted_types(file=tmp_path / "model.skops"))
    assert loaded[0].vocabulary_ == model[0].vocabulary_
    assert (loaded.predict_proba(texts) == model.predict_proba(texts)).all()


def test_a_file_with_a_type_that_is_not_trusted_is_refused(tmp_path):
    skops.io.dump({"params": {}, "words": tokenize}, tmp_path / "model.skops")

    with pytest.raises(ValueError, match="not trusted"):
        TfidfLogistic.load(tmp_path)


def test_the_public_answer_is_short():
    prediction = Prediction("positive", {"positive": 0.912345, "negative": 0.087655})

    assert answer(prediction) == {"label": "positive", "score": 0.9123}
