"""Register, promote, roll back: read the ledger, decide, push; again if others were first."""

import json
import os
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mlops import git
from mlops.errors import CheckFailed, Conflict, UsageError
from mlops.files import sha256_text
from mlops.names import ModelRef, Version, check_model_name
from mlops.packaging import Package
from mlops.project import RegistrySettings
from mlops.registry import policy
from mlops.registry.events import STAGES, Event, State, VersionState, apply, state_from_json
from mlops.registry.ledger import Entry, Ledger, Rejected, root_files, write_root
from mlops.registry.store import FolderStore

DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Registry:
    """A ledger, the store of its archives, and the rules of this repository."""

    ledger: Ledger
    store: FolderStore
    settings: RegistrySettings

    def states(self) -> dict[str, State]:
        """Return the state of every model, read from one consistent snapshot."""
        commit = self.ledger.fetch()
        return {} if commit is None else read_states(self.ledger, commit)


@dataclass(frozen=True)
class Outcome:
    """What an operation did: its events in order; none if there was nothing to do."""

    version: str
    events: tuple[Event, ...]


@dataclass(frozen=True)
class _Step:
    """A decided event without number and time, and the files beside the state."""

    action: str
    version: str
    stage: str | None = None
    previous_stage: str | None = None
    replaces: str | None = None
    manifest_sha256: str | None = None
    evidence: Mapping[str, Any] | None = None
    reason: str | None = None
    registered: VersionState | None = None
    files: Mapping[str, bytes] | None = None
    evidence_file: bytes | None = None


Decision = Callable[[State], list[_Step]]


def register(registry: Registry, package: Package, stage: str, version: str | None = None,
             reason: str | None = None) -> Outcome:
    """Register a packed model and put it in a stage. The same archive again changes nothing."""
    if stage != "staging":
        raise UsageError("a new version starts in staging; promote it from there")
    manifest = package.manifest
    for name, sha256 in package.digests.items():
        registry.store.put(package.folder / name, sha256)

    def decide(state: State) -> list[_Step]:
        known = next((item for item in state.versions
                      if item.archive_sha256 == package.archive_sha256), None)
        if known:
            return []
        prompt = manifest["prompt_version"]
        number = Version.parse(version) if version else policy.next_version(
            state, manifest["task"], tuple(manifest["labels"]), manifest["dataset_version"], prompt)
        if state.find(number.tag):
            raise Conflict(f"{state.name}@{number.tag} is registered already, with another "
                           "archive; leave --version out for the next number")
        text = json.dumps({**manifest, "version": number.tag}, indent=2, sort_keys=True,
                          ensure_ascii=False) + "\n"
        digest = sha256_text(text)
        entry = VersionState(
            version=number.tag, seq=state.seq + 1, archive_sha256=package.archive_sha256,
            manifest_sha256=digest, task=manifest["task"], labels=tuple(manifest["labels"]),
            dataset_version=manifest["dataset_version"], prompt_version=prompt, registered=_now())
        files = {"manifest.json": text.encode(),
                 **{name: (package.folder / name).read_bytes()
                    for name in ("metrics.json", "MODEL_CARD.md", "SHA256SUMS")}}
        return [
            _Step("register", number.tag, manifest_sha256=digest, registered=entry, files=files),
            _Step("promote", number.tag, stage=stage, manifest_sha256=digest, reason=reason,
                  replaces=state.stages.get(stage), evidence_file=package.report),
        ]

    events = _transact(registry, manifest["name"], decide)
    if events:
        return Outcome(events[0].version, events)
    archive = package.archive_sha256
    state = registry.states()[manifest["name"]]
    return Outcome(next(v.version for v in state.versions if v.archive_sha256 == archive), ())


def promote(registry: Registry, ref: ModelRef, stage: str, expected: str | None = None,
            reason: str | None = None) -> Outcome:
    """Move a version to a stage. Production's replaced version is archived in the same push."""

    def decide(state: State) -> list[_Step]:
        version = _known(state, ref)
        if state.stages.get(stage) == version.version:
            return []
        policy.check_current(state, stage, expected)
        left = policy.check_promotion(state, version, stage, registry.settings)
        replaced = state.stages.get(stage)
        evidence = None
        if stage != "archived":
            evidence = _evidence(registry, state, version)
            registry.store.verify(version.archive_sha256)
        steps = [_Step("promote" if stage != "archived" else "archive", version.version,
                       stage=stage, previous_stage=left, replaces=replaced, reason=reason,
                       manifest_sha256=version.manifest_sha256, evidence_file=evidence)]
        if stage == "production" and replaced:
            steps.append(_Step("archive", replaced, stage="archived", previous_stage="production",
                               reason=f"replaced by {version.version}"))
        return steps

    return Outcome(ref.version.tag, _transact(registry, ref.name, decide))


def rollback(registry: Registry, name: str, reason: str, to: str | None = None) -> Outcome:
    """Put production back to the last good version and revoke the present one."""
    if not reason.strip():
        raise UsageError("a rollback needs its reason: --reason 'what went wrong'")

    def decide(state: State) -> list[_Step]:
        target = policy.rollback_target(state, to)
        registry.store.verify(target.archive_sha256)
        bad = state.stages["production"]
        return [
            _Step("rollback", target.version, stage="production", replaces=bad, reason=reason,
                  previous_stage=state.stage_of(target.version),
                  manifest_sha256=target.manifest_sha256),
            _Step("revoke", bad, stage="archived", previous_stage="production", reason=reason),
        ]

    events = _transact(registry, name, decide)
    return Outcome(events[0].version, events)


def resolve(registry: Registry, text: str, default: str) -> ModelRef:
    """Return the version that `NAME@vX.Y.Z` or `NAME@STAGE` names; no NAME means `default`."""
    name, _, rest = text.partition("@")
    if rest.lower() not in STAGES:
        return ModelRef.parse(text if name else default + text)
    state = registry.states().get(check_model_name(name or default))
    version = state.stages.get(rest.lower()) if state else None
    if version is None:
        raise UsageError(f"no version of {name or default} is in {rest.lower()}; "
                         "see: python tools/registry.py show")
    return ModelRef(name or default, Version.parse(version))


def read_states(ledger: Ledger, commit: str) -> dict[str, State]:
    """Return the state of every model at a commit of the ledger."""
    states = {}
    for name in ledger.names(commit, "models"):
        blob = ledger.read(commit, f"models/{name}/state.json")
        if blob is None:
            raise CheckFailed(f"ledger: models/{name}/state.json is missing")
        states[name] = state_from_json(blob.decode())
    return states


def _transact(registry: Registry, name: str, decide: Decision) -> tuple[Event, ...]:
    """Decide on a snapshot and push; if others were first, decide again on the new snapshot."""
    ledger = registry.ledger
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause = 0.4
    while True:
        base = ledger.fetch()
        states = {} if base is None else read_states(ledger, base)
        state = states.get(name, State(name))
        steps = decide(state)
        if not steps:
            return ()
        now = max(int(time.time()), state.tagger_time + 1)
        parent = base or write_root(ledger.repo, root_files(), now)
        try:
            return _write(registry, parent, states, state, steps, now)
        except Rejected as refusal:
            if time.monotonic() > deadline:
                raise Conflict(f"{ledger.remote}: others kept writing for "
                               f"{DEADLINE_SECONDS:.0f} s; try again ({refusal})") from None
        # The longer somebody has waited, the sooner the next try: nobody starves.
        time.sleep(random.uniform(0, pause))
        pause = max(0.05, pause * 0.8)


def _write(registry: Registry, parent: str, states: Mapping[str, State], state: State,
           steps: list[_Step], now: int) -> tuple[Event, ...]:
    ledger = registry.ledger
    entries = []
    for number, step in enumerate(steps):
        event = _event(state, step)
        state = replace(apply(state, event, step.registered), tagger_time=now + number)
        if number and steps[0].registered:
            state = _with_commit(state, steps[0].version)
        entries.append(Entry(event, _files(event, step, state, states)))
    made = ledger.commit(parent, entries, now)
    tags = {}
    for number, (commit, event) in enumerate(made):
        target = commit if event.action == "register" else _register_commit(state, event, made)
        tags[event.tag] = ledger.tag(target, event, now + number)
    ledger.push(made[-1][0], tags)
    return tuple(event for _, event in made)


def _event(state: State, step: _Step) -> Event:
    evidence = None
    if step.evidence_file is not None:
        report = json.loads(step.evidence_file)
        evidence = {"file": "report.json", "sha256": sha256_text(step.evidence_file.decode()),
                    "verdict": report["verdict"]}
    return Event(model=state.name, seq=state.seq + 1, action=step.action, version=step.version,
                 stage=step.stage, actor=actor(), at=_now(), id=uuid.uuid4().hex,
                 previous_stage=step.previous_stage, replaces=step.replaces,
                 manifest_sha256=step.manifest_sha256, evidence=evidence, reason=step.reason,
                 run_url=run_url())


def _files(event: Event, step: _Step, state: State,
           states: Mapping[str, State]) -> dict[str, bytes]:
    folder = f"models/{event.model}"
    files = {f"{folder}/state.json": state.to_json().encode(),
             "README.md": readme({**states, event.model: state}).encode()}
    for name, data in (step.files or {}).items():
        files[f"{folder}/{event.version}/{name}"] = data
    if step.evidence_file is not None:
        files[f"{folder}/{event_folder(event.seq)}/report.json"] = step.evidence_file
    return files


def event_folder(seq: int) -> str:
    """Return the sharded folder of an event's evidence: `events/017/17342`."""
    return f"events/{seq // 1000:03d}/{seq}"


def readme(states: Mapping[str, State]) -> str:
    """Return the page that the ledger branch shows: which version is in which stage now."""
    lines = ["# Model registry", "", "| model | production | shadow | staging | events |",
             "|---|---|---|---|---:|"]
    for name, state in sorted(states.items()):
        shown = [state.stages.get(stage, "–")
                 for stage in ("production", "shadow", "staging")]
        lines.append(f"| {name} | {' | '.join(shown)} | {state.seq} |")
    lines += ["", "One commit per event, never edited. More: `python tools/registry.py history`."]
    return "\n".join(lines) + "\n"


def actor() -> str:
    """Return who acts: the GitHub actor inside a workflow, else git's identity."""
    return os.environ.get("GITHUB_ACTOR") or git.identity(Path.cwd())[0]


def run_url() -> str | None:
    """Return the address of the workflow run, if this is one."""
    parts = [os.environ.get(key) for key in
             ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}" if all(parts) else None


def _known(state: State, ref: ModelRef) -> VersionState:
    found = state.find(ref.version.tag)
    if found is None:
        known = ", ".join(item.version for item in state.versions[:5]) or "none"
        raise UsageError(f"{ref} is not registered; known versions: {known}")
    return found


def _evidence(registry: Registry, state: State, version: VersionState) -> bytes:
    """Return the gate report that the version was registered with, if it passed and is its own."""
    commit = registry.ledger.fetch()
    assert commit is not None
    path = f"models/{state.name}/{event_folder(version.seq + 1)}/report.json"
    blob = registry.ledger.read(commit, path)
    ref = f"{state.name}@{version.version}"
    if blob is None:
        raise CheckFailed(f"{ref} has no gate report in the ledger; it cannot be promoted")
    report = json.loads(blob)
    if report["verdict"] not in ("PASS", "WARN"):
        raise CheckFailed(f"{ref}: its gate report says {report['verdict']}")
    return blob


def _with_commit(state: State, version: str) -> State:
    return replace(state, versions=tuple(
        replace(item, commit="@REGISTERED@") if item.version == version else item
        for item in state.versions))


def _register_commit(state: State, event: Event, made: list[tuple[str, Event]]) -> str:
    version = state.find(event.version)
    if made[0][1].action == "register" and made[0][1].version == event.version:
        return made[0][0]
    if version is None or version.commit is None:
        raise CheckFailed(f"ledger: {event.model}@{event.version} has no register commit")
    return version.commit


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
