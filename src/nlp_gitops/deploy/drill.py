"""The rollback drill: a bad version goes back by itself, under traffic from the test split.

One registered version plays both sides in a short-lived environment; the faults are planted.
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from nlp_gitops.core.errors import CheckFailed
from nlp_gitops.core.names import ModelRef
from nlp_gitops.deploy import canary, state
from nlp_gitops.deploy.counts import headers, of_service
from nlp_gitops.deploy.place import Place, deployed, fetched, routed, started, without_canary
from nlp_gitops.deploy.state import State
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.serving import lease

SECONDS = 30.0
FAULT = "errors=0.3"
PLAN = canary.Plan(every=0.5, deadline=40.0)
_LEASE_SECONDS = 2.0
_ENOUGH = 30


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


@dataclass(frozen=True)
class Part:
    """One thing that was tried: what, whether it went as it must, and what was seen."""

    what: str
    is_right: bool
    seen: str


def drill(place: Place, snapshot: Snapshot, ref: ModelRef) -> list[Part]:
    """Run all parts under load; raise CheckFailed if the version cannot even be started."""
    now = deployed(place, place.begun, snapshot, ref)
    found = []
    for part in (_bad, _dead_judge, _healthy):
        now, result = part(place, now, snapshot, ref)
        place.say(f"{'right' if result.is_right else 'WRONG'}: {result.what}: {result.seen}")
        found.append(result)
    return found


def _bad(place: Place, now: State, snapshot: Snapshot, ref: ModelRef) -> tuple[State, Part]:
    now, name = started(place, now, ref, fetched(place, snapshot, ref), FAULT)
    with Traffic(place.url, place.texts) as traffic:
        now, judged = canary.run(place, now, name, PLAN)
        later = answers_only(traffic)
    return now, Part(f"a candidate with {FAULT} is rolled back", judged.verdict == "FAIL" and later,
                     f"{judged.verdict} after {judged.seconds:.1f} s, traffic back in "
                     f"{judged.back_seconds:.2f} s: {judged.why}")


def answers_only(traffic: Traffic) -> bool:
    """Say whether all requests from now on are answered."""
    failed, goal = sum(traffic.tally.failed.values()), traffic.tally.answered + _ENOUGH
    wait_for(lambda: traffic.tally.answered >= goal)
    return sum(traffic.tally.failed.values()) == failed


def _dead_judge(place: Place, now: State, snapshot: Snapshot, ref: ModelRef) -> tuple[State, Part]:
    """Give the candidate a weight and a lease, and never renew it, as a killed judge does not."""
    now, name = started(place, now, ref, fetched(place, snapshot, ref))
    url = now.slots[name].url
    with Traffic(place.url, place.texts) as traffic:
        lease.grant(place.lease_of(name), _LEASE_SECONDS)
        now = routed(place, replace(state.save(place.folder, now), canary=name, weight=50))
        wait_for(lambda: of_service(url).requests > _ENOUGH)
        time.sleep(_LEASE_SECONDS + 0.5)
        ended = of_service(url).requests
        later = answers_only(traffic)
        answered = of_service(url).requests - ended
    failed = sum(traffic.tally.failed.values())
    now = without_canary(place, now, stop=False)
    return now, Part("a dead judge gives the traffic back", later and not failed and not answered,
                     f"{answered} answers of the candidate after its lease, {failed} failed "
                     "requests")


def _healthy(place: Place, now: State, snapshot: Snapshot, ref: ModelRef) -> tuple[State, Part]:
    now, name = started(place, now, ref, fetched(place, snapshot, ref))
    with Traffic(place.url, place.texts) as traffic:
        now, judged = canary.run(place, now, name, PLAN)
    failed = sum(traffic.tally.failed.values())
    return now, Part("a healthy candidate passes", judged.verdict == "PASS" and not failed,
                     f"{judged.verdict} after {judged.seconds:.1f} s, {failed} failed requests: "
                     f"{judged.why}")


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so; raise CheckFailed if it is not in time."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise CheckFailed(f"the drill got no answers within {seconds:g} s")
        time.sleep(0.05)
