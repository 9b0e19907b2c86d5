"""A model that is a prompt: render it, ask a provider, take only an answer in the prompt's format.

The stored model is the prompt file and who is asked how; no weights of a third party. Where no
answer can be had the model abstains, or a classic model answers (`fallback`).
`nlp-gitops help prompts` tells more.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nlp_gitops.core import dotted
from nlp_gitops.core.names import ABSTAIN
from nlp_gitops.core.project import find_root
from nlp_gitops.llm.asker import Asker, Outcome
from nlp_gitops.llm.openai_chat import OpenAIChat
from nlp_gitops.llm.session import Session
from nlp_gitops.llm.settings import Settings
from nlp_gitops.llm.standin import StandIn, words
from nlp_gitops.model import Model, Prediction, Usage, classes
from nlp_gitops.prompts import Prompt, load


class PromptClassifier:
    """The label in the answer is the prediction. `options` are those of `Settings`."""

    file_format = "json"

    def __init__(self, prompt: Prompt, **options: Any) -> None:
        self.prompt, self.settings = prompt, Settings.of(prompt, options)
        self.labels = _labels(prompt)
        self.provider: Any = OpenAIChat(self.settings.timeout_s)
        if self.settings.provider == "stand-in":
            self.provider = StandIn(self.labels)
        self.asker = Asker(prompt, self.settings, self.provider)
        self.fallback = _fallback(self.settings.fallback)

    def train(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """Train what stands beside the prompt: the stand-in's counts, and a classic fallback."""
        if isinstance(self.provider, StandIn):
            self.provider.train(texts, labels)
        if self.fallback:
            self.fallback.train(texts, labels)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return n predictions, in order; one without an accepted answer is the fallback's."""
        return self.repeat(texts, 0)

    def repeat(self, texts: Sequence[str], number: int) -> list[Prediction]:
        """Return predictions from answers of their own, for each number."""
        outcomes = self.asker.ask([{"text": self.prepare(text)} for text in texts], number)
        return [self._prediction(text, outcome)
                for text, outcome in zip(texts, outcomes, strict=True)]

    def save(self, folder: Path) -> None:
        """Write the prompt file as it is, the settings, and what was trained."""
        (folder / self.prompt.name).mkdir()
        (folder / self.prompt.name / self.prompt.path.name).write_bytes(
            self.prompt.path.read_bytes())
        (folder / "settings.json").write_text(
            json.dumps(self.settings.to_json(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
        if isinstance(self.provider, StandIn):
            (folder / "stand_in.json").write_text(self.provider.to_json(), encoding="utf-8")
        if self.fallback:
            (folder / "fallback").mkdir()
            self.fallback.save(folder / "fallback")

    @classmethod
    def load(cls, folder: Path) -> "PromptClassifier":
        """Read what `save` wrote; raise ValueError if it is not that."""
        [path] = folder.glob("*/prompt_v*")
        found = cls(load(path), **json.loads((folder / "settings.json").read_text("utf-8")))
        if isinstance(found.provider, StandIn):
            found.provider = found.asker.provider = StandIn.from_json(
                (folder / "stand_in.json").read_text(encoding="utf-8"))
        if found.fallback:
            found.fallback = type(found.fallback).load(folder / "fallback")
        return found

    def tokenize(self, text: str) -> list[str]:
        """Return words; a provider's own tokens are known only to it."""
        return words(text)

    def prepare(self, text: str) -> str:
        """Return what stands for `{text}` in the prompt; a class of your own may change it."""
        return text

    @property
    def session(self) -> Session:
        """Return from where answers may come, how fast, and for how much."""
        return self.asker.session

    @session.setter
    def session(self, session: Session) -> None:
        self.asker.session = session

    @property
    def origin(self) -> dict[str, Any]:
        """Return who is asked, for the manifest."""
        settings = self.settings.to_json()
        return {key: settings[key] for key in ("provider", "model", "params", "fallback")}

    def _prediction(self, text: str, outcome: Outcome) -> Prediction:
        usage = Usage(outcome.tokens, outcome.cost, outcome.latency_ms, outcome.fault)
        if outcome.value is not None:
            label = outcome.value["label"]
            return Prediction(label, {name: float(name == label) for name in self.labels}, usage)
        if self.fallback:
            [found] = self.fallback.predict([text])
            return Prediction(found.label, found.scores, usage)
        even = {name: 1 / len(self.labels) for name in self.labels}
        return Prediction(ABSTAIN, {**even, ABSTAIN: 0.0}, usage)


def _labels(prompt: Prompt) -> tuple[str, ...]:
    try:
        labels = tuple(prompt.format["properties"]["label"]["enum"])
    except KeyError:
        raise ValueError(f"the format of {prompt.path} has no label with an enum") from None
    if "label" not in prompt.format.get("required", ()):
        raise ValueError(f"the format of {prompt.path} does not require the label")
    if ABSTAIN in labels:
        raise ValueError(f"the format of {prompt.path} has the label {ABSTAIN!r}, which stands for "
                         "no answer; give it another name")
    return labels


def _fallback(kind: str) -> Model | None:
    if kind == ABSTAIN:
        return None
    found = classes.named(dotted.present(kind), find_root(), f"fallback {kind!r}")
    if hasattr(found, "session"):
        raise ValueError(f"no fallback {kind!r}; it is {ABSTAIN}, or the dotted path of a class "
                         "that asks no provider")
    return found()
