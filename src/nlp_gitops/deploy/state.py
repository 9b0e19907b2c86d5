"""What an environment runs, in one file that is whole after any crash, and a lock for its writer.

    .deploy/production/state.json    this
    .deploy/production/lock          held by the deploy that is at work
    .deploy/production/blue.pid      held by the process itself, for as long as it lives
    .deploy/production/targets.json  where Prometheus finds slots and proxy
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nlp_gitops.core import files
from nlp_gitops.core.errors import Conflict, UsageError
from nlp_gitops.core.names import ModelRef

STATE_SCHEMA = "nlp-gitops/deploy-state/1"
SLOTS = ("blue", "green")
LOOPBACK = "127.0.0.1"
# Whoever listens on every address is reached on these.
_NEAR = {"0.0.0.0": LOOPBACK, "::": "::1"}


@dataclass(frozen=True)
class Slot:
    """One of the two places for a process: the version in it, and its port on loopback.

    What runs elsewhere has an `address` instead.
    """

    version: str
    port: int
    address: str | None = None

    @property
    def ref(self) -> ModelRef:
        """Return the version."""
        return ModelRef.parse(self.version)

    @property
    def url(self) -> str:
        """Return where the process answers."""
        return self.address or f"http://{LOOPBACK}:{self.port}"


@dataclass(frozen=True)
class State:
    """`serving` is the slot with the traffic; `switching` the one it is about to go to.

    `canary` is the slot that gets `weight` per cent, or copies if it is `mirrored`, while its lease
    holds. `blocked` are versions that a canary or a shadow refused, each with the reason: no deploy
    brings them back by itself. `hook` is the program by which all of this runs elsewhere. The proxy
    listens on `host`.
    """

    environment: str
    port: int
    slots: Mapping[str, Slot] = field(default_factory=dict)
    serving: str | None = None
    switching: str | None = None
    canary: str | None = None
    weight: int = 0
    mirrored: bool = False
    generation: int = 0
    blocked: Mapping[str, str] = field(default_factory=dict)
    hook: str | None = None
    host: str = LOOPBACK

    @property
    def trial(self) -> str:
        """Return what the slot `canary` is in."""
        return "shadow" if self.mirrored else "canary"

    def spare(self) -> str:
        """Return the slot without the traffic."""
        return SLOTS[1] if self.serving == SLOTS[0] else SLOTS[0]

    def with_slot(self, name: str, slot: Slot | None) -> "State":
        """Return the state with another, or no, process in a slot."""
        kept = {key: value for key, value in self.slots.items() if key != name}
        return replace(self, slots={**kept, name: slot} if slot else kept)


def endpoint(host: str, port: int) -> str:
    """Return HOST:PORT, with the brackets that an address of IPv6 needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def near(host: str, port: int) -> str:
    """Return HOST:PORT at which this machine reaches what listens there."""
    return endpoint(_NEAR.get(host, host), port)


def load(folder: Path) -> State | None:
    """Return an environment's state; None if it was never deployed to."""
    path = folder / "state.json"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        value = {"schema": str(error)}
    if value.pop("schema", None) != STATE_SCHEMA:
        raise UsageError(f"{path}: not a state of this version ({STATE_SCHEMA}); stop its "
                         "processes and remove the folder")
    slots = {name: Slot(**slot) for name, slot in value.pop("slots").items()}
    return State(**value, slots=slots)


def save(folder: Path, state: State) -> State:
    """Write the state so that it is whole whenever the machine stops; return it."""
    files.write_json(folder / "state.json", {"schema": STATE_SCHEMA, **asdict(state)})
    files.write_json(folder / "targets.json", targets(state))
    return state


def targets(state: State) -> list[dict[str, Any]]:
    """Return what Prometheus scrapes here, in the form of its file_sd_configs.

    A shadow is an environment of its own: its errors reach no caller, so they wake nobody. What a
    hook runs elsewhere is for the monitoring there.
    """
    if state.hook:
        return []
    shadow = state.canary if state.mirrored else None
    parts = [(f"{state.environment}-shadow" if name == shadow else state.environment, "slot",
              endpoint(LOOPBACK, slot.port)) for name, slot in state.slots.items()]
    if state.serving:
        parts.append((state.environment, "proxy", near(state.host, state.port)))
    return [{"targets": [address], "labels": {"environment": environment, "__part__": part}}
            for environment, part, address in parts]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the environment's lock; raise Conflict if another deploy does. A dead one holds none."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise Conflict(f"{folder}: another deploy (process {stream.read().strip() or '?'}) is "
                           "at work; wait for it, or stop it with --abort") from None
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield


def pid_of(pid_file: Path) -> int | None:
    """Return the process that holds a pid file, or None: a number alone may be somebody else's."""
    try:
        with open(pid_file, "r+", encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _written(stream.read())
            return None
    except FileNotFoundError:
        return None


def _written(text: str) -> int | None:
    try:
        return int(json.loads(text)["pid"])
    except (ValueError, KeyError, TypeError):
        return None
