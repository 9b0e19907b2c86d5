"""The service's interface: what callers send, and what they get. Change it as your callers need.

`mlops/serving/` is what stands around it: limits, ids, metrics, prediction log and lease.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from mlops.serving.asked import Refused, read
from mlops.serving.front import Desk, Front, read_body, refusal_body
from mlops.serving.metrics import CONTENT_TYPE
from nlp.postprocess import answer

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def application(desk: Desk, on_stop: Callable[[], None] = lambda: None) -> Front:
    """Return the ASGI application that answers with the desk's release."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        desk.batcher.close()
        on_stop()

    release = desk.release
    app = FastAPI(title=release.model, version=release.version, lifespan=life,
                  exception_handlers={Refused: _refused, HTTPException: _unknown})
    identity = {"model": release.model, "version": release.version}

    @app.post("/predict", openapi_extra=_predict_schema(desk), responses=_REFUSALS)
    async def predict(request: Request) -> Response:
        """Label one text, or several at once."""
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise Refused(415, "type", "send the header Content-Type: application/json")
        asked = read(await read_body(request.receive, request.headers, desk.limits), desk.limits)
        predictions = await desk.predict(asked)
        request.scope["answered"] = (asked.texts, asked.fields, predictions)
        answers = [answer(item) for item in predictions]
        found = answers[0] if asked.single else {"predictions": answers}
        return _json({**found, **identity, "request_id": request.scope["request_id"]})

    @app.post("/feedback", responses=_REFUSALS)
    async def feedback(request: Request) -> Response:
        """Take the right label of an earlier request: {"request_id": …, "label": …}."""
        if desk.feedback is None:
            raise Refused(404, "feedback", "this service keeps no labels; start it with --feedback")
        body = await read_body(request.receive, request.headers, desk.limits)
        return _json({"taken": await desk.feedback.take(body)}, 202)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Say that the process runs."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> Response:
        """Say whether requests will be answered: the model is loaded, and does not hang."""
        stuck = desk.batcher.busy_for()
        if stuck > desk.limits.seconds:
            return _json({"status": f"a prediction has been running for {stuck:.0f} s"}, 503)
        return _json({"status": "ready", **identity, "archive_sha256": release.archive_sha256})

    @app.get("/version")
    async def version() -> dict[str, Any]:
        """Say which model version answers, and from what it was made."""
        return release.record()

    @app.get("/metrics")
    async def metrics() -> Response:
        """Give what was counted, for Prometheus."""
        return Response(desk.metrics.page(), headers={"content-type": CONTENT_TYPE})

    return Front(app, desk)


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(_ENCODER.encode(value), status, media_type="application/json")


async def _refused(request: Request, refused: Refused) -> Response:
    return _error(request, refused.status, refused.code, refused.message, refused.headers)


async def _unknown(request: Request, error: HTTPException) -> Response:
    return _error(request, error.status_code, "path", error.detail, error.headers)


def _error(request: Request, status: int, code: str, message: str, headers: Any) -> Response:
    return Response(refusal_body(code, message, request.scope["request_id"]), status,
                    headers=headers, media_type="application/json")


_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": text} for status, text in (
        (400, "not JSON in UTF-8"), (401, "no or a wrong token"), (408, "the body came too slowly"),
        (413, "the body is too large"), (415, "not application/json"),
        (422, "a wrong type, too long, or too many texts"), (500, "the model failed"),
        (503, "too busy, or no answer in time; Retry-After says when to try again"))}


def _predict_schema(desk: Desk) -> dict[str, Any]:
    """Return what OpenAPI says of the request; the checks themselves are in `asked.py`."""
    limits = desk.limits
    text = {"type": "string", "minLength": 1, "maxLength": limits.max_text_characters}
    fields = {"type": "object", "description": "for slices in the prediction log"}
    several = {"type": "array", "items": text, "minItems": 1, "maxItems": limits.max_batch}
    shapes = [{"type": "object", "required": [name], "additionalProperties": False,
               "properties": {name: shape, "fields": fields}}
              for name, shape in (("text", text), ("texts", several))]
    return {"requestBody": {"required": True,
                            "content": {"application/json": {"schema": {"oneOf": shapes}}}}}
