"""The service's interface: what callers send, and what they get.

A team says in project.yaml what becomes of a prediction (`service.answer`), or names an application
of its own (`service.application`), which may begin with this one and add routes.
"""

import json
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from nlp_gitops.model import Prediction
from nlp_gitops.serving.asked import Refused, body_schema, read
from nlp_gitops.serving.feedback_log import LABELS_SCHEMA
from nlp_gitops.serving.front import Desk, read_body, refusal_body, tell
from nlp_gitops.serving.metrics import CONTENT_TYPE

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def answer(prediction: Prediction) -> dict[str, Any]:
    """Return the public form of a prediction: the label, and its score with four digits."""
    return {"label": prediction.label, "score": round(prediction.scores[prediction.label], 4)}


def application(desk: Desk) -> FastAPI:
    """Return the application that answers with the desk's release."""
    release, told = desk.release, desk.answer or answer
    app = FastAPI(title=release.model, version=release.version,
                  exception_handlers={Refused: _refused, HTTPException: _unknown})
    identity = {"model": release.model, "version": release.version}

    # `Front` asks for the token; this only says so on the OpenAPI page.
    guarded = [Depends(HTTPBearer(auto_error=False))] if desk.token else []

    @app.post("/predict", openapi_extra=_json_body(body_schema(desk.limits)), responses=_REFUSALS,
              dependencies=guarded)
    async def predict(request: Request) -> Response:
        """Label one text, or several at once."""
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise Refused(415, "type", "send the header Content-Type: application/json")
        asked = read(await read_body(request.receive, request.headers, desk.limits), desk.limits)
        predictions = await desk.predict(asked)
        request.scope["answered"] = (asked.texts, asked.fields, predictions)
        try:
            answers = [told(item) for item in predictions]
            found = answers[0] if asked.single else {"predictions": answers}
            return _json({**found, **identity, "request_id": request.scope["request_id"]})
        except Exception as error:
            tell(error)
            raise Refused(500, "answer", "the answer cannot be made of the prediction") from None

    @app.post("/feedback", status_code=202, responses=_REFUSALS, dependencies=guarded,
              include_in_schema=desk.feedback is not None, openapi_extra=_json_body(LABELS_SCHEMA))
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

    @app.get("/readyz", responses={503: {"description": "a prediction hangs"}})
    async def readyz() -> Response:
        """Say whether requests will be answered: the model is loaded, and does not hang."""
        stuck = desk.batcher.busy_for()
        if stuck > desk.limits.seconds:
            return _json({"status": f"a prediction has been running for {stuck:.0f} s"}, 503)
        return _json({"status": "ready", **identity, "archive_sha256": release.archive_sha256})

    @app.get("/version", responses=_NO_TOKEN, dependencies=guarded)
    async def version() -> dict[str, Any]:
        """Say which model version answers, and from what it was made."""
        return release.record()

    @app.get("/metrics", response_class=PlainTextResponse, responses=_NO_TOKEN,
             dependencies=guarded)
    async def metrics() -> Response:
        """Give what was counted, for Prometheus."""
        return Response(desk.metrics.page(), headers={"content-type": CONTENT_TYPE})

    return app


def _json_body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(_ENCODER.encode(value), status, media_type="application/json")


async def _refused(request: Request, refused: Refused) -> Response:
    return _error(request, refused.status, refused.code, refused.message, refused.headers)


async def _unknown(request: Request, error: HTTPException) -> Response:
    return _error(request, error.status_code, "path", error.detail, error.headers)


def _error(request: Request, status: int, code: str, message: str, headers: Any) -> Response:
    return Response(refusal_body(code, message, request.scope["request_id"]), status,
                    headers=headers, media_type="application/json")


_NO_TOKEN: dict[int | str, dict[str, Any]] = {401: {"description": "no or a wrong token"}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    **_NO_TOKEN, **{status: {"description": text} for status, text in (
        (400, "not JSON in UTF-8"), (408, "the body came too slowly"),
        (413, "the body is too large"), (415, "not application/json"),
        (422, "a wrong type, too long, or too many texts"), (500, "the model failed"),
        (503, "too busy, no answer in time, or a label that cannot be kept; Retry-After says "
         "when to try again"))}}
