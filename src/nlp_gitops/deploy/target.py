"""Where versions run and how traffic reaches them: nginx and processes here, or a team's hook."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project
from nlp_gitops.deploy import nginx, processes
from nlp_gitops.deploy.state import SLOTS, Slot, State, endpoint, near

_HOOK_SECONDS = 900.0


class Target(Protocol):
    """What a rollout needs from the place where versions run."""

    @property
    def url(self) -> str:
        """Return where the judge, and smoke tests, reach what callers reach."""

    def start(self, name: str, ref: ModelRef, fault: str | None) -> Slot:
        """Bring a version up in a slot, without traffic; raise CheckFailed if it does not come."""

    def stop(self, name: str) -> None:
        """End what runs in a slot, if anything does."""

    def route(self, now: State) -> None:
        """Send traffic where the state says; return when that is so."""

    def is_routed(self, now: State) -> bool:
        """Say whether traffic goes where the state says."""

    def halt(self, now: State) -> None:
        """End everything."""


@dataclass(frozen=True)
class Machine:
    """This machine: processes on loopback behind nginx, which listens on `host` and `port`.

    With `records` prompts answer from records, as in a rehearsal, and nobody is asked or paid.
    """

    project: Project
    folder: Path
    registry: str | None
    host: str
    port: int
    records: bool = False

    @property
    def url(self) -> str:
        """Return where this machine reaches nginx."""
        return f"http://{near(self.host, self.port)}"

    def start(self, name: str, ref: ModelRef, fault: str | None) -> Slot:
        """Start a process, and wait until it is ready."""
        return processes.start(self.project.root, self.folder, name, ref, self.registry, fault,
                               self.records)

    def stop(self, name: str) -> None:
        """End a process."""
        processes.stop(self.folder, name)

    def route(self, now: State) -> None:
        """Write nginx's configuration, and reload it."""
        assert now.serving
        canary = now.slots.get(now.canary or "")
        route = nginx.Route(now.environment, now.generation, endpoint(self.host, self.port),
                            now.slots[now.serving].port, canary.port if canary else None,
                            now.weight, canary.port if canary and now.mirrored else None)
        template = (self.project.root / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        limits = self.project.service
        text = nginx.configuration(template, route, limits.max_body_bytes, limits.seconds)
        self._nginx().apply(text, route)

    def is_routed(self, now: State) -> bool:
        """Say whether nginx runs with the state's configuration."""
        return self._nginx().generation(now.environment) == now.generation

    def halt(self, now: State) -> None:
        """End nginx and both processes."""
        self._nginx().stop(now.environment)
        for name in SLOTS:
            processes.stop(self.folder, name)

    def _nginx(self) -> nginx.Nginx:
        return nginx.Nginx(self.folder / "nginx", self.url)


@dataclass(frozen=True)
class Hook:
    """A team's own program for another target; `deploy/hooks/README.md` says what it must do."""

    program: Path

    @property
    def url(self) -> str:
        """Return what the hook says of the address that callers use."""
        return self._run("url")

    def start(self, name: str, ref: ModelRef, fault: str | None) -> Slot:
        """Start a version, and wait until it is ready."""
        if fault:
            raise UsageError("--fault is planted on this machine only; leave out --hook")
        self._run("start", name, str(ref))
        slot = Slot(str(ref), 0, self._run("url", name))
        ends = time.monotonic() + processes.START_SECONDS
        while not processes.is_ready(slot):
            if time.monotonic() > ends:
                raise CheckFailed(f"{ref} is not ready on {slot.url} after "
                                  f"{processes.START_SECONDS:g} s")
            time.sleep(0.5)
        return slot

    def stop(self, name: str) -> None:
        """End what runs in a slot."""
        self._run("stop", name)

    def route(self, now: State) -> None:
        """Set the share of one slot; the other one has the rest."""
        assert now.serving
        if now.mirrored:
            raise UsageError("a shadow needs nginx on this machine; a hook has weights only")
        if now.canary and now.weight:
            self._run("weight", now.canary, str(now.weight))
        else:
            self._run("weight", now.serving, "100")

    def is_routed(self, now: State) -> bool:
        """Say yes: weights are set again with every deploy that changes anything."""
        return True

    def halt(self, now: State) -> None:
        """End what runs in both slots."""
        for name in SLOTS:
            self._run("stop", name)

    def _run(self, *words: str) -> str:
        """Return what the hook prints; raise NotMeasured if it fails."""
        what = " ".join((self.program.name, *words))
        try:
            done = subprocess.run([str(self.program), *words], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=_HOOK_SECONDS)
        except OSError as error:
            raise UsageError(f"{self.program}: the hook cannot be run: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise NotMeasured(f"{what}: not done after {_HOOK_SECONDS:g} s") from None
        if done.returncode:
            said = (done.stderr.strip() or "no message").splitlines()[-1]
            raise NotMeasured(f"{what}: exit code {done.returncode}: {said}")
        return done.stdout.strip()


def target_of(project: Project, folder: Path, hook: str | None, registry: str | None, host: str,
              port: int, records: bool = False) -> Target:
    """Return the hook if one is named, else this machine."""
    if hook:
        return Hook(project.root / hook)
    return Machine(project, folder, registry, host, port, records)
