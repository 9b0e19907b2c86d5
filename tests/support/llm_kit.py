"""A small prompt, a provider that says what a test wants, and an OpenAI-compatible server."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from nlp_gitops.core.project import LlmSettings
from nlp_gitops.llm import Asker, Reply, Request, Session, Settings
from nlp_gitops.prompts import Prompt, load

PROMPT = """---
name: mood
version: {version}
goal: {goal}
input: {{text: string}}
format: {{label: "bad|good"}}
changelog: {{{version}: first}}
model: {{temperature: 0, max_output_tokens: 20}}
---
{{{{ goal }}}}
<text>
{{{{ text }}}}
</text>
{{{{ format }}}}
"""
GOOD = '{"label": "good"}'
LIVE = {"provider": "openai", "model": "tiny"}


def prompt(folder: Path, version: str = "1.0.0", goal: str = "Say how it sounds.") -> Prompt:
    """Write a prompt file below `folder`/prompts and read it."""
    path = folder / "prompts" / "mood" / f"prompt_v{version}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PROMPT.format(version=version, goal=goal))
    return load(path)


class Scripted:
    """A remote provider that answers with a function of the request; keeps what it was asked."""

    is_remote = True

    def __init__(self, answer: Callable[[Request], str]) -> None:
        self.answer, self.asked = answer, []

    def complete(self, request: Request, is_patient: bool) -> Reply:
        self.asked.append(request)
        return Reply(self.answer(request), 10, 5, 20.0)

    @property
    def texts(self) -> list[str]:
        """Return the last message of each request."""
        return [request.messages[-1][1] for request in self.asked]


def asker(folder, answer, session=None, **options):
    """Return what asks about the small prompt, and the provider that answers it."""
    provider = Scripted(answer)
    made = prompt(folder)
    found = Asker(made, Settings.of(made, {**LIVE, **options}), provider)
    found.session = session or Session()
    return found, provider


def ask(found, *texts, **options):
    """Return the outcomes of these texts."""
    return found.ask([{"text": text} for text in texts], **options)


def session(folder, mode="live", **limits):
    """Return a command's session, which keeps its answers below the folder."""
    return Session(LlmSettings(**limits), mode, folder / "cache", folder / "cassettes",
                   is_strict=True)


class Endpoint:
    """What a server answers: `say(text, number)` returns (status, headers, body) or raises.

    `number` counts the requests with the same last message, from 0.
    """

    def __init__(self, say: Callable[[str, int], tuple[int, dict[str, str], bytes]]) -> None:
        self.say, self.seen, self.bodies, self.times = say, {}, [], []
        self.lock = threading.Lock()


def completion(text: str, usage: Any = (10, 5)) -> tuple[int, dict[str, str], bytes]:
    """Return a chat completion as a server sends it."""
    tokens = {} if usage is None else {"usage": {
        "prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": 15}}
    return 200, {}, json.dumps({
        "id": "1", "object": "chat.completion", "created": 1, "model": "tiny", **tokens,
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": text}}]}).encode()


class Cut(Exception):
    """The connection ends before the answer does."""


@contextmanager
def serving(endpoint: Endpoint) -> Iterator[str]:
    """Serve on loopback; yield the base URL."""
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = body["messages"][-1]["content"]
            with endpoint.lock:
                number = endpoint.seen.get(text, 0)
                endpoint.seen[text] = number + 1
                endpoint.bodies.append(body)
                endpoint.times.append(time.monotonic())
            try:
                status, headers, answer = endpoint.say(text, number)
            except Cut:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"id\"")
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            try:
                self.wfile.write(answer)
            except ConnectionError:
                pass

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
