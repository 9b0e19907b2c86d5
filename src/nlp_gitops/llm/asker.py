"""One row, one answer that keeps to the prompt's format, or the reason why there is none."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.llm.request import Provider, Reply, Request, Unavailable
from nlp_gitops.llm.session import Session, used
from nlp_gitops.llm.settings import Settings
from nlp_gitops.privacy import Masker
from nlp_gitops.prompts import AnswerError, Prompt, parse_answer, render

REFUSED = "the provider refused"
SHOWN_AGAIN = 500


@dataclass(frozen=True)
class Outcome:
    """`value` keeps to the format, or is None for the reason in `fault`.

    Tokens, cost and milliseconds add up all attempts; None where they are not known.
    """

    value: Mapping[str, Any] | None
    fault: str | None
    tokens: int | None
    cost: float | None
    latency_ms: float | None


class Asker:
    """A prompt, who answers it, and the session in which that happens."""

    def __init__(self, prompt: Prompt, settings: Settings, provider: Provider) -> None:
        self.prompt, self.settings, self.provider = prompt, settings, provider
        self.session = Session()
        self._mask = Masker(settings.language)

    def ask(self, rows: Sequence[Mapping[str, Any]], repeat: int = 0) -> list[Outcome]:
        """Return an outcome for each row of inputs, in order; equal rows are asked once.

        Raises NotMeasured in a strict session, where the provider cannot be had.
        """
        requests = [self._request(row, repeat) for row in rows]
        by_digest = {request.digest: request for request in requests}
        found = dict(zip(by_digest, self.session.map(
            lambda digest: self._outcome(by_digest[digest]), list(by_digest),
            self.provider.is_remote)))
        faults = [outcome.fault for outcome in found.values()]
        if self.session.is_strict and faults and all(
                fault and fault.startswith(REFUSED) for fault in faults):
            raise NotMeasured(f"the provider took no request: {faults[0]}")
        return [found[request.digest] for request in requests]

    def _request(self, row: Mapping[str, Any], repeat: int) -> Request:
        inputs = {name: self._as_data(value) for name, value in row.items()}
        return Request(self.prompt, self.settings.provider, self.settings.model,
                       self.settings.params, (("user", render(self.prompt, inputs)),), inputs,
                       repeat)

    def _as_data(self, value: Any) -> Any:
        """Return an input without personal data, and without the tags that mark where it ends."""
        if not isinstance(value, str):
            return value
        names = "|".join(map(re.escape, self.prompt.input))
        mask = self.session.masker or self._mask
        text = mask(value.encode("utf-8", "replace").decode())
        return re.sub(rf"<(\s*/?\s*(?:{names})\b[^<>]{{0,100}})>", r"(\1)", text,
                      flags=re.IGNORECASE)

    def _outcome(self, request: Request) -> Outcome:
        """Ask until an answer keeps to the format; show the model why the last one did not."""
        replies: list[tuple[Request, Reply]] = []
        value, fault = None, None
        for _ in range(self.settings.attempts):
            try:
                reply = self.session.reply(self.provider, request, self.settings)
            except Unavailable as error:
                if self.session.is_strict:
                    raise
                fault = str(error)
                continue
            replies.append((request, reply))
            if reply.refused:
                fault = f"{REFUSED}: {reply.refused}"
                break
            try:
                value, fault = parse_answer(self.prompt, reply.text), None
                break
            except AnswerError as error:
                fault = str(error)
                request = _again(request, reply.text, fault)
        return self._told(value, fault, replies)

    def _told(self, value: Mapping[str, Any] | None, fault: str | None,
              replies: Sequence[tuple[Request, Reply]]) -> Outcome:
        counted = all(reply.tokens_in is not None and reply.tokens_out is not None
                      for _, reply in replies)
        tokens_in, tokens_out = (sum(used(*pair)[side] for pair in replies) for side in (0, 1))
        times = [reply.latency_ms for _, reply in replies if reply.latency_ms is not None]
        return Outcome(value, fault, tokens_in + tokens_out if counted and replies else None,
                       self.settings.cost(tokens_in, tokens_out) if counted and replies else None,
                       sum(times) if times and len(times) == len(replies) else None)


def _again(request: Request, text: str, fault: str) -> Request:
    """Return the request that shows a bad answer and what was wrong with it."""
    shown = text[:SHOWN_AGAIN] or "(nothing)"
    return Request(request.prompt, request.provider, request.model, request.params, (
        *request.messages, ("assistant", shown),
        ("user", f"That was not accepted ({fault}). Answer again with one JSON object in the "
                 "format above, and nothing else.")), request.inputs, request.repeat)
