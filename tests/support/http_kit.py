"""A service in this process, asked over real HTTP."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from nlp_gitops.core.project import ServiceSettings
from nlp_gitops.model import Prediction
from nlp_gitops.serving.application import application
from nlp_gitops.serving.batching import Batcher
from nlp_gitops.serving.front import Desk, Front
from nlp_gitops.serving.metrics import Metrics
from nlp_gitops.serving.release import Release

RELEASE = Release("m", "v1.0.0", "rows-v1.0.0", "n/a", "a" * 64, "c" * 40, ("bad", "good"),
                  "stable")
LIMITS = ServiceSettings(max_body_bytes=2000, max_text_characters=100, max_batch=3,
                         max_concurrent=4, seconds=2.0)


def predict(texts):
    """Answer as a model would: `boom` makes it fail, `odd` gives a label that it does not have."""
    if any("boom" in text for text in texts):
        raise RuntimeError(f"cannot digest {texts}")
    return [Prediction("odd", {"odd": 1.0}) if "odd" in text else
            Prediction("good", {"good": 0.75, "bad": 0.25}) for text in texts]


@contextmanager
def served(model=predict, app=application, **changes: Any) -> Iterator[tuple[int, Desk]]:
    """Serve a release on a port of its own; yield (port, desk)."""
    settings, release = changes.pop("limits", LIMITS), changes.pop("release", RELEASE)
    desk = Desk(release, settings, Batcher(model), Metrics(release, 3), **changes)
    with run(Front(app, desk)) as port:
        yield port, desk


@contextmanager
def run(app: Any) -> Iterator[int]:
    """Run an ASGI application; yield its port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def call(port, body, path="/predict", method="POST", **headers):
    """Send a request; return the answer and its body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    data = json.dumps(body).encode() if not isinstance(body, bytes) else body
    connection.request(method, path, data, {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def asked(port, body, **headers):
    """Ask for a prediction; return the status and the answer."""
    answer, content = call(port, body, **headers)
    return answer.status, json.loads(content)
