"""A model that is a prompt: render it, ask a provider, check the answer against its format.

The stored model is the prompt file and whatever the provider needs; no weights of a third party.
"""

from collections.abc import Sequence
from pathlib import Path

from mlops.prompts import Prompt, load, parse_answer, render
from nlp.model import Prediction
from nlp.preprocess import normalize, tokenize
from nlp.standin import StandIn


class PromptClassifier:
    """Asks `provider` with the rendered prompt; the answer's `label` is the prediction."""

    file_format = "json"

    def __init__(self, prompt: Prompt, provider: str = "stand-in") -> None:
        if provider != "stand-in":
            raise ValueError(f"no provider {provider!r}; there is stand-in")
        self.prompt = prompt
        try:
            self.labels = tuple(prompt.format["properties"]["label"]["enum"])
        except KeyError:
            raise ValueError(f"the format of {prompt.path} has no label with an enum") from None
        self.provider = StandIn(self.labels)

    def train(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """Let the stand-in count words; a prompt itself is not trained."""
        self.provider.train(texts, labels)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return n predictions, in order. An answer that breaks the format is an error."""
        return [self._ask(text) for text in texts]

    def save(self, folder: Path) -> None:
        """Write the prompt file as it is, and the stand-in's counts."""
        (folder / self.prompt.name).mkdir()
        (folder / self.prompt.name / self.prompt.path.name).write_bytes(
            self.prompt.path.read_bytes())
        (folder / "provider.json").write_text(self.provider.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "PromptClassifier":
        """Read what `save` wrote; raise ValueError if it is not that."""
        [path] = folder.glob("*/prompt_v*")
        model = cls(load(path))
        model.provider = StandIn.from_json((folder / "provider.json").read_text(encoding="utf-8"))
        return model

    def tokenize(self, text: str) -> list[str]:
        """Return words; a provider's own tokens are known only to it."""
        return tokenize(normalize(text))

    def _ask(self, text: str) -> Prediction:
        request = render(self.prompt, {"text": text})
        label = parse_answer(self.prompt, self.provider.complete(request, text))["label"]
        return Prediction(label, {name: float(name == label) for name in self.labels})
