"""A provider without network or key, so that a fresh repository can run its whole pipeline.

It answers in the form that the prompt asks for, and chooses among the prompt's labels by words
seen in the train split (naive Bayes on single words and pairs). Not a language model: replace it.
"""

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from nlp_gitops.llm.request import Reply, Request

_WORD = re.compile(r"\w+(?:['’]\w+)?|[^\w\s]")


class StandIn:
    """Naive Bayes over words and word pairs, add-one smoothed."""

    is_remote = False

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self.weights: dict[str, list[float]] = {}
        self.priors = [0.0] * len(self.labels)

    def train(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """Count words per label; raise ValueError for labels that prompt and rows do not share.
        """
        unknown = sorted(set(labels) - set(self.labels))
        if unknown:
            raise ValueError(f"the prompt does not know the labels {', '.join(unknown)}")
        counts = {label: Counter[str]() for label in self.labels}
        for text, label in zip(texts, labels, strict=True):
            counts[label].update(_terms(text))
        shares = Counter(labels)
        absent = [label for label in self.labels if not shares[label]]
        if absent:
            raise ValueError(f"the train split has no row with the prompt's labels "
                             f"{', '.join(absent)}; add rows, or take them out of the prompt")
        self.priors = [round(math.log(shares[label] / len(labels)), 5) for label in self.labels]
        terms = sorted(term for term, number in sum(counts.values(), Counter()).items()
                       if number > 1)
        sizes = {label: sum(counts[label].values()) + len(terms) for label in self.labels}
        self.weights = {term: [round(math.log((counts[label][term] + 1) / sizes[label]), 5)
                               for label in self.labels] for term in terms}

    def complete(self, request: Request, is_patient: bool = True) -> Reply:
        """Answer about the prompt's input `text`, as JSON."""
        scores = list(self.priors)
        for term in _terms(request.inputs["text"]):
            for number, weight in enumerate(self.weights.get(term, ())):
                scores[number] += weight
        best = self.labels[max(range(len(scores)), key=scores.__getitem__)]
        return Reply(json.dumps({"label": best}))

    def to_json(self) -> str:
        """Return the counts as text."""
        return json.dumps({"labels": self.labels, "priors": self.priors,
                           "weights": self.weights}, ensure_ascii=False, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "StandIn":
        """Read what `to_json` wrote."""
        stored = json.loads(text)
        standin = cls(stored["labels"])
        standin.priors, standin.weights = stored["priors"], stored["weights"]
        return standin


def words(text: str) -> list[str]:
    """Return a text's words (with an inner apostrophe) and single punctuation marks, folded."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _terms(text: str) -> Iterator[str]:
    single = words(text)
    yield from single
    yield from (f"{one} {two}" for one, two in zip(single, single[1:]))
