"""What is asked of a provider, and what comes back."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.prompts import Prompt
from nlp_gitops.prompts.header import canonical

# What a provider may answer where the prompt sets no max_output_tokens, for the budget.
USUAL_OUTPUT = 500


class Unavailable(NotMeasured):
    """The provider could not be asked, or did not answer: says nothing about the prompt."""


@dataclass(frozen=True)
class Reply:
    """One answer as it came. Tokens are None where the provider does not count them.

    `refused` says why the provider would not answer this very text, as a content filter does;
    `retries` how often the request was sent again, after an overload or a lost connection.
    """

    text: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    latency_ms: float | None = None
    refused: str | None = None
    retries: int = 0


@dataclass(frozen=True)
class Request:
    """One question. `messages` are pairs (role, text); `inputs` are what fills the prompt.

    `repeat` numbers the same question asked again, to see whether the answer stays the same.
    """

    prompt: Prompt
    provider: str
    model: str
    params: Mapping[str, Any]
    messages: tuple[tuple[str, str], ...]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 0

    @cached_property
    def digest(self) -> str:
        """Return the sha256 of prompt version, provider, model, parameters and messages."""
        return hashlib.sha256(canonical({
            "prompt": [self.prompt.tag, self.prompt.digest], "provider": self.provider,
            "model": self.model, "params": self.params, "messages": list(self.messages),
            "repeat": self.repeat}).encode()).hexdigest()

    @property
    def tokens_in(self) -> int:
        """Return an estimate before anybody has counted: UTF-8 bytes / 3, rather too many."""
        return sum(len(text.encode()) for _, text in self.messages) // 3 + 1

    @property
    def tokens_out(self) -> int:
        """Return the most tokens that the answer may have."""
        return int(self.params.get("max_output_tokens", USUAL_OUTPUT))


class Provider(Protocol):
    """Answers requests. `is_remote` says that asking costs time or money."""

    is_remote: bool

    def complete(self, request: Request, is_patient: bool) -> Reply:
        """Answer; raise Unavailable where there is no answer to be had.

        Who is patient waits for an overloaded provider and asks again; a service must not.
        """
