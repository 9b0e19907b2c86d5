"""Replaying a ledger: every commit is compared with what its event may say and write.

After a fault the replay goes on from what the ledger says, so that one forged commit is one fault
and not one for each commit after it.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.files import sha256_bytes
from nlp_gitops.registry import events
from nlp_gitops.registry.diagnosis import Fault
from nlp_gitops.registry.events import (STATE_SCHEMA, Event, State, VersionState, apply,
                                        parse_message, state_from_json)
from nlp_gitops.registry.reading import PAPERS, archive_path
from nlp_gitops.registry.transaction import readme
from nlp_gitops.registry.version_files import manifest_of, paper_faults, registered_state
from nlp_gitops.registry.walk import Change, Commit, Objects, commits

_LOOK = ("see who changed it: git show {}; put the ledger back to the commit before from a clone "
         "that has it")


@dataclass(frozen=True)
class ExpectedTag:
    """The tag that an event must have, and what is needed to make it again."""

    event: Event
    target: str
    committer: str
    time: int


@dataclass(frozen=True)
class Replayed:
    """What a ledger says, and the faults on the way. `tags` is by name, in the ledger's order."""

    faults: tuple[Fault, ...]
    tags: dict[str, ExpectedTag]
    states: dict[str, State]
    versions: dict[tuple[str, str], VersionState]


def replay(repo: Path, newest: str, objects: Objects) -> Replayed:
    """Go through the ledger that ends at `newest`; raise NotMeasured for a shallow clone."""
    found = _Replay(objects)
    for number, commit in enumerate(commits(repo, newest, objects)):
        if number == 0:
            found.root(commit)
        else:
            found.step(commit)
    found.end(newest)
    return Replayed(tuple(found.faults), found.tags, found.states, found.versions)


class _Replay:
    """The state after the commits so far."""

    def __init__(self, objects: Objects) -> None:
        self.faults: list[Fault] = []
        self.tags: dict[str, ExpectedTag] = {}
        self.states: dict[str, State] = {}
        self.versions: dict[tuple[str, str], VersionState] = {}
        self._objects = objects
        self._time = 0
        self._reports: dict[str, str] = {}
        # Versions whose record must stand in the next event's commit.
        self._unrecorded: dict[str, str] = {}

    def root(self, commit: Commit) -> None:
        """Take the first commit as it is; only models must not be in it."""
        if commit.parents:
            raise NotMeasured("this clone is shallow and holds only the end of the ledger; type: "
                              "git fetch --unshallow")
        self._time = commit.time - 1
        for change in commit.changes:
            if change.path.startswith("models/"):
                self._fault("R009", commit, f"the first commit holds {change.path} without event")

    def step(self, commit: Commit) -> None:
        """Compare one commit with its event."""
        if len(commit.parents) != 1:
            self._fault("R002", commit, f"has {len(commit.parents)} parents; the ledger is a line")
        changes = {change.path: change for change in commit.changes}
        try:
            event = parse_message(commit.message)
        except ValueError:
            self._without_event(commit)
            return
        wrong = events.malformed(event)
        if wrong:
            self._fault("R006", commit, wrong)
            self._adopt(commit)
            return
        self._record(commit, event, changes)
        self._evidence(commit, event, changes)
        self._event(commit, event, changes)
        self._readme(commit, changes)
        if commit.time <= self._time:
            self._fault("R013", commit, "is not younger than the event before it")
        self._time = max(self._time, commit.time)

    def end(self, newest: str) -> None:
        """Note what the last commits left open."""
        for model, version in self._unrecorded.items():
            self.faults.append(Fault(
                "R009", f"commit {newest[:7]}", f"the ledger ends before "
                f"models/{model}/{version}/version.json was written", _LOOK.format(newest[:7])))

    def _without_event(self, commit: Commit) -> None:
        ours = [change.path for change in commit.changes
                if change.path.startswith("models/") or change.path == "README.md"]
        if not commit.message.startswith("maintain "):
            self._fault("R003", commit, f"holds no event ({commit.message.splitlines()[:1]})")
        elif ours:
            self._fault("R009", commit, f"maintains, but writes {', '.join(ours[:3])}")
        self._adopt(commit)

    def _record(self, commit: Commit, event: Event, changes: dict[str, Change]) -> None:
        if event.message != commit.message:
            self._fault("R004", commit, "its message is not the canonical form of its event")
        self._files(commit, event, changes)
        stored = changes.get(event.path)
        if stored and self._objects.text(stored.blob) != event.body:
            self._fault("R004", commit, f"{stored.path} differs from the commit's message")

    def _files(self, commit: Commit, event: Event, changes: dict[str, Change]) -> None:
        """Compare what the commit wrote with what its event may write."""
        expected = self._expected(event, changes)
        shared = {"README.md", f"models/{event.model}/state.json"}
        for change in changes.values():
            new = change.status == "A" or change.path in shared and change.status == "M"
            if not new:
                self._fault("R010", commit, f"{_verb(change.status)} {change.path}, which never "
                            "changes")
            elif change.path not in expected:
                self._fault("R009", commit, f"writes {change.path}, which its event does not name")
            elif change.mode != "100644":
                self._fault("R009", commit, f"{change.path} has mode {change.mode}, not that of a "
                            "plain file")
        for path in sorted(expected - changes.keys()):
            self._fault("R009", commit, f"lacks {path}")

    def _expected(self, event: Event, changes: dict[str, Change]) -> set[str]:
        folder = f"models/{event.model}"
        found = {"README.md", f"{folder}/state.json", event.path}
        if event.evidence:
            found.add(event.report_path)
        if event.action == "register":
            found |= {f"{folder}/{event.version}/{paper}" for paper in PAPERS}
            manifest = manifest_of(self._objects, event, changes)
            if manifest:
                found.add(archive_path(event.model, manifest["artifacts"][0]["sha256"]))
        elif event.model in self._unrecorded:
            found.add(f"{folder}/{self._unrecorded[event.model]}/version.json")
        return found

    def _evidence(self, commit: Commit, event: Event, changes: dict[str, Change]) -> None:
        stored = changes.get(event.report_path)
        if event.evidence is None or stored is None:
            return
        if stored.blob not in self._reports:
            self._reports[stored.blob] = sha256_bytes(self._objects.read(stored.blob)[1])
        if self._reports[stored.blob] != event.evidence.get("sha256"):
            self._fault("R011", commit, f"{stored.path} is not the report that the event names")

    def _event(self, commit: Commit, event: Event, changes: dict[str, Change]) -> None:
        before = self.states.get(event.model, State(event.model))
        if event.action == "register":
            known = self._register(commit, event, changes)
        else:
            before = self._recorded(commit, event, before, changes)
            known = self.versions.get((event.model, event.version))
        for code, message in events.faults(event, before, known):
            self._fault(code, commit, message)
        target = commit.oid if event.action == "register" else known and known.commit
        if target:
            self.tags[event.tag] = ExpectedTag(event, target, commit.committer, commit.time)
        new = replace(known, commit=None) if known and event.action == "register" else None
        try:
            after = apply(before, event, new)
        except ValueError as error:
            self._fault("R005", commit, str(error))
            self._adopt(commit)
            return
        self._state(commit, replace(after, tagger_time=commit.time), changes)

    def _register(self, commit: Commit, event: Event,
                  changes: dict[str, Change]) -> VersionState | None:
        for message in paper_faults(self._objects, event, changes):
            self._fault("R012", commit, message)
        found = registered_state(self._objects, event, changes)
        if found:
            found = replace(found, commit=commit.oid)
            self.versions.setdefault((event.model, event.version), found)
            self._unrecorded[event.model] = event.version
        return found

    def _recorded(self, commit: Commit, event: Event, state: State,
                  changes: dict[str, Change]) -> State:
        """Return the state in which the last registered version knows its register commit."""
        version = self._unrecorded.pop(event.model, None)
        if version is None:
            return state
        known = self.versions[event.model, version]
        stored = changes.get(f"models/{event.model}/{version}/version.json")
        if stored and _parsed(self._objects.text(stored.blob)) != vars(known):
            self._fault("R012", commit, f"{stored.path} is not the record of what was registered "
                        f"in commit {known.commit}")
        return replace(state, versions=tuple(
            replace(item, commit=known.commit) if item.version == version else item
            for item in state.versions))

    def _state(self, commit: Commit, expected: State, changes: dict[str, Change]) -> None:
        self.states[expected.name] = expected
        stored = changes.get(f"models/{expected.name}/state.json")
        if stored is None:
            return
        text = self._objects.text(stored.blob)
        value, wanted = _parsed(text), _plain(expected)
        if value == wanted:
            return
        different = sorted(key for key in wanted
                           if not isinstance(value, dict) or value.get(key) != wanted[key])
        code = "R013" if different == ["tagger_time"] else "R007"
        self._fault(code, commit, f"{stored.path} is not what the events add up to "
                    f"({', '.join(different) or 'more fields'} differ)")
        self._adopt(commit)

    def _readme(self, commit: Commit, changes: dict[str, Change]) -> None:
        stored = changes.get("README.md")
        if stored and self._objects.text(stored.blob) != readme(self.states):
            self._fault("R008", commit, "README.md does not show the stages of state.json")

    def _adopt(self, commit: Commit) -> None:
        """Go on from what the commit says, whatever is wrong with it."""
        for change in commit.changes:
            model, _, name = change.path.removeprefix("models/").partition("/")
            if name != "state.json" or change.status == "D":
                continue
            try:
                self.states[model] = state_from_json(self._objects.text(change.blob))
            except (ValueError, AttributeError, TypeError):
                continue

    def _fault(self, code: str, commit: Commit, message: str) -> None:
        self.faults.append(Fault(code, f"commit {commit.oid[:7]}", message,
                                 _LOOK.format(commit.oid[:7])))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _plain(state: State) -> dict[str, Any]:
    """Return a state as its JSON reads, without copying its hundred versions."""
    return {**vars(state), "schema": STATE_SCHEMA, "versions": list(map(vars, state.versions)),
            "production": list(state.production), "revoked": list(state.revoked)}


def _verb(status: str) -> str:
    return {"D": "removes", "A": "writes"}.get(status, "edits")
