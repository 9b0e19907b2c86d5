"""Text as the model sees it. The same functions run in training, evaluation and service."""

import re
import unicodedata

_SPACES = re.compile(r"\s+")
_TOKEN = re.compile(r"\w+(?:['’]\w+)?|[^\w\s]", re.UNICODE)
_CONTRACTED_NOT = re.compile(r"\b(\w+)n['’]t\b")


def normalize(text: str) -> str:
    """Return the text in one Unicode form, lower case, with single spaces.

    Contracted negations are written out (`isn't` -> `is not`), since they turn the meaning.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    text = text.replace("can't", "can not").replace("won't", "will not")
    text = _CONTRACTED_NOT.sub(r"\1 not", text)
    return _SPACES.sub(" ", text).strip()


def tokenize(text: str) -> list[str]:
    """Return words (with an inner apostrophe) and single punctuation marks."""
    return _TOKEN.findall(text)
