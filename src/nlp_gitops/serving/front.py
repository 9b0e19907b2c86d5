"""What happens to every request before and after the application: id, token, limits, counting."""

import asyncio
import hmac
import json
import re
import secrets
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nlp_gitops.core.names import ABSTAIN
from nlp_gitops.core.project import ServiceSettings
from nlp_gitops.model import Prediction
from nlp_gitops.serving.asked import Asked, Refused
from nlp_gitops.serving.batching import Batcher
from nlp_gitops.serving.feedback_log import FeedbackLog
from nlp_gitops.serving.lease import Lease
from nlp_gitops.serving.metrics import Metrics
from nlp_gitops.serving.prediction_log import Entry, PredictionLog
from nlp_gitops.serving.release import Release

PREDICT = "/predict"
OPEN = ("/healthz", "/readyz")
# Between looks whether the last answer of a release that was replaced is out.
_REST = 0.02
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Desk:
    """Everything the application works with."""

    release: Release
    limits: ServiceSettings
    batcher: Batcher
    metrics: Metrics
    tokenize: Callable[[str], Sequence[str]] = str.split
    lease: Lease = field(default_factory=lambda: Lease(None))
    log: PredictionLog | None = None
    token: str | None = None
    feedback: FeedbackLog | None = None
    answer: Callable[[Prediction], dict[str, Any]] | None = None

    def close(self) -> None:
        """Let the model go, and let the logs write what waits."""
        self.batcher.close()
        for log in (self.log, self.feedback):
            if log:
                log.close()

    async def predict(self, asked: Asked) -> list[Prediction]:
        """Return the model's predictions; raise Refused with 503 or 500 instead of anything else.
        """
        try:
            found = await self.batcher.ask(asked.texts, self.limits.seconds)
        except TimeoutError:
            raise Refused(503, "time", f"no answer within {self.limits.seconds:g} s; try again",
                          {"Retry-After": "1"}) from None
        except Exception as error:
            tell(error)
            raise Refused(500, "model", "the model failed on this request") from None
        for prediction in found:
            if not _usable(prediction, self.release.labels):
                self.metrics.invalid()
                raise Refused(500, "answer", "the model gave an answer that is not usable")
        return found


def _usable(prediction: Prediction, labels: tuple[str, ...]) -> bool:
    score = prediction.scores.get(prediction.label)
    is_known = prediction.label in labels or prediction.label == ABSTAIN
    return is_known and score is not None and 0 <= score <= 1.000001


def tell(error: Exception) -> None:
    """Say where a model failed; the message itself may quote the text, so it is not shown."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
    print(f"predict: {type(error).__name__} at {where}", file=sys.stderr, flush=True)


class Front:
    """The outermost ASGI application. It adds nothing to what the inner one answers but headers."""

    def __init__(self, made: Callable[[Desk], Callable[..., Any]], desk: Desk) -> None:
        self._made, self._stand = made, _Stand(made(desk), desk)
        self.is_closing = False

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request, or follow the server's life."""
        if scope["type"] == "http":
            await self._stand.serve(scope, receive, _last(send) if self.is_closing else send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def change(self, desk: Desk) -> None:
        """Answer with another release from now on; the old one ends after its last answer."""
        old, self._stand = self._stand, _Stand(self._made(desk), desk)
        while old.running:
            await asyncio.sleep(_REST)
        await asyncio.to_thread(old.desk.close)

    async def _live(self, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await asyncio.to_thread(self._stand.desk.close)
        await send({"type": "lifespan.shutdown.complete"})


def _last(send: Any) -> Any:
    """Return a `send` after whose answer the connection ends."""
    async def sending(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return sending


class _Stand:
    """One release with its application, and how many requests it is answering."""

    def __init__(self, app: Callable[..., Any], desk: Desk) -> None:
        self._app, self.desk = app, desk
        self.running = self._counted = 0

    async def serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        self.running += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self.running -= 1

    async def _serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        began, at = time.perf_counter(), time.time()
        headers = dict(scope["headers"])
        scope["request_id"] = _request_id(headers)
        status = 500

        async def sending(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"],
                                      (b"x-request-id", scope["request_id"].encode())]
            await send(message)

        counted = scope["path"] == PREDICT and scope["method"] == "POST"
        if counted and not self.desk.lease.holds():
            # Not an answer of this version: the proxy asks the champion instead.
            self.desk.metrics.unleased()
            await _refuse(Refused(503, "lease", "this process may not answer now",
                                  {"Retry-After": "1"}), scope, sending)
            return
        self._counted += counted
        self.desk.metrics.in_flight.set(self._counted)
        try:
            refused = self._refusal(scope["path"], headers, counted)
            if refused:
                await _refuse(refused, scope, sending)
            else:
                await self._app(scope, receive, sending)
        finally:
            self._counted -= counted
            if counted:
                self._count(scope, headers, status, at, time.perf_counter() - began)

    def _refusal(self, path: str, headers: dict[bytes, bytes], counted: bool) -> Refused | None:
        token = self.desk.token
        if token and path not in OPEN and not hmac.compare_digest(
                headers.get(b"authorization", b""), f"Bearer {token}".encode()):
            return Refused(401, "token", "send the header Authorization: Bearer TOKEN",
                           {"WWW-Authenticate": "Bearer"})
        if counted and self._counted > self.desk.limits.max_concurrent:
            return Refused(503, "busy", f"{self.desk.limits.max_concurrent} requests are being "
                           "answered already; try again", {"Retry-After": "1"})
        return None

    def _count(self, scope: dict[str, Any], headers: dict[bytes, bytes], status: int, at: float,
               seconds: float) -> None:
        self.desk.metrics.request(status, seconds)
        texts, fields, predictions = scope.get("answered", ((), None, ()))
        tokens: Sequence[int] = ()
        if predictions:
            tokens = [len(self.desk.tokenize(text)) for text in texts]
            self.desk.metrics.predicted(texts, predictions, tokens)
        if self.desk.log:
            self.desk.log.put(Entry(scope["request_id"], at, seconds, status, texts, predictions,
                                    fields, tokens, b"x-shadow" in headers))


def _request_id(headers: dict[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"")
    return given.decode() if _ID.fullmatch(given) else secrets.token_hex(16)


async def _refuse(refused: Refused, scope: dict[str, Any], send: Any) -> None:
    body = refusal_body(refused.code, refused.message, scope["request_id"])
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)),
               # What is left of the request is not read, so the connection cannot be used again.
               (b"connection", b"close"),
               *((name.lower().encode(), value.encode())
                 for name, value in refused.headers.items())]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def refusal_body(code: str, message: str, request_id: str) -> bytes:
    """Return the JSON of every answer that is no prediction."""
    return json.dumps({"error": {"code": code, "message": message},
                       "request_id": request_id}).encode()


async def read_body(receive: Any, headers: Any, limits: ServiceSettings) -> bytes:
    """Return a request's body; raise Refused with 413 if it is too large, 408 if it is too slow."""
    too_large = Refused(413, "size", f"the body is larger than {limits.max_body_bytes:,} bytes",
                        {"Connection": "close"})
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > limits.max_body_bytes:
        raise too_large
    pieces, size = [], 0
    try:
        async with asyncio.timeout(limits.seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "gone", "the client went away")
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if size > limits.max_body_bytes:
                    raise too_large
                if not message.get("more_body"):
                    return b"".join(pieces)
    except TimeoutError:
        raise Refused(408, "slow", f"the body did not arrive within {limits.seconds:g} s",
                      {"Connection": "close"}) from None
