"""The stand-in as an HTTP server in a thread of the test."""

import itertools
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from . import attestations, faults, routes, streams
from .answers import Answer, Refused, Request, missing
from .description import misfits
from .faults import Fault, Faults
from .world import TOKEN, Repository

_PATH = re.compile(r"/api/v3(?P<uploads>/uploads)?/repos/(?P<name>[^/]+/[^/]+)/(?P<rest>.*)")
_OBJECT = re.compile(r"/objects/(?P<id>\d+)")


class StandIn:
    """GitHub in small. `protests` says what did not fit GitHub's description; it must stay empty.

    `requests` are (method, path, status) as they came; status 0 for one that got no answer.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repositories: dict[str, Repository] = {}
        self.faults = Faults()
        self.protests: list[str] = []
        self.requests: list[tuple[str, str, int]] = []
        self.halted = threading.Event()
        self.url = ""
        self.objects_url = ""

    def add(self, name: str, bare: Path | None = None) -> Repository:
        """Make a repository; `bare` is where its tags are, else `tags` says which there are."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        self.repositories[name] = Repository(name, folder, bare)
        return self.repositories[name]

    def check(self, what: str, model: str, value: Any) -> list[str]:
        """Return, and keep as protests, what does not fit a model of GitHub's."""
        found = [f"{what}: {text}" for text in misfits(model, value)]
        self.protests += found
        return found


@contextmanager
def running(folder: Path) -> Iterator[StandIn]:
    """Run a stand-in as long as the block lasts."""
    world = StandIn(folder)

    class Handler(_Handler):
        standin = world

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    world.url = f"http://127.0.0.1:{servers[0].server_port}/api/v3"
    # Another host than the API's, as the place where GitHub keeps its assets is.
    world.objects_url = f"http://localhost:{servers[1].server_port}/objects"
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield world
    finally:
        world.halted.set()
        for server in servers:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Takes one request: fault, call, checks, answer."""

    protocol_version = "HTTP/1.1"
    # Else every answer with a body waits for the client's acknowledgement of its headers.
    disable_nagle_algorithm = True
    standin: StandIn

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        fault = self.standin.faults.next(self.command, path)
        what = fault.what if fault else ""
        if what == faults.CUT:
            self._cut(path)
            return
        if what == faults.REFUSE:
            streams.skip(self.rfile, self._length)
            self._send(Answer(fault.status, {"message": fault.message}, dict(fault.headers)), path)
            return
        try:
            answer = self._answer(path, fault)
        except Refused as refusal:
            self.standin.check(f"{self.command} {path} {refusal.status}", "ValidationError"
                               if "errors" in refusal.value else "BasicError", refusal.value)
            answer = Answer(refusal.status, refusal.value)
        if what == faults.STALE:
            newest = max((item["id"] for item in answer.value), default=None)
            answer = Answer(200, [item for item in answer.value if item["id"] != newest])
        if what == faults.HALT:
            self.standin.faults.halting = True
            self.standin.halted.wait()
        if what in (faults.CUT_AFTER, faults.HALT):
            self._cut(path)
        elif what in (faults.LOSE, faults.STARTER):
            self._send(Answer(fault.status, {"message": fault.message}, dict(fault.headers)), path)
        elif isinstance(answer, streams.File):
            self._send_file(answer, path, half=what == faults.CUT_INSIDE)
        else:
            self._send(answer, path)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def _answer(self, path: str, fault: Fault | None) -> "Answer | streams.File":
        stored = _OBJECT.fullmatch(path)
        if stored:
            return self._object(int(stored["id"]))
        match = _PATH.fullmatch(path)
        if match is None or match["name"] not in self.standin.repositories:
            streams.skip(self.rfile, self._length)
            raise missing()
        known = self._is_known()
        if self.command != "GET" and not known:
            streams.skip(self.rfile, self._length)
            raise Refused(401, "Requires authentication")
        request = Request(self.standin.repositories[match["name"]], self.standin.url,
                          self.standin.objects_url, {"listing": match["rest"]},
                          dict(parse_qsl(urlsplit(self.path).query)), None, known)
        if match["uploads"]:
            answer = streams.upload(request, match["rest"], self.headers, self.rfile,
                                    fault.what if fault else "")
            self.standin.check(f"upload {path}", "ReleaseAsset", answer.value)
            return answer
        return self._call(request, path, match["rest"])

    def _call(self, request: Request, path: str, rest: str) -> "Answer | streams.File":
        found = routes.find(self.command, rest)
        raw = self.rfile.read(self._length)
        if found is None:
            self.standin.protests.append(f"{self.command} {path}: the stand-in has no such call")
            raise missing()
        route, words = found
        request = replace(request, words={**request.words, **words},
                          body=json.loads(raw) if raw else None)
        what = f"{self.command} {path}"
        if route.body and self.standin.check(what, route.body, request.body):
            raise Refused(422, "Invalid request.", "invalid", where=self.standin.protests[-1])
        if route.path.pattern.startswith("releases/assets/") and self.command == "GET" and (
                self.headers.get("Accept") == "application/octet-stream"):
            number = streams.whole(request).id
            return Answer(302, None, {"Location": f"{self.standin.objects_url}/{number}"})
        answer = route.handler(request)
        if (route.answer is None) != (answer.value is None):
            self.standin.protests.append(f"{what}: an answer where none is described")
        elif route.answer:
            self.standin.check(what, route.answer, attestations.without_null_bundles(
                streams.without_starters(answer.value)))
        return answer

    def _object(self, number: int) -> "streams.File":
        """Return stored content. The place that keeps it takes no token, as GitHub's does not."""
        if "Authorization" in self.headers:
            raise Refused(400, "Only one auth mechanism allowed")
        for repository in self.standin.repositories.values():
            for release in repository.releases.values():
                if number in release.assets:
                    return streams.content(release.assets[number], self.headers.get("Range"))
            for item in itertools.chain(*repository.attestations.values()):
                if item.stored.id == number:
                    return streams.content(item.stored, None)
        raise missing()

    def _is_known(self) -> bool:
        given = self.headers.get("Authorization")
        if given is None:
            return False
        if given.split()[-1] != TOKEN:
            raise Refused(401, "Bad credentials")
        return True

    @property
    def _length(self) -> int:
        return int(self.headers.get("Content-Length") or 0)

    def _send(self, answer: Answer, path: str) -> None:
        self.standin.requests.append((self.command, path, answer.status))
        data = b"" if answer.value is None else json.dumps(answer.value).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if data:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        if answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_file(self, file: "streams.File", path: str, half: bool) -> None:
        self.standin.requests.append((self.command, path, file.status))
        self.send_response(file.status)
        self.send_header("Content-Length", str(file.size))
        if file.range:
            self.send_header("Content-Range", file.range)
        self.end_headers()
        streams.copy(file, self.wfile, file.size // 2 if half else file.size)
        if half:
            self._hang_up()

    def _cut(self, path: str) -> None:
        self.standin.requests.append((self.command, path, 0))
        self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            # The client was first.
            pass

    def log_message(self, *words: object) -> None:
        """Keep the test's output quiet; `requests` has it all."""
