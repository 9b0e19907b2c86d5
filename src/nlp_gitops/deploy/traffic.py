"""Requests from several connections at once, to rehearse with: texts of the test split, in turn."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from nlp_gitops.deploy.counts import headers

SECONDS = 30.0


@dataclass
class Tally:
    """What came back. `failed` are requests without a 200, with their reasons.

    `reconnected` counts requests that were sent again because the server had closed the idle
    connection they went out on, as every HTTP client does.
    """

    answered: int = 0
    reconnected: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"answered": self.answered, "failed": sum(self.failed.values()),
                "reasons": dict(self.failed), "reconnected": self.reconnected,
                "by_version": dict(self.versions)}


class Traffic:
    """Load in the background, between `with` and its end. `pause` is in seconds per request."""

    def __init__(self, url: str, texts: Sequence[str], connections: int = 4,
                 pause: float = 0.0) -> None:
        self.tally = Tally()
        self._address = urlsplit(url)
        self._bodies = [json.dumps({"text": text}).encode() for text in texts]
        self._headers = {"Content-Type": "application/json", **headers()}
        self._pause = pause
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number, connections), daemon=True)
                         for number in range(connections)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(SECONDS + 5)

    def _run(self, number: int, step: int) -> None:
        connection = self._connected()
        while not self._stop.is_set():
            connection = self._send(connection, self._bodies[number % len(self._bodies)])
            number += step
            if self._pause:
                time.sleep(self._pause)
        connection.close()

    def _connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._address.hostname or "", self._address.port,
                                          timeout=SECONDS)

    def _send(self, connection: http.client.HTTPConnection,
              body: bytes) -> http.client.HTTPConnection:
        is_reused = connection.sock is not None
        try:
            status, content = self._ask(connection, body)
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            closed = isinstance(error, (http.client.RemoteDisconnected, BrokenPipeError,
                                        ConnectionResetError))
            if is_reused and closed:
                with self._lock:
                    self.tally.reconnected += 1
                return self._send(self._connected(), body)
            self._failed(type(error).__name__)
            return self._connected()
        if status != 200:
            self._failed(f"status {status}")
            return connection
        with self._lock:
            self.tally.answered += 1
            self.tally.versions[json.loads(content)["version"]] += 1
        return connection

    def _ask(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
        connection.request("POST", "/predict", body, self._headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def _failed(self, reason: str) -> None:
        with self._lock:
            self.tally.failed[reason] += 1
