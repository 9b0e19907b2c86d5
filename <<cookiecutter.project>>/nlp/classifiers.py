"""The default model: TF-IDF of words and characters, and logistic regression.

Deterministic: the same rows and parameters give the same model. Stored with skops as arrays and
plain data: 50 times smaller than the whole pipeline object, and nothing in the file can run code.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import skops.io
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from nlp_gitops.model import Prediction
from nlp_gitops.model.fast_linear import FastLinear

from nlp.preprocess import normalize, tokenize

# Types that `load` accepts beyond skops' own list of harmless ones (plain data, numpy arrays).
# A class that stores whole estimators names their types here.
TRUSTED_TYPES: tuple[str, ...] = ()


class TfidfLogistic:
    """Word and character n-grams with a linear classifier on top."""

    file_format = "skops"

    def __init__(self, word_ngrams: int = 2, char_ngrams: int = 4, min_df: int = 2,
                 c: float = 4.0, max_iter: int = 300) -> None:
        self.labels: tuple[str, ...] = ()
        self.params = {"word_ngrams": word_ngrams, "char_ngrams": char_ngrams, "min_df": min_df,
                       "c": c, "max_iter": max_iter}
        self.words = TfidfVectorizer(
            preprocessor=normalize, tokenizer=tokenize, token_pattern=None,
            ngram_range=(1, word_ngrams), min_df=min_df, sublinear_tf=True, dtype=np.float32)
        self.characters = TfidfVectorizer(
            preprocessor=normalize, analyzer="char_wb", ngram_range=(2, char_ngrams),
            min_df=min_df, sublinear_tf=True, dtype=np.float32)
        self.classifier = LogisticRegression(C=c, max_iter=max_iter)

    def train(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """Fit on n texts and their n labels."""
        features = hstack([self.words.fit_transform(texts), self.characters.fit_transform(texts)])
        # One thread: with several, sums round differently and the model depends on the machine.
        with threadpool_limits(1):
            self.classifier.fit(features.tocsr(), labels)
        self.labels = tuple(str(label) for label in self.classifier.classes_)
        self._fast = FastLinear(self.words, self.characters, self.classifier)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return n predictions, in order."""
        return [self._predict(normalize(text)) for text in texts]

    def _predict(self, text: str) -> Prediction:
        scores = self._fast.scores(text, tokenize(text)).tolist()
        return Prediction(self.labels[scores.index(max(scores))], dict(zip(self.labels, scores)))

    def save(self, folder: Path) -> None:
        """Write `model.skops`."""
        skops.io.dump({
            "params": self.params,
            "labels": list(self.labels),
            "words": "\n".join(self.words.get_feature_names_out()),
            "words_idf": self.words.idf_,
            "characters": "\n".join(self.characters.get_feature_names_out()),
            "characters_idf": self.characters.idf_,
            "coefficients": self.classifier.coef_,
            "intercepts": self.classifier.intercept_,
        }, folder / "model.skops")

    @classmethod
    def load(cls, folder: Path) -> "TfidfLogistic":
        """Read `model.skops`; raise ValueError if it holds a type that is not trusted."""
        path = folder / "model.skops"
        unknown = set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED_TYPES)
        if unknown:
            raise ValueError(f"{path.name} holds types that are not trusted: "
                             + ", ".join(sorted(unknown)))
        stored = skops.io.load(path, trusted=list(TRUSTED_TYPES))
        model = cls(**stored["params"])
        _restore(model.words, stored["words"], stored["words_idf"])
        _restore(model.characters, stored["characters"], stored["characters_idf"])
        model.labels = tuple(stored["labels"])
        model.classifier.classes_ = np.array(model.labels)
        model.classifier.coef_ = stored["coefficients"]
        model.classifier.intercept_ = stored["intercepts"]
        model._fast = FastLinear(model.words, model.characters, model.classifier)
        return model

    def tokenize(self, text: str) -> list[str]:
        """Return the words that the word n-grams are made of."""
        return tokenize(normalize(text))


def _restore(vectorizer: TfidfVectorizer, terms: str, idf: np.ndarray) -> None:
    vectorizer.vocabulary = {term: index for index, term in enumerate(terms.split("\n"))}
    vectorizer.idf_ = idf
