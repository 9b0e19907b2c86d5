"""One thread predicts, and takes all texts that wait at that moment as one batch.

A model needs hardly longer for ten texts than for one, so a busy service answers several requests
at the price of one; an idle one answers at once, since nothing waits on purpose.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from nlp_gitops.model import Prediction

Predict = Callable[[Sequence[str]], Sequence[Prediction]]
Answer = list[Prediction] | Exception
MOST = 64


@dataclass(frozen=True, slots=True)
class _Waiting:
    texts: Sequence[str]
    answer: "asyncio.Future[list[Prediction]]"


class Batcher:
    """Answers texts through `predict`, which is called in one thread and may block."""

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._queue: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._task: asyncio.Task[None] | None = None
        self._since: float | None = None

    async def ask(self, texts: Sequence[str], seconds: float) -> list[Prediction]:
        """Return n predictions for n texts; raise TimeoutError, or what `predict` raised."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(texts, loop.create_future())
        self._queue.append(waiting)
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work())
        return await asyncio.wait_for(waiting.answer, seconds)

    def busy_for(self) -> float:
        """Return for how many seconds the present call of `predict` has been running."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def close(self) -> None:
        """Let the thread go; a call that hangs is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            batch = self._next()
            if not batch:
                continue
            self._since = time.monotonic()
            answers = await loop.run_in_executor(
                self._thread, answer_all, self._predict, [item.texts for item in batch])
            self._since = None
            for item, answer in zip(batch, answers, strict=True):
                _deliver(item.answer, answer)

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].texts) <= MOST):
            item = self._queue.popleft()
            # Nobody waits any more for what ran out of time.
            if not item.answer.done():
                batch.append(item)
                size += len(item.texts)
        return batch


def answer_all(predict: Predict, requests: Sequence[Sequence[str]]) -> list[Answer]:
    """Answer several requests with one call; if that fails, each alone, so only the bad one fails.
    """
    try:
        texts = [text for request in requests for text in request]
        answers = iter(_checked(predict(texts), len(texts)))
        return [[next(answers) for _ in request] for request in requests]
    except Exception as error:
        if len(requests) == 1:
            return [error]
    return [answer_all(predict, [request])[0] for request in requests]


def _checked(answers: Sequence[Prediction], number: int) -> Sequence[Prediction]:
    if len(answers) != number:
        raise ValueError(f"the model gave {len(answers)} answers to {number} texts")
    return answers


def _deliver(future: "asyncio.Future[list[Prediction]]", answer: Answer) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
