"""Looking after an environment that runs: abort a canary, stop, and how it is."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import Conflict, NotMeasured
from nlp_gitops.core.project import Project
from nlp_gitops.deploy import canary, processes, state
from nlp_gitops.deploy.place import Place, folder_of, is_well, stopped, without_canary
from nlp_gitops.deploy.state import State
from nlp_gitops.deploy.target import target_of
from nlp_gitops.serving import lease

_ABORT_PATIENCE = 60.0


def abort(project: Project, environment: str, reason: str, say: Callable[[str], None]) -> None:
    """Give all traffic to the champion now, also against a deploy that is at work."""
    folder = folder_of(project, environment)
    now = state.load(folder)
    if now is None:
        say(f"nothing was ever deployed to {environment}; nothing to abort")
        return
    canary.ask_to_stop(folder, reason)
    if now.canary:
        lease.withdraw(folder / f"{now.canary}.lease")
    with _after_the_other(folder):
        place = _place(project, folder, now, say)
        now = without_canary(place, state.load(folder) or now, stop=True)
        canary.forget_the_ask(folder)
        slot = now.slots.get(now.serving or "")
    say(f"{slot.version if slot else 'no version'} has all traffic of {environment}")


def _place(project: Project, folder: Path, now: State, say: Callable[[str], None]) -> Place:
    target = target_of(project, folder, now.hook, None, now.host, now.port)
    return Place(project, now, folder, target, None, say)


@contextmanager
def _after_the_other(folder: Path) -> Iterator[None]:
    """Wait for the deploy that was asked to end, then hold the lock."""
    ends = time.monotonic() + _ABORT_PATIENCE
    while True:
        try:
            with state.locked(folder):
                yield
                return
        except Conflict:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)


def stop(project: Project, environment: str, say: Callable[[str], None]) -> None:
    """End every process of an environment."""
    folder = folder_of(project, environment)
    now = state.load(folder)
    if now is None:
        say(f"nothing was ever deployed to {environment}; nothing to stop")
        return
    with state.locked(folder):
        stopped(_place(project, folder, now, say), now)
    say(f"{environment} is stopped")


def status(project: Project, environment: str) -> dict[str, Any]:
    """Return what an environment runs, and whether it is well; raise NotMeasured without one."""
    folder = folder_of(project, environment)
    now = state.load(folder)
    if now is None:
        raise NotMeasured(f"nothing was ever deployed to {environment}")
    place = _place(project, folder, now, print)
    slot = now.slots.get(now.serving or "")
    return {"environment": environment, "url": place.url, "well": is_well(place, now),
            "serving": slot.version if slot else None, "canary": now.canary,
            "weight": now.weight, "mirrored": now.mirrored,
            "slots": {name: {**vars(item), "ready": processes.is_ready(item)}
                      for name, item in sorted(now.slots.items())},
            "blocked": dict(now.blocked)}
