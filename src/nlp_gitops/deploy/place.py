"""One environment: its folder, its target, and the version that should be in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import CheckFailed, NotMeasured
from nlp_gitops.core.names import ABSTAIN, ModelRef
from nlp_gitops.core.project import Project
from nlp_gitops.deploy import processes, state
from nlp_gitops.deploy.state import Slot, State
from nlp_gitops.deploy.target import Target
from nlp_gitops.registry.pull import cached
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import connect
from nlp_gitops.serving import lease

PORTS = {"staging": 8081, "production": 8080}
_SMOKE_SECONDS, _SMOKE_TEXTS = 30.0, 20


@dataclass(frozen=True)
class Place:
    """Where a deploy works. A new environment begins with the state `begun`, which knows no slot.

    `say` takes one line about each step; `texts` are real requests.

    `fault` is planted into the candidate, in rehearsals only.
    """

    project: Project
    begun: State
    folder: Path
    target: Target
    registry: str | None
    say: Callable[[str], None]
    texts: Sequence[str] = ()
    fault: str | None = None

    @property
    def environment(self) -> str:
        """Return staging or production."""
        return self.begun.environment

    @property
    def url(self) -> str:
        """Return where callers reach this environment from this machine."""
        return self.target.url

    @property
    def log(self) -> Path:
        """Return the folder of both processes' prediction log."""
        return self.folder / "predictions"

    def lease_of(self, name: str) -> Path:
        """Return the file that lets the process in a slot answer."""
        return self.folder / f"{name}.lease"


def folder_of(project: Project, environment: str) -> Path:
    """Return the folder of an environment's state."""
    return project.root / ".deploy" / environment


def fetched(place: Place, snapshot: Snapshot, ref: ModelRef) -> dict[str, Any]:
    """Return a version's manifest once its verified files are in the cache."""
    store = connect(place.project, place.registry).store
    cached(store, snapshot, ref, place.project.root / ".cache" / "models")
    return snapshot.manifest(ref)


def routed(place: Place, now: State) -> State:
    """Send traffic where the state says, and keep the state."""
    now = state.save(place.folder, replace(now, generation=now.generation + 1))
    place.target.route(now)
    return now


def is_well(place: Place, now: State) -> bool:
    """Say whether the serving process answers, and traffic goes where the state says."""
    return (now.serving is not None and processes.is_ready(now.slots[now.serving])
            and place.target.is_routed(now))


def started(place: Place, now: State, ref: ModelRef, manifest: dict[str, Any],
            fault: str | None = None) -> tuple[State, str]:
    """Return the state with the version warm and tested in the slot without traffic, and its name.

    Raises CheckFailed if it does not start or fails its smoke test; then it is stopped.
    """
    name = now.spare()
    slot = now.slots.get(name)
    if not (slot and slot.version == str(ref) and processes.is_ready(slot) and not fault):
        now = state.save(place.folder, now.with_slot(name, None))
        lease.withdraw(place.lease_of(name))
        place.say(f"start {ref} in slot {name}")
        slot = place.target.start(name, ref, fault)
        now = state.save(place.folder, now.with_slot(name, slot))
    lease.grant(place.lease_of(name), _SMOKE_SECONDS)
    try:
        smoke(slot, manifest, _request(place))
    except CheckFailed:
        place.target.stop(name)
        state.save(place.folder, now.with_slot(name, None))
        raise
    place.say(f"smoke test of {ref}: it answers as it should")
    return now, name


def _request(place: Place) -> list[str]:
    """Return the first texts, as many as the service takes in one request."""
    limits = place.project.service
    found: list[str] = []
    for text in place.texts[:min(_SMOKE_TEXTS, limits.max_batch)]:
        if len(processes.body({"texts": [*found, text]})) > limits.max_body_bytes:
            break
        found.append(text)
    return found


def smoke(slot: Slot, manifest: dict[str, Any], texts: Sequence[str]) -> None:
    """Ask a process what it is, and for labels, one by one and all at once.

    Raises CheckFailed if anything is wrong.
    """
    try:
        found = processes.get(f"{slot.url}/version")
        if found["archive_sha256"] != manifest["artifacts"][0]["sha256"]:
            raise CheckFailed(f"{slot.version}: the process holds another archive")
        answers = [processes.post(f"{slot.url}/predict", {"text": text}) for text in texts]
        answers += processes.post(f"{slot.url}/predict", {"texts": list(texts)})["predictions"]
    except NotMeasured as error:
        raise CheckFailed(f"smoke test of {slot.version}: {error}") from None
    given = {answer["label"] for answer in answers}
    if given == {ABSTAIN}:
        raise CheckFailed(f"smoke test of {slot.version}: the prompt got no answer to any text; "
                          "is its provider there, or in a rehearsal the records?")
    strange = given - {*manifest["labels"], ABSTAIN}
    if strange:
        raise CheckFailed(f"smoke test of {slot.version}: labels that the manifest does not name: "
                          + ", ".join(sorted(strange)))


def switched(place: Place, now: State, name: str) -> State:
    """Give all traffic to a slot. A crash in the middle is finished by `recovered`."""
    lease.grant(place.lease_of(name), None)
    now = state.save(place.folder, replace(now, switching=name))
    now = routed(place, replace(now, serving=name, canary=None, weight=0, mirrored=False))
    now = state.save(place.folder, replace(now, switching=None))
    place.say(f"all traffic goes to {now.slots[name].version} (slot {name})")
    return now


def without_canary(place: Place, now: State, stop: bool) -> State:
    """Give all traffic back to the champion, at once; then change the proxy, and stop the canary.
    """
    name = now.canary
    if name is None:
        return now
    # From here on the canary itself sends requests away, before the proxy has heard of it.
    lease.withdraw(place.lease_of(name))
    now = routed(place, replace(now, canary=None, weight=0, mirrored=False))
    if stop:
        place.target.stop(name)
        now = state.save(place.folder, now.with_slot(name, None))
    return now


def recovered(place: Place, now: State) -> State:
    """Finish or undo what a deploy left that died in the middle."""
    if now.canary:
        place.say(f"an earlier deploy ended during its {now.trial}: the champion gets all traffic")
        now = without_canary(place, now, stop=True)
    if now.switching:
        slot = now.slots.get(now.switching)
        place.say("an earlier deploy ended while it switched")
        if slot and processes.is_ready(slot):
            return switched(place, now, now.switching)
        now = state.save(place.folder, replace(now, switching=None))
    return now


def deployed(place: Place, now: State, snapshot: Snapshot, ref: ModelRef) -> State:
    """Blue/green: bring a version up beside the present one, test it, and switch.

    Where the environment holds the version already, nothing is changed. If the version fails
    behind the proxy, the traffic goes back.
    """
    serving = now.slots.get(now.serving or "")
    if serving and serving.version == str(ref) and is_well(place, now):
        place.say(f"{ref} has all traffic of {place.environment} already; nothing to do")
        return _warm_again(place, now, snapshot)
    manifest = fetched(place, snapshot, ref)
    before = now.serving
    now, name = started(place, now, ref, manifest, place.fault)
    now = switched(place, now, name)
    try:
        smoke(Slot(str(ref), 0, place.url), manifest, _request(place))
    except CheckFailed:
        if before and processes.is_ready(now.slots[before]):
            switched(place, now, before)
        raise
    return now


def _warm_again(place: Place, now: State, snapshot: Snapshot) -> State:
    """Start the version in the slot without traffic where its process died; let go what fails."""
    spare = now.slots.get(now.spare())
    if spare is None or processes.is_ready(spare):
        return now
    try:
        return started(place, now, spare.ref, fetched(place, snapshot, spare.ref))[0]
    except CheckFailed as failure:
        place.say(f"{spare.version} is not warm any more: {failure}")
        return state.load(place.folder) or now


def stopped(place: Place, now: State) -> None:
    """End all that runs; what is blocked stays on record."""
    place.target.halt(now)
    for name in state.SLOTS:
        lease.withdraw(place.lease_of(name))
    state.save(place.folder, replace(now, slots={}, serving=None, switching=None, canary=None,
                                     weight=0, mirrored=False))
