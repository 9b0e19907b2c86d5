"""What is special about the classifiers of nlp/classifiers.py."""

import pytest
import skops.io

from nlp.classifiers import TfidfLogistic
from nlp.preprocess import tokenize


def test_a_file_with_a_type_that_is_not_trusted_is_refused(tmp_path):
    skops.io.dump({"params": {}, "words": tokenize}, tmp_path / "model.skops")

    with pytest.raises(ValueError, match="not trusted"):
        TfidfLogistic.load(tmp_path)


def test_the_same_rows_give_the_same_model():
    texts, labels = ["good lamp", "bad lamp", "good kettle", "bad kettle"], ["+", "-", "+", "-"]
    first, second = TfidfLogistic(min_df=1), TfidfLogistic(min_df=1)
    for model in (first, second):
        model.train(texts, labels)

    assert first.predict(texts) == second.predict(texts)
