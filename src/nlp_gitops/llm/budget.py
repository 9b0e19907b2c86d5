"""What asking has cost so far, and the limit that is never passed."""

import threading

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.llm.request import Reply, Request
from nlp_gitops.llm.settings import Settings


class Budget:
    """Counts tokens and cost of paid requests, in one process. None is no limit.

    A request is let through only if its most expensive end would keep to the limits, together with
    all that are on their way; so the limits hold also with many requests at once.
    """

    def __init__(self, max_cost: float | None = None, max_tokens: int | None = None) -> None:
        self.max_cost, self.max_tokens = max_cost, max_tokens
        self.requests = self.second_attempts = self.retries = self.tokens = 0
        self.cost, self._is_priced = 0.0, False
        self._held_tokens, self._held_cost = 0, 0.0
        self._lock = threading.Lock()

    def hold(self, request: Request, settings: Settings) -> None:
        """Set aside the most that a request may take; raise NotMeasured if that is too much."""
        tokens = request.tokens_in + request.tokens_out
        cost = settings.cost(request.tokens_in, request.tokens_out)
        if self.max_cost is not None and cost is None:
            raise UsageError("project.yaml: llm.max_cost needs to know what tokens cost; write "
                             "price: {input: X, output: Y} into the model's params")
        with self._lock:
            if self.max_tokens is not None and (
                    self.tokens + self._held_tokens + tokens > self.max_tokens):
                raise self._used_up(f"max_tokens: {self.max_tokens:,}")
            if self.max_cost is not None and (
                    self.cost + self._held_cost + (cost or 0) > self.max_cost):
                raise self._used_up(f"max_cost: {self.max_cost:g}")
            self._held_tokens += tokens
            self._held_cost += cost or 0

    def settle(self, request: Request, settings: Settings, reply: Reply | None) -> None:
        """Count what a request really took; None took nothing that anybody knows of."""
        tokens_in, tokens_out = used(request, reply) if reply else (0, 0)
        with self._lock:
            self._held_tokens -= request.tokens_in + request.tokens_out
            self._held_cost -= settings.cost(request.tokens_in, request.tokens_out) or 0
            if reply:
                self.requests += 1
                self.second_attempts += len(request.messages) > 1
                self.retries += reply.retries
            self.tokens += tokens_in + tokens_out
            self.cost += settings.cost(tokens_in, tokens_out) or 0
            self._is_priced |= settings.price is not None

    def spent(self) -> str:
        """Return what was spent, in words; a request that was sent again is one request."""
        parts = ((self.second_attempts, "after a bad answer"), (self.retries, "sent again"))
        told = ", ".join(f"{number:,} {what}" for number, what in parts if number)
        cost = f", cost {self.cost:.4f}" if self._is_priced else ""
        return f"{self.requests:,} requests{told and f' ({told})'}, {self.tokens:,} tokens{cost}"

    def _used_up(self, limit: str) -> NotMeasured:
        return NotMeasured(f"the budget is used up (llm.{limit} in project.yaml) after "
                           f"{self.spent()}; all answers are kept: raise it and type the same "
                           "command to go on")


def used(request: Request, reply: Reply) -> tuple[int, int]:
    """Return a request's tokens, in and out; estimated where the provider does not count."""
    return (request.tokens_in if reply.tokens_in is None else reply.tokens_in,
            len(reply.text.encode()) // 3 + 1 if reply.tokens_out is None else reply.tokens_out)
