"""One change of the registry: read a snapshot, decide, push; decide again if others were first."""

import json
import os
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nlp_gitops.core import context, git
from nlp_gitops.core.errors import Conflict
from nlp_gitops.core.files import sha256_bytes
from nlp_gitops.registry.events import Event, State, VersionState, apply
from nlp_gitops.registry.ledger import Ledger, Rejected
from nlp_gitops.registry.objects import (REGISTERED, Entry, Signer, root_files, write_commits,
                                         write_root, write_tag)
from nlp_gitops.registry.reading import Snapshot, archive_path

DEADLINE_SECONDS = 60.0
# A tag that the ledger does not know was torn from its push; waiting does not bring it back.
_TRIES_ON_SAME_LEDGER = 5


@dataclass(frozen=True)
class Step:
    """A decided event without number and time, and the files beside the state."""

    action: str
    version: str
    stage: str | None = None
    previous_stage: str | None = None
    replaces: str | None = None
    manifest_sha256: str | None = None
    commit: str | None = None
    reason: str | None = None
    registered: VersionState | None = None
    files: Mapping[str, bytes] | None = None
    evidence: bytes | None = None
    unrevoked: bool = False


Decision = Callable[[Snapshot, State], Sequence[Step]]


def transact(ledger: Ledger, name: str, decide: Decision,
             sign: Signer | None = None) -> tuple[Event, ...]:
    """Push what `decide` wants on the newest snapshot; return the events, none for no steps.

    Raises Conflict if others kept winning for DEADLINE_SECONDS, and whatever `decide` raises.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause, seen, tries = 0.4, None, 0
    while True:
        snapshot = Snapshot(ledger, ledger.fetch())
        states = snapshot.states()
        state = states.get(name, State(name))
        steps = decide(snapshot, state)
        if not steps:
            return ()
        try:
            return _write(snapshot, states, state, steps, sign)
        except Rejected as refusal:
            tries = tries + 1 if snapshot.commit == seen else 0
            seen = snapshot.commit
            if tries >= _TRIES_ON_SAME_LEDGER and "already exists" in str(refusal):
                raise Conflict(f"{ledger.remote} holds a tag that its ledger does not know "
                               f"({refusal}); mend it: python tools/registry.py doctor "
                               "--repair") from None
            if time.monotonic() > deadline:
                raise Conflict(f"{ledger.remote}: others kept writing for {DEADLINE_SECONDS:.0f} s "
                               f"({refusal}); try again, or see: python tools/registry.py "
                               "doctor") from None
        # The longer somebody has waited, the sooner the next try: nobody starves.
        time.sleep(random.uniform(0, pause))
        pause = max(0.05, pause * 0.8)


def _write(snapshot: Snapshot, states: Mapping[str, State], state: State, steps: Sequence[Step],
           sign: Signer | None) -> tuple[Event, ...]:
    ledger = snapshot.ledger
    now = max(int(time.time()), state.tagger_time + 1,
              *(item.tagger_time + 1 for item in states.values()))
    parent = snapshot.commit or write_root(ledger.repo, root_files(), now)
    events, entries = [], []
    for number, step in enumerate(steps):
        event = _event(state, step)
        state = replace(apply(state, event, step.registered), tagger_time=now + number)
        events.append(event)
        entries.append(Entry(event, _files(event, step, state, states)))
        if step.registered:
            # From the next commit on, the state can name the commit that registered the version.
            state = _with_commit(state, step.version, REGISTERED)
    made = write_commits(ledger.repo, parent, entries, now)
    tags = {event.tag: write_tag(ledger.repo, step.commit or made[0], event, now + number, sign)
            for number, (event, step) in enumerate(zip(events, steps, strict=True))}
    ledger.push(made[-1], tags)
    return tuple(events)


def _event(state: State, step: Step) -> Event:
    return Event(model=state.name, seq=state.seq + 1, action=step.action, version=step.version,
                 stage=step.stage, actor=actor(), at=timestamp(), id=uuid.uuid4().hex,
                 previous_stage=step.previous_stage, replaces=step.replaces,
                 manifest_sha256=step.manifest_sha256, evidence=_evidence(step.evidence),
                 reason=step.reason, run_url=context.run_url(), unrevoked=step.unrevoked)


def _evidence(report: bytes | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {"file": "report.json", "sha256": sha256_bytes(report),
            "verdict": json.loads(report)["verdict"]}


def _files(event: Event, step: Step, state: State,
           states: Mapping[str, State]) -> dict[str, bytes]:
    folder = f"models/{event.model}"
    files = {f"{folder}/state.json": state.to_json().encode(),
             event.path: event.body.encode(),
             "README.md": readme({**states, event.model: state}).encode(),
             **{f"{folder}/{name}": data for name, data in (step.files or {}).items()}}
    if step.evidence is not None:
        files[event.report_path] = step.evidence
    return files


def version_files(name: str, version: VersionState, papers: Mapping[str, bytes],
                  ) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the files of a register event, and those of the event after it in the same push.

    `version.json` names the register commit, so it can only stand in the commit after it.
    """
    record = json.dumps({**asdict(version), "commit": REGISTERED}, indent=1, sort_keys=True,
                        ensure_ascii=False) + "\n"
    index = archive_path(name, version.archive_sha256).removeprefix(f"models/{name}/")
    first = {f"{version.version}/{paper}": data for paper, data in papers.items()}
    return ({**first, index: f"{version.version}\n".encode()},
            {f"{version.version}/version.json": record.encode()})


def _with_commit(state: State, version: str, commit: str) -> State:
    return replace(state, versions=tuple(
        replace(item, commit=commit) if item.version == version else item
        for item in state.versions))


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


def timestamp() -> str:
    """Return the time now, in UTC and ISO 8601, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
