"""What a model is: the names that a team's own classes are written against.

The package calls a model through `Model` and nothing else. To add your own, write a class with
these methods in `nlp/`, and name it in `project.yaml`: `class: nlp.classifiers:MyModel`.

Attributes that are optional: `log_metrics`, which training sets to log metrics on the way; `embed`
(n texts -> array (n, d)), which then says for drift where a text lies; and for a model that asks a
provider `session`, which commands set (`nlp_gitops.llm.Session`), `origin`, a dict for the manifest
of who is asked, and `repeat(texts, number)`, which predicts anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took, as far as known. `fault` says why what came was not accepted."""

    tokens: int | None = None
    cost: float | None = None
    latency_ms: float | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer: the label, and a score for each label (they add up to 1).

    `usage` is given by models that ask a provider.
    """

    label: str
    scores: Mapping[str, float]
    usage: Usage | None = None


class Model(Protocol):
    """What the machinery needs from a model. Files must be safe to load: no pickle."""

    file_format: str
    """How `save` stores the model: `skops`, `onnx`, `safetensors` or `json`."""

    labels: tuple[str, ...]

    def train(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """Fit on n texts and their n labels."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return n predictions, in order."""

    def save(self, folder: Path) -> None:
        """Write the trained model into an empty folder."""

    @classmethod
    def load(cls, folder: Path) -> "Model":
        """Read what `save` wrote. Raise ValueError if the files hold anything unexpected."""

    def tokenize(self, text: str) -> list[str]:
        """Return the units that the model sees; used for statistics."""
