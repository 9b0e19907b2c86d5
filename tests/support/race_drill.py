"""Several processes write one registry at once; what each was told is compared with the ledger.

Each has a clone of its own, and writes down every acknowledged event before it goes on.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tiny_registry as tiny

from nlp_gitops.core.errors import CheckFailed, Conflict
from nlp_gitops.core.names import Version
from nlp_gitops.registry import operations, views
from nlp_gitops.registry.verify import verify

STAGES = ("staging", "shadow", "production", "production", "archived")


@dataclass(frozen=True)
class Drill:
    """What happened: (seq, id) of every acknowledged event, waits in seconds, refused calls."""

    registry: operations.Registry
    acknowledged: list[tuple[int, str]]
    waits: list[float]
    refused: Counter

    def line(self):
        """Return the figures for people."""
        waits = sorted(self.waits)
        refused = ", ".join(f"{number} {kind}" for kind, number in self.refused.items())
        return (f"{len(self.acknowledged)} events in {len(waits)} calls; wait: median "
                f"{waits[len(waits) // 2]:.2f} s, worst {waits[-1]:.2f} s; "
                f"refused: {refused or 'none'}")


def drill(folder, url, processes, events):
    """Let processes write until each had its share of the events acknowledged."""
    registry = tiny.connected(tiny.cloned(folder / "judge", url), folder / "artifacts")
    for number in range(2):
        tiny.register(registry, folder / "first-models", f"weights {number}")
    began = registry.states()["m"].seq
    workers = [subprocess.Popen([sys.executable, __file__, str(folder), url, str(number),
                                 str(events // processes)], stderr=subprocess.PIPE, text=True)
               for number in range(processes)]
    for worker in workers:
        _, errors = worker.communicate()
        assert worker.returncode == 0, errors
    records = [json.loads(line) for path in sorted(folder.glob("told-*"))
               for line in path.read_text().splitlines()]
    told = [(seq, name) for record in records for seq, name in record.get("events", [])]
    waits = [record["wait"] for record in records if "wait" in record]
    assert began == 4
    return Drill(registry, told, waits, Counter(record["refused"] for record in records
                                                if "refused" in record))


def check(result):
    """Assert that the ledger holds exactly what was acknowledged, once, and adds up."""
    snapshot = result.registry.snapshot()
    events = [item.event for item in views.history(snapshot, None, None)][::-1]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert sorted(result.acknowledged) == [(event.seq, event.id) for event in events[4:]]
    champion = None
    for event, after in zip(events, [*events[1:], None], strict=True):
        if event.stage != "production":
            continue
        assert event.replaces == champion
        if champion:
            assert (after.stage, after.version) == ("archived", champion)
        champion = event.version
    assert verify(result.registry.ledger.repo, result.registry, "origin") == []


@contextmanager
def daemon(folder):
    """Serve the folder's repositories over git's own protocol, writable; yield the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["git", "daemon", "--export-all", "--enable=receive-pack", "--listen=127.0.0.1",
         f"--port={port}", f"--base-path={folder}", str(folder)],
        start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"git://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise TimeoutError("git daemon does not answer")


def work(folder, url, number, share):
    """Write until `share` events were acknowledged."""
    clone = tiny.cloned(folder / f"clone-{number}", url, f"worker-{number}")
    registry = tiny.connected(clone, folder / "artifacts")
    draw, done = random.Random(number), 0
    with open(folder / f"told-{number}", "w") as told:
        while done < share:
            began = time.monotonic()
            try:
                outcome = _operation(registry, folder / f"models-{number}", draw)
            except (CheckFailed, Conflict) as error:
                record = {"refused": type(error).__name__}
            else:
                done += len(outcome.events)
                told_events = [(event.seq, event.id) for event in outcome.events]
                record = {"events": told_events, "wait": time.monotonic() - began}
            told.write(json.dumps(record) + "\n")
            told.flush()
            os.fsync(told.fileno())


def _operation(registry, models, draw):
    kind = draw.random()
    if kind < 0.2:
        return tiny.register(registry, models, f"weights {draw.random()}")
    if kind < 0.35:
        return operations.rollback(registry, "m", "drill")
    state = registry.states()["m"]
    version = draw.choice(sorted(state.versions[:8], key=lambda item: Version.parse(item.version)))
    lifted = {"unrevoke": True, "reason": "drill"} if draw.random() < 0.3 else {}
    return tiny.promote(registry, f"m@{version.version}", draw.choice(STAGES), **lifted)


if __name__ == "__main__":
    work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
