"""One change of the registry: read a snapshot, decide, push; decide again if others were first."""

import json
import os
import random
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nlp_gitops.core import context, git, package_files
from nlp_gitops.core.errors import Conflict
from nlp_gitops.core.files import sha256_bytes
from nlp_gitops.registry.events import Event, State, VersionState, apply
from nlp_gitops.registry.ledger import DRAFTS, Ledger, Rejected
from nlp_gitops.registry.reading import Snapshot, archive_path

# Stands for the first commit of a call, which its own tree cannot name.
REGISTERED = "@REGISTERED@"
ROOT_README = """# Model registry

This branch is the ledger: one commit per event, never edited. Stages appear here with the first
registered version. Read it with `python tools/registry.py show` and `history`.
"""
_STUBS = "registry/stubs"
Signer = Callable[[bytes], bytes]
DEADLINE_SECONDS = 60.0
# A tag that the ledger does not know was torn from its push; waiting does not bring it back.
_TRIES_ON_SAME_LEDGER = 5


@dataclass(frozen=True)
class Entry:
    """One commit to be: its event, and the files that it writes (path -> content)."""

    event: Event
    files: Mapping[str, bytes]


def write_commits(repo: Path, parent: str, entries: Sequence[Entry], time: int) -> list[str]:
    """Write one commit per entry on top of `parent`, one second apart; return their ids.

    fast-import reads only the folders on the way to what changes, so the cost of an event does not
    grow with the ledger. REGISTERED becomes the id of the first commit wherever a state names it.
    """
    name, mail = git.identity(repo)
    who = f"{name} <{mail}>"
    branch = f"{DRAFTS}{uuid.uuid4().hex}"
    process = subprocess.Popen(
        ["git", "-C", str(repo), "fast-import", "--quiet", "--done", "--date-format=raw"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=git.environment())
    assert process.stdin and process.stdout and process.stderr
    made: list[str] = []
    try:
        for number, entry in enumerate(entries):
            message = entry.event.message.encode()
            lines = [f"commit {branch}", f"mark :{number + 1}",
                     f"author {who} {time + number} +0000",
                     f"committer {who} {time + number} +0000", f"data {len(message)}"]
            process.stdin.write("\n".join(lines).encode() + b"\n" + message + b"\n")
            if number == 0:
                process.stdin.write(f"from {parent}\n".encode())
            for path, data in entry.files.items():
                if made and path.endswith(("/state.json", "/version.json")):
                    data = data.replace(REGISTERED.encode(), made[0].encode())
                process.stdin.write(_file(path, data))
            process.stdin.write(f"\nget-mark :{number + 1}\n".encode())
            process.stdin.flush()
            made.append(process.stdout.readline().decode().strip())
        process.stdin.write(_forget(branch))
        _, errors = process.communicate()
    except BrokenPipeError:
        errors = process.stderr.read()
    if process.wait():
        raise git.GitError(("fast-import",), process.returncode, errors.decode())
    return made


def write_tag(repo: Path, target: str, event: Event, time: int, sign: Signer | None = None,
              tagger: str | None = None) -> str:
    """Write the event's annotated tag object; return its id. No ref is made.

    `tagger` is `NAME <MAIL>`; without it git's own identity.
    """
    tagger = tagger or "{} <{}>".format(*git.identity(repo))
    text = (f"object {target}\ntype commit\ntag {event.tag}\n"
            f"tagger {tagger} {time} +0000\n\n{event.message}").encode()
    return git.git(repo, "mktag", stdin=text + (sign(text) if sign else b""))


def root_files() -> dict[str, bytes]:
    """Return the files of the ledger's first commit: a README, and the stubs of two workflows.

    Events on a tag run the workflows of the tagged commit, and version tags point into the ledger;
    the stubs start the real ones. The token of a workflow may push no workflow, so a ledger that
    begins inside one does without them.
    """
    files = {"README.md": ROOT_README.encode()}
    if context.in_workflow():
        return files
    return {**files, **{f".github/workflows/{name}": data for name, data in stubs().items()}}


def stubs() -> dict[str, bytes]:
    """Return the workflows that the ledger's tree carries, by file name."""
    return {name: package_files.read(f"{_STUBS}/{name}") for name in package_files.names(_STUBS)}


def write_root(repo: Path, files: Mapping[str, bytes], time: int) -> str:
    """Write the ledger's first commit, without a parent; return its id. No ref is made."""
    name, mail = git.identity(repo)
    branch = f"{DRAFTS}{uuid.uuid4().hex}"
    message = "Begin the model ledger"
    stream = (f"commit {branch}\nmark :1\ncommitter {name} <{mail}> {time} +0000\n"
              f"data {len(message)}\n{message}\n").encode()
    for path, data in files.items():
        stream += _file(path, data)
    stream += b"\nget-mark :1\n" + _forget(branch)
    return git.git(repo, "fast-import", "--quiet", "--done", "--date-format=raw", stdin=stream)


def _forget(branch: str) -> bytes:
    """End an import. Its branch only served it; without it a kill leaves nothing to clean up."""
    return f"reset {branch}\nfrom {'0' * 40}\n\ndone\n".encode()


def _file(path: str, data: bytes) -> bytes:
    return f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


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
                               f"({refusal}); repair it: python tools/registry.py doctor "
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
