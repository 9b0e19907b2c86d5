"""What `tools/deploy.py` does, from options to a report."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import CheckFailed, Conflict, UsageError, UserError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.data.rows import read_split
from nlp_gitops.deploy import canary, processes, report, shadow, state
from nlp_gitops.deploy.drill import Traffic, drill
from nlp_gitops.deploy.nginx import check_address, check_installed
from nlp_gitops.deploy.place import (PORTS, Place, deployed, fetched, folder_of, recovered, started,
                                     stopped)
from nlp_gitops.deploy.state import LOOPBACK, State
from nlp_gitops.deploy.target import Machine, target_of
from nlp_gitops.registry import champion, policy
from nlp_gitops.registry.operations import resolve
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import connect
from nlp_gitops.serving import lease

REHEARSAL_SECONDS = 5.0
_INTERRUPTED = {True: "interrupted; the champion has the traffic",
                False: "interrupted; the next deploy finishes or undoes what was begun"}


@dataclass(frozen=True)
class Order:
    """What to deploy where. One of `stage` and `candidate` is given; `plan` is for the latter.

    With `records`, as in every rehearsal, prompts answer from records.
    """

    environment: str
    stage: str | None = None
    candidate: str | None = None
    registry: str | None = None
    model: str | None = None
    rehearsal: bool = False
    host: str | None = None
    port: int | None = None
    fault: str | None = None
    unblock: bool = False
    hook: str | None = None
    plan: canary.Plan = canary.Plan()
    records: bool = False

    @property
    def strategy(self) -> str:
        """Return blue-green, canary or shadow."""
        if not self.candidate:
            return "blue-green"
        return "shadow" if self.plan.mirrored else "canary"


@dataclass
class Story:
    """The steps of a deploy, printed as they happen, and what is known of its end."""

    print: Callable[[str], None]
    rehearsal: bool = False
    steps: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def say(self, line: str) -> None:
        """Tell a step."""
        self.steps.append(line)
        self.print(f"rehearsal: {line}" if self.rehearsal else line)


def carry_out(project: Project, order: Order, story: Story) -> dict[str, Any]:
    """Do what is ordered; return the report, which also tells of what failed.

    Raises Conflict if another deploy is at work, before anything is touched, and UsageError.
    """
    if not order.hook:
        check_installed()
    began = time.monotonic()
    with _place(project, order, story) as place:
        try:
            verdict, why = _candidate(place, order, story) if order.candidate else (
                _stage(place, order, story))
        except CheckFailed as failure:
            verdict, why = "FAIL", str(failure)
        except KeyboardInterrupt:
            verdict, why = "INCONCLUSIVE", _INTERRUPTED[bool(order.candidate)]
        except UsageError:
            raise
        except UserError as failure:
            verdict = "INCONCLUSIVE" if isinstance(failure, Conflict) else "NOT_MEASURED"
            why = str(failure)
        now = state.load(place.folder)
        serving = now.slots.get(now.serving or "") if now else None
        story.facts["serving"] = serving.version if serving and not order.rehearsal else None
    return {
        "schema": report.DEPLOY_SCHEMA, "environment": order.environment,
        "rehearsal": order.rehearsal, "deployed": verdict == "PASS" and not order.rehearsal
        and story.facts.get("changed_traffic", False),
        "strategy": order.strategy, "verdict": verdict, "why": why,
        "candidate": story.facts.get("candidate"), "champion": story.facts.get("champion"),
        "serving": story.facts["serving"], "url": None if order.rehearsal else place.url,
        "ended": report.now(), "seconds": round(time.monotonic() - began, 1),
        "canary": story.facts.get("canary"), "shadow": story.facts.get("shadow"),
        "traffic": story.facts.get("traffic"),
        "steps": story.steps}


@contextmanager
def _place(project: Project, order: Order, story: Story) -> Iterator[Place]:
    """Hold the environment while it is worked on; a rehearsal's vanishes afterwards."""
    requests = texts(project)
    if not order.rehearsal:
        folder = folder_of(project, order.environment)
        begun = _begun(order, state.load(folder))
        with state.locked(folder):
            canary.forget_the_ask(folder)
            target = target_of(project, folder, order.hook, order.registry, begun.host, begun.port,
                               order.records)
            yield Place(project, begun, folder, target, order.registry, story.say, requests,
                        order.fault)
        return
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as name:
        Path(name).chmod(0o755)
        port = processes.free_port()
        target = Machine(project, Path(name), order.registry, LOOPBACK, port, records=True)
        place = Place(project, State(order.environment, port), Path(name), target, order.registry,
                      story.say, requests, order.fault)
        try:
            with state.locked(place.folder):
                yield place
        finally:
            stopped(place, state.load(place.folder) or place.begun)


def _begun(order: Order, known: State | None) -> State:
    """Return the environment without slots, where the order wants it or, without that, as it is.

    Raises UsageError where it would move while it runs, or to an address that is not here.
    """
    port = order.port or (known.port if known else PORTS[order.environment])
    host = order.host or (known.host if known else LOOPBACK)
    found = State(order.environment, port, hook=order.hook, host=host)
    if known and known.slots and (known.hook, known.host, known.port) != (order.hook, host, port):
        raise UsageError(f"{order.environment} runs " + (
            f"by --hook {known.hook}" if known.hook else
            f"on {state.endpoint(known.host, known.port)}, without a hook")
            + "; --stop it before it moves")
    if not order.hook:
        check_address(host)
    return found


def texts(project: Project) -> list[str]:
    """Return the test split's texts that the service takes: real requests, as callers send them.

    Raises UsageError if they are all too long for it.
    """
    most = project.service.max_text_characters
    found = [str(row["text"]) for row in read_split(load_manifest(project.dataset), "test")]
    taken = [text for text in found if len(text) <= most]
    if found and not taken:
        raise UsageError("every text of the test split is longer than service.max_text_characters "
                         f"in project.yaml ({most}), so none can be sent; raise it")
    return taken


def _state(place: Place) -> State:
    known = state.load(place.folder)
    if known is None:
        return place.begun
    return recovered(place, replace(known, port=place.begun.port, hook=place.begun.hook,
                                    host=place.begun.host))


def _stage(place: Place, order: Order, story: Story) -> tuple[str, str]:
    snapshot = connect(place.project, place.registry).snapshot()
    name = place.project.model(order.model).name
    ref = resolve(snapshot, f"{name}@{order.stage}", name)
    story.facts["candidate"] = str(ref)
    now = _allowed(place, _state(place), ref, order)
    before = now.serving
    now = deployed(place, now, snapshot, ref)
    story.facts["changed_traffic"] = now.serving != before
    if order.rehearsal:
        with Traffic(place.url, place.texts) as traffic:
            time.sleep(REHEARSAL_SECONDS)
        return _rehearsed(story, traffic, ref)
    return "PASS", f"{ref} has all traffic of {order.environment}"


def _rehearsed(story: Story, traffic: Traffic, ref: ModelRef) -> tuple[str, str]:
    tally = story.facts["traffic"] = traffic.tally.record()
    if tally["failed"] or not tally["answered"]:
        return "FAIL", f"{ref}: {tally['failed']} requests of {tally['answered']} failed"
    return "PASS", f"{ref} started, and answered {tally['answered']} requests"


def _allowed(place: Place, now: State, ref: ModelRef, order: Order) -> State:
    """Return the state if the version may be deployed; raise Conflict if a canary refused it."""
    reason = now.blocked.get(str(ref))
    if reason is None:
        return now
    if not order.unblock:
        raise Conflict(f"{ref} is blocked: {reason}; if that is fixed, deploy it with --unblock")
    kept = {key: value for key, value in now.blocked.items() if key != str(ref)}
    return state.save(place.folder, replace(now, blocked=kept))


def _candidate(place: Place, order: Order, story: Story) -> tuple[str, str]:
    snapshot = connect(place.project, place.registry).snapshot()
    ref = resolve(snapshot, str(order.candidate), place.project.model(order.model).name)
    holder = champion.in_production(snapshot, ref.name)
    story.facts.update(candidate=str(ref), champion=str(holder) if holder else None)
    if holder == ref:
        return "PASS", f"{ref} is in production already; nothing to compare"
    if not order.rehearsal:
        policy.check_frozen("production", place.project.registry)
    now = _allowed(place, _state(place), ref, order)
    manifest = fetched(place, snapshot, ref)
    if holder is None:
        return _alone(place, now, ref, manifest)
    now = deployed(replace(place, fault=None), now, snapshot, holder)
    return _compared(place, now, holder, ref, manifest, order, story)


def _alone(place: Place, now: State, ref: ModelRef, manifest: dict[str, Any]) -> tuple[str, str]:
    now, name = started(place, now, ref, manifest, place.fault)
    lease.withdraw(place.lease_of(name))
    return "PASS", (f"no version of {ref.name} is in production, so there is nothing to compare "
                    f"with; {ref} passed its smoke test")


def _compared(place: Place, now: State, holder: ModelRef, ref: ModelRef, manifest: dict[str, Any],
              order: Order, story: Story) -> tuple[str, str]:
    offline = shadow.expected(place, holder, ref) if order.plan.mirrored else None
    try:
        now, name = started(place, now, ref, manifest, place.fault)
    except CheckFailed as failure:
        _block(place, str(ref), str(failure))
        raise
    assert now.serving
    pairs = offline and shadow.Pairs(place.log, now.serving, name, offline)
    with _traffic(place, order, story):
        now, judged = canary.run(place, now, name, order.plan,
                                 pairs.judged if pairs else canary.as_it_is)
    story.facts["canary"] = report.judged_record(judged)
    story.facts["shadow"] = pairs.record() if pairs else None
    if judged.verdict == "FAIL":
        _block(place, str(ref), judged.why)
    return judged.verdict, judged.why


@contextmanager
def _traffic(place: Place, order: Order, story: Story) -> Iterator[None]:
    """Send the test split's texts in a rehearsal; elsewhere the callers do."""
    if not order.rehearsal:
        yield
        return
    with Traffic(place.url, place.texts) as traffic:
        yield
    story.facts["traffic"] = traffic.tally.record()


def _block(place: Place, version: str, why: str) -> None:
    now = state.load(place.folder)
    assert now
    state.save(place.folder, replace(now, blocked={**now.blocked, version: why}))


def rehearse_rollback(project: Project, version: str | None, registry: str | None,
                      say: Callable[[str], None]) -> dict[str, Any]:
    """Run the rollback drill with a registered version; return what was tried and seen."""
    check_installed()
    began = time.monotonic()
    snapshot = connect(project, registry).snapshot()
    ref = drilled(snapshot, version, project.model().name)
    order = Order("production", registry=registry, rehearsal=True)
    with _place(project, order, Story(say, rehearsal=True)) as place:
        parts = drill(place, snapshot, ref)
    return {"schema": report.DRILL_SCHEMA, "rehearsal": True, "version": str(ref),
            "verdict": "PASS" if all(part.is_right for part in parts) else "FAIL",
            "seconds": round(time.monotonic() - began, 1), "parts": [vars(part) for part in parts]}


def drilled(snapshot: Snapshot, version: str | None, default: str) -> ModelRef:
    """Return the version to drill with: the named one, else production's, else staging's."""
    if version:
        return resolve(snapshot, version, default)
    return champion.in_production(snapshot, default) or resolve(
        snapshot, f"{default}@staging", default)
