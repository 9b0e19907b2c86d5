"""From where answers may come in this process, how fast, and for how much.

In training and evaluation answers come from records. The environment variable LLM_ANSWERS=live lets
the provider be asked for what is missing, and LLM_ANSWERS=record writes that into the cassettes for
CI as well. A running service has a session of its own, which asks always and keeps nothing; in a
rehearsal it answers from records alone.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import TextIO, TypeVar

from nlp_gitops import privacy
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.project import LlmSettings, Project
from nlp_gitops.llm.cassette import Tape
from nlp_gitops.llm.request import Provider, Reply, Request, Unavailable
from nlp_gitops.llm.settings import Settings
from nlp_gitops.privacy import Masker, mask

VARIABLE = "LLM_ANSWERS"
MODES = ("replay", "live", "record")
Item = TypeVar("Item", bound=Hashable)
Result = TypeVar("Result")


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


class Session:
    """Answers requests from records or by asking. Shared by all models of a command.

    `is_strict` says that a provider which cannot be had is waited for, and then ends the command
    (NotMeasured); without it the model falls back at once, as a service must. `masker` is what a
    project masks, names included; without it a model masks by its own language.
    """

    def __init__(self, limits: LlmSettings = LlmSettings(), mode: str = "live",
                 cache: Path | None = None, cassettes: Path | None = None,
                 is_strict: bool = False, stream: TextIO | None = None,
                 masker: Masker | None = None) -> None:
        self.limits, self.mode, self.is_strict = limits, mode, is_strict
        self.masker = masker
        self.budget = Budget(limits.max_cost, limits.max_tokens)
        # The first folder is written to, and all are looked into.
        folders = [cassettes, cache] if mode == "record" else [cache, cassettes]
        self._folders = [folder for folder in folders if folder]
        self._tapes: dict[tuple[Path, str], Tape] = {}
        self._lock, self._next = threading.Lock(), 0.0
        self._stream = stream

    def reply(self, provider: Provider, request: Request, settings: Settings) -> Reply:
        """Return the answer to a request: recorded, or paid for, and then recorded.

        Raises Unavailable for what is not recorded and may not be asked, NotMeasured where the
        budget ends.
        """
        if not provider.is_remote:
            return provider.complete(request, self.is_strict)
        tapes = [self._tape(folder, request) for folder in self._folders]
        for tape in tapes:
            found = tape.find(request)
            if found:
                if self.mode == "record" and tape is not tapes[0]:
                    tapes[0].add(request, found)
                return found
        if self.mode == "replay":
            raise Unavailable(
                f"no recorded answer of {request.provider} {request.model} to {request.prompt.tag} "
                f"for a text of this run; to ask the provider: {VARIABLE}=live, and "
                f"{VARIABLE}=record to keep the answers in {self.limits.cassettes}/ for CI")
        reply = self._paid(provider, request, settings)
        if tapes and not reply.refused:
            tapes[0].add(request, reply)
        return reply

    def map(self, function: Callable[[Item], Result], items: Sequence[Item],
            is_remote: bool) -> list[Result]:
        """Return the function's results in order; several at once where a provider is asked.

        The first error ends it, after the requests that are on their way.
        """
        if not is_remote:
            return [function(item) for item in items]
        done = _Ticker(self.budget, len(items), self._stream)

        def one(item: Item) -> Result:
            result = function(item)
            done.tick()
            return result

        with ThreadPoolExecutor(self.limits.concurrency) as pool:
            futures = [pool.submit(one, item) for item in items]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                done.end()
        failed = [error for item in futures if not item.cancelled()
                  and (error := item.exception())]
        if failed:
            raise failed[0]
        return [item.result() for item in futures]

    def _paid(self, provider: Provider, request: Request, settings: Settings) -> Reply:
        self._take_turn()
        self.budget.hold(request, settings)
        reply = None
        try:
            reply = provider.complete(request, self.is_strict)
        finally:
            self.budget.settle(request, settings, reply)
        # Masked before anything else sees it: a second question may show it to the model again.
        return replace(reply, text=mask(reply.text))

    def _take_turn(self) -> None:
        """Wait until `requests_per_minute` lets the next request go."""
        if not self.limits.requests_per_minute:
            return
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + 60 / self.limits.requests_per_minute
        time.sleep(max(0.0, turn - time.monotonic()))

    def _tape(self, folder: Path, request: Request) -> Tape:
        key = (folder, request.prompt.tag)
        with self._lock:
            if key not in self._tapes:
                self._tapes[key] = Tape(folder, request.prompt)
            return self._tapes[key]


class _Ticker:
    """Shows how far it is, with tokens and cost so far: on a terminal a line, else every tenth."""

    def __init__(self, budget: Budget, total: int, stream: TextIO | None) -> None:
        self._budget, self._total, self._stream, self._done = budget, total, stream, 0
        self._told = budget.requests
        self._live = stream is not None and stream.isatty()
        self._lock = threading.Lock()

    def tick(self) -> None:
        with self._lock:
            self._done += 1
            if self._live:
                self._write("\r")
            elif self._done * 10 // self._total > (self._done - 1) * 10 // self._total and (
                    self._budget.requests > self._told):
                self._told = self._budget.requests
                self._write("", "\n")

    def end(self) -> None:
        if self._live and self._total:
            self._write("\r", "\n")

    def _write(self, begin: str, end: str = "") -> None:
        assert self._stream is not None or not self._live
        if self._stream:
            self._stream.write(f"{begin}asked     {self._done:,}/{self._total:,} texts: "
                               f"{self._budget.spent()}{end}")
            self._stream.flush()


def session_of(project: Project) -> Session:
    """Return the session of a command that trains or evaluates."""
    mode = os.environ.get(VARIABLE) or "replay"
    if mode not in MODES:
        raise UsageError(f"{VARIABLE}={mode}: there are {', '.join(MODES)}")
    return Session(project.llm, mode, *_folders(project), is_strict=True, stream=sys.stderr,
                   masker=privacy.of(project))


def rehearsal_of(project: Project) -> Session:
    """Return the session of a service that is only tried: it needs no key and pays nothing."""
    return Session(project.llm, "replay", *_folders(project), masker=privacy.of(project))


def _folders(project: Project) -> tuple[Path, Path]:
    return project.root / ".cache" / "answers", project.root / project.llm.cassettes
