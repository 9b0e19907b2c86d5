"""One process that serves one release: from options to a listening socket, until it is stopped.

SIGHUP makes it look again which version the registry names, and answer with that one.
"""

import asyncio
import fcntl
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import uvicorn

from nlp_gitops import privacy
from nlp_gitops.core import dotted
from nlp_gitops.core.errors import Conflict, UsageError, UserError
from nlp_gitops.core.names import ModelRef, Version
from nlp_gitops.core.project import Project
from nlp_gitops.drift import reference
from nlp_gitops.llm import Session, rehearsal_of
from nlp_gitops.model import Model
from nlp_gitops.serving import faults
from nlp_gitops.serving.batching import Batcher
from nlp_gitops.serving.feedback_log import FeedbackLog
from nlp_gitops.serving.front import Desk, Front
from nlp_gitops.serving.lease import Lease
from nlp_gitops.serving.metrics import Metrics
from nlp_gitops.serving.prediction_log import PredictionLog, text_writer
from nlp_gitops.serving.profiles import ProfileWriter
from nlp_gitops.serving.release import Release, find, load, load_folder
from nlp_gitops.serving.server import OneWriteProtocol, Server

TOKEN_VARIABLE = "SERVICE_TOKEN"
# How long a stop waits for answers that are on their way.
GRACE_SECONDS = 10


@dataclass(frozen=True)
class Wish:
    """What to serve, and how. `pid_file` is locked for as long as the process lives.

    With a `folder` that a version was pulled to, no registry is asked. With `records` a prompt
    answers from records and asks no provider.
    """

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
    folder: Path | None = None
    records: bool = False


def serve(project: Project, wish: Wish) -> None:
    """Load, listen, answer, and end on SIGTERM or SIGINT when the last answer is out."""
    held = _hold(wish.pid_file) if wish.pid_file else None
    application = dotted.load(project.service.application, project.root,
                              project.where("service", "application"))
    release, model = _loaded(project, wish)
    listening = _listen(wish.host, wish.port)
    front = Front(application, _desk(project, wish, release, model))
    host, port = listening.getsockname()[:2]
    _say(f"{release.model}@{release.version} ({release.variant}) answers on http://{host}:{port}")
    config = uvicorn.Config(front, http=OneWriteProtocol, log_level="warning", access_log=False,
                            server_header=False, timeout_graceful_shutdown=GRACE_SECONDS)
    # uvicorn sends itself the signal again once all is done; this was the end that it asked for.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_answer(Server(config, front), listening,
                           _Reload(project, wish, front, release)))
    if held:
        held.close()


def _loaded(project: Project, wish: Wish) -> tuple[Release, Model]:
    if wish.folder:
        return load_folder(wish.folder, project.root, wish.variant)
    return load(project, find(project, wish.what, wish.registry), wish.registry, wish.variant)


def _desk(project: Project, wish: Wish, release: Release, model: Model) -> Desk:
    settings = project.service
    metrics, log = Metrics(release, settings.max_tokens), None
    if wish.log:
        masked = privacy.of(project)
        log = PredictionLog(wish.log, release, text_writer(settings.log_text, masked),
                            settings.log_bytes, _watcher(project, wish, release),
                            settings.log_url, masked)
        metrics.dropped_lines(lambda: log.dropped)
        if uploads := log.uploads:
            metrics.failed_uploads(lambda: uploads.failed)
    if hasattr(model, "session"):
        model.session = (rehearsal_of(project) if wish.records
                         else Session(masker=privacy.of(project)))
    predict = faults.planted(wish.fault, model.predict) if wish.fault else model.predict
    # The first call of a library is slow; a request should not pay for that.
    model.predict(["warm up"])
    feedback = FeedbackLog(wish.feedback, release.labels,
                           settings.log_bytes) if wish.feedback else None
    answer = dotted.load(settings.answer, project.root, project.where("service", "answer"))
    return Desk(release, settings, Batcher(predict), metrics, model.tokenize, Lease(wish.lease),
                log, os.environ.get(TOKEN_VARIABLE) or None, feedback, answer)


def _watcher(project: Project, wish: Wish, release: Release) -> ProfileWriter | None:
    if wish.profiles is None:
        return None
    ref = ModelRef(release.model, Version.parse(release.version))
    return ProfileWriter(wish.profiles, release, reference.load(project, ref, wish.registry),
                         project.language)


@dataclass
class _Reload:
    """Brings the version that the registry names now, if it is another one."""

    project: Project
    wish: Wish
    front: Front
    release: Release
    task: "asyncio.Task[None] | None" = None

    def begin(self) -> None:
        """Begin, unless it is under way."""
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        try:
            release, model = await asyncio.to_thread(_loaded, self.project, self.wish)
            if release == self.release:
                _say(f"{release.model}@{release.version} is what the registry names; no change")
                return
            desk = await asyncio.to_thread(_desk, self.project, self.wish, release, model)
        except UserError as error:
            print(f"error: no change: {error}", file=sys.stderr, flush=True)
            return
        self.release = release
        _say(f"{release.model}@{release.version} ({release.variant}) answers from now on")
        await self.front.change(desk)


async def _answer(server: Server, listening: socket.socket, reload: _Reload) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload.begin)
    await server.serve(sockets=[listening])


def _say(line: str) -> None:
    print(line, flush=True)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=2048)
    except (OSError, OverflowError) as error:
        raise UsageError(f"--host {host} --port {port}: cannot listen there: {error}; name "
                         "another port") from None


def _hold(path: Path) -> TextIO:
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
