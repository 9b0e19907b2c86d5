"""One process that serves one release: from options to a listening socket, until it is stopped."""

import fcntl
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from mlops.drift import reference
from mlops.errors import Conflict, UsageError
from mlops.project import Project
from mlops.serving import faults
from mlops.serving.batching import Batcher
from mlops.serving.feedback_log import FeedbackLog
from mlops.serving.front import Desk
from mlops.serving.lease import Lease
from mlops.serving.metrics import Metrics
from mlops.serving.prediction_log import PredictionLog, text_writer
from mlops.serving.profiles import ProfileWriter
from mlops.serving.release import find, load
from nlp.service import application

TOKEN_VARIABLE = "SERVICE_TOKEN"
# How long a stop waits for answers that are on their way.
GRACE_SECONDS = 10


@dataclass(frozen=True)
class Wish:
    """What to serve, and how. `pid_file` is locked for as long as the process lives."""

    what: str | None
    registry: str | None
    host: str
    port: int
    variant: str
    log: Path | None = None
    lease: Path | None = None
    pid_file: Path | None = None
    fault: faults.Fault | None = None
    profiles: Path | None = None
    feedback: Path | None = None


def serve(project: Project, wish: Wish) -> None:
    """Load, listen, answer, and end on SIGTERM or SIGINT when the last answer is out."""
    held = _hold(wish.pid_file) if wish.pid_file else None
    told = text_writer(project.service.log_text, project.language)
    ref = find(project, wish.what, wish.registry)
    release, model = load(project, ref, wish.registry, wish.variant)
    watcher = ProfileWriter(wish.profiles, release, reference.load(project, ref, wish.registry),
                            project.language) if wish.profiles else None
    listening = _listen(wish.host, wish.port)
    metrics = Metrics(release)
    log = PredictionLog(wish.log, release, told, project.service.log_bytes,
                        watcher) if wish.log else None
    if log:
        metrics.dropped_lines(lambda: log.dropped)
    predict = faults.planted(wish.fault, model.predict) if wish.fault else model.predict
    # The first call of a library is slow; a request should not pay for that.
    model.predict(["warm up"])
    labels = FeedbackLog(wish.feedback, release.labels,
                         project.service.log_bytes) if wish.feedback else None
    desk = Desk(release, project.service, Batcher(predict), metrics, Lease(wish.lease), log,
                os.environ.get(TOKEN_VARIABLE) or None, labels)
    host, port = listening.getsockname()[:2]
    print(f"{release.model}@{release.version} ({release.variant}) answers on http://{host}:{port}",
          flush=True)
    config = uvicorn.Config(
        application(desk, lambda: _close(log, labels)), log_level="warning",
        access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS)
    uvicorn.Server(config).run(sockets=[listening])
    if held:
        held.close()


def _close(*logs: PredictionLog | FeedbackLog | None) -> None:
    for log in logs:
        if log:
            log.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=2048)
    except (OSError, OverflowError) as error:
        raise UsageError(f"--host {host} --port {port}: cannot listen there: {error}; name "
                         "another port") from None


def _hold(path: Path) -> "os.PathLike[str] | object":
    """Write the process id and lock the file; who finds the lock free knows that we are gone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = open(path, "a+", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(f"{path}: another process serves from here already") from None
    stream.truncate(0)
    stream.write(json.dumps({"pid": os.getpid()}) + "\n")
    stream.flush()
    return stream
