"""Recorded answers: one JSON line for each request, found by the request digest.

The same file is the cache of paid answers (`.cache/answers/`) and a cassette (`tests/cassettes/`).
A digest covers prompt version, provider, model, parameters and text, so an answer to anything else
is never found. The text itself is not stored.
"""

import json
import threading
from dataclasses import asdict
from pathlib import Path

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.llm.request import Reply, Request
from nlp_gitops.prompts import Prompt


class Tape:
    """The recorded answers to one version of a prompt. Safe to use from several threads."""

    def __init__(self, folder: Path, prompt: Prompt) -> None:
        self.path = folder / prompt.name / f"answers_v{prompt.version}.jsonl"
        self._lock = threading.Lock()
        self._replies = _read(self.path)

    def find(self, request: Request) -> Reply | None:
        """Return the recorded answer, or None."""
        return self._replies.get(request.digest)

    def add(self, request: Request, reply: Reply) -> None:
        """Write an answer down at once, so that a killed process has paid for nothing in vain."""
        line = json.dumps({"request": request.digest, "prompt": request.prompt.tag,
                           "provider": request.provider, "model": request.model, **asdict(reply)})
        with self._lock:
            self._replies[request.digest] = reply
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "ab") as stream:
                # A line that a kill has torn must not swallow this one.
                torn = stream.tell() and not _ends_well(self.path)
                stream.write(("\n" * bool(torn) + line + "\n").encode())


def _ends_well(path: Path) -> bool:
    with open(path, "rb") as stream:
        stream.seek(-1, 2)
        return stream.read(1) == b"\n"


def _read(path: Path) -> dict[str, Reply]:
    """Return replies by digest; a torn line, which a kill leaves, is left out."""
    found: dict[str, Reply] = {}
    if not path.is_file():
        return found
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            value = json.loads(line) if line.strip() else None
        except ValueError:
            continue
        if value is None:
            continue
        try:
            found[value["request"]] = Reply(**{name: value[name] for name in (
                "text", "tokens_in", "tokens_out", "latency_ms")})
        except (KeyError, TypeError):
            raise NotMeasured(f"{path}:{number}: no recorded answer; remove the line, or restore "
                              "the file from git") from None
    return found
