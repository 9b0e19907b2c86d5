"""What a fitted TF-IDF and logistic regression compute, one text at a time and without matrices.

scikit-learn spends most of a call on building sparse matrices, which pays for many texts at once
but not for one. Here n-grams become column numbers, and columns become a sum. The n-grams within
words are remembered, since most words come again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import expit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

# Longer words are hardly ever repeated, and would let a caller fill the memory.
_REMEMBERED_WORDS, _LONGEST = 50_000, 32


@dataclass(frozen=True)
class _Columns:
    """One vectorizer's (n,) idf and its (n, k) part of the classifier's weights."""

    idf: np.ndarray
    weights: np.ndarray

    def sum(self, columns: Sequence[int] | np.ndarray) -> np.ndarray | float:
        """Return the (k,) sum over a text's n-grams, each named as often as it occurs."""
        if not len(columns):
            return 0.0
        found, counts = np.unique(columns, return_counts=True)
        values = (1 + np.log(counts)) * self.idf[found]
        return values @ self.weights[found] / np.sqrt(values @ values)


class FastLinear:
    """Scores texts as `LogisticRegression.predict_proba` does on both vectorizers' columns.

    Both have `sublinear_tf` and l2 norm; `characters` is `char_wb` and begins with two characters.
    """

    def __init__(self, words: TfidfVectorizer, characters: TfidfVectorizer,
                 classifier: LogisticRegression) -> None:
        weights = np.ascontiguousarray(classifier.coef_.T)
        number = len(words.idf_)
        self._words = _Columns(words.idf_, weights[:number])
        self._characters = _Columns(characters.idf_, weights[number:])
        self._intercepts = classifier.intercept_
        self._word_column = words.vocabulary_.get
        self._character_column = characters.vocabulary_.get
        self._most_words = words.ngram_range[1]
        self._most_characters = characters.ngram_range[1]
        self._remembered = lru_cache(_REMEMBERED_WORDS)(self._within)

    def scores(self, text: str, tokens: Sequence[str]) -> np.ndarray:
        """Return (k,) probabilities for a normalised text and its tokens."""
        pieces = [self._remembered(word) if len(word) <= _LONGEST else self._within(word)
                  for word in text.split()]
        margins = (self._intercepts + self._words.sum(self._of_words(tokens))
                   + self._characters.sum(np.concatenate(pieces) if pieces else ()))
        if len(margins) == 1:
            return np.array([expit(-margins[0]), expit(margins[0])])
        powers = np.exp(margins - margins.max())
        return powers / powers.sum()

    def _of_words(self, tokens: Sequence[str]) -> list[int]:
        found = [self._word_column(token) for token in tokens]
        for size in range(2, self._most_words + 1):
            found += [self._word_column(" ".join(tokens[begin:begin + size]))
                      for begin in range(len(tokens) - size + 1)]
        return [column for column in found if column is not None]

    def _within(self, word: str) -> np.ndarray:
        padded, found = f" {word} ", []
        # A word shorter than an n-gram counts once, whole.
        for size in range(2, min(self._most_characters, len(padded)) + 1):
            found += [self._character_column(padded[begin:begin + size])
                      for begin in range(len(padded) - size + 1)]
        return np.array([column for column in found if column is not None], np.intp)
