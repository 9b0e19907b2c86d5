"""Writing a ledger of any length fast: the same commits and tags as the registry's own code.

Events, states, papers and messages come from the template's functions; only git's objects are
written through one `git fast-import` instead of one for each push.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

from nlp_gitops.registry.events import Event, State, VersionState, apply, state_from_json
from nlp_gitops.registry.ledger import BRANCH
from nlp_gitops.registry.operations import version_state
from nlp_gitops.registry.packaging import checksums
from nlp_gitops.registry.transaction import (REGISTERED, readme, root_files, version_files,
                                             write_root)

EVENTS_PER_VERSION = 4
_WHO = "bench <bench@localhost>"
_BEGIN = 1_600_000_000


class Maker:
    """Writes versions of some models in turn; each is registered, goes to staging and production.

    `papers` are manifest.json, metrics.json, MODEL_CARD.md and report.json of one packed model;
    every version is that model with other digests.
    """

    def __init__(self, bare: Path, names: tuple[str, ...], papers: Mapping[str, bytes]) -> None:
        self._bare, self._papers = bare, papers
        self._states = {name: State(name) for name in names}
        self._time, self._marks = _BEGIN, 0
        self._fragments: dict[str, str] = {}
        self._root = write_root(bare, root_files(), _BEGIN)
        self._git = subprocess.Popen(
            ["git", "-C", str(bare), "fast-import", "--quiet", "--done", "--date-format=raw",
             "--depth=50"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def write(self, events: int) -> None:
        """Write that many events, then pack objects and refs as a server does from time to time."""
        names = list(self._states)
        for number in range(events // EVENTS_PER_VERSION):
            self._version(names[number % len(names)], number // len(names))
        self._send(b"done\n")
        assert self._git.stdin
        self._git.stdin.close()
        if self._git.wait():
            raise RuntimeError("git fast-import failed")
        for command in (("pack-refs", "--all"), ("repack", "-adq"), ("commit-graph", "write")):
            subprocess.run(["git", "-C", str(self._bare), *command], check=True,
                           stderr=subprocess.DEVNULL)

    def _version(self, name: str, number: int) -> None:
        tag = f"v1.0.{number}"
        old = self._states[name].stages.get("production")
        version, papers = self._made(name, tag)
        first, second = version_files(name, version, papers)
        report = self._report(version, old)
        event = self._event(name, "register", version, None, None)
        state = self._applied(event, version)
        self._commit(event, state, {**_under(name, first), **self._common(event, state)})
        register = self._oid()
        self._remember(name, tag, register)
        self._tag(event, state, register)
        second = {path: data.replace(REGISTERED.encode(), register.encode())
                  for path, data in second.items()}
        moves = [("promote", version, "staging", None, second, report),
                 ("promote", version, "production", "staging", {}, report)]
        if old:
            replaced = self._states[name].find(old)
            assert replaced
            moves.append(("archive", replaced, "archived", "production", {}, None))
        else:
            moves.append(("promote", version, "shadow", "production", {}, report))
        self._moves(name, moves)

    def _moves(self, name: str, moves: list[tuple[Any, ...]]) -> None:
        """Write the events after a registration; one state after the other packs best."""
        steps = []
        for action, version, stage, left, files, report in moves:
            event = self._event(name, action, version, stage, left, report)
            state = self._applied(event, None)
            files = {**_under(name, files), **self._common(event, state),
                     **({event.report_path: report} if report else {})}
            text = files.pop(f"models/{name}/state.json")
            self._marks += 1
            self._send(f"blob\nmark :{self._marks}\ndata {len(text)}\n".encode() + text + b"\n")
            steps.append((event, state, files, self._marks))
        for event, state, files, mark in steps:
            self._commit(event, state, files, {f"models/{name}/state.json": mark})
            target = state.find(event.version)
            assert target and target.commit
            self._tag(event, state, target.commit)

    def _made(self, name: str, tag: str) -> tuple[VersionState, dict[str, bytes]]:
        """Return a version and its papers: the pattern's, with digests of its own."""
        pattern = json.loads(self._papers["manifest.json"])
        archive = {**pattern["artifacts"][0], "sha256": _digest(name, tag, "archive")}
        seq = self._states[name].seq + 1
        manifest = {**pattern, "name": name, "version": tag, "seq": seq, "artifacts": [archive],
                    "model_sha256": _digest(name, tag, "model")}
        text = (json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
        papers = {"manifest.json": text, "metrics.json": self._papers["metrics.json"],
                  "MODEL_CARD.md": self._papers["MODEL_CARD.md"]}
        digests = {**{file: sha256(data).hexdigest() for file, data in papers.items()},
                   archive["name"]: archive["sha256"]}
        papers["SHA256SUMS"] = checksums(digests).encode()
        found = version_state(manifest, tag, seq, sha256(text).hexdigest())
        return replace(found, registered=_clock(self._time)), papers

    def _report(self, version: VersionState, champion: str | None) -> bytes:
        report = json.loads(self._papers["report.json"])
        report["lineage"] = {**report["lineage"], "model_sha256": version.model_sha256,
                             "champion": champion}
        return json.dumps(report).encode()

    def _event(self, name: str, action: str, version: VersionState, stage: str | None,
               left: str | None, report: bytes | None = None) -> Event:
        state = self._states[name]
        evidence = report and {"file": "report.json", "sha256": sha256(report).hexdigest(),
                               "verdict": "PASS"}
        replaces = state.stages.get(stage) if stage and action == "promote" else None
        return Event(model=name, seq=state.seq + 1, action=action, version=version.version,
                     stage=stage, actor="bench", at=_clock(self._time),
                     id=_digest(name, str(state.seq), "event")[:32], previous_stage=left,
                     replaces=replaces, manifest_sha256=version.manifest_sha256,
                     evidence=evidence or None)

    def _applied(self, event: Event, registered: VersionState | None) -> State:
        self._time += 1
        state = apply(self._states[event.model], event, registered)
        state = self._states[event.model] = replace(state, tagger_time=self._time)
        return state

    def _remember(self, name: str, tag: str, commit: str) -> None:
        state = self._states[name]
        self._states[name] = replace(state, versions=tuple(
            replace(item, commit=commit) if item.version == tag else item
            for item in state.versions))

    def _common(self, event: Event, state: State) -> dict[str, bytes]:
        return {f"models/{state.name}/state.json": self._text(state),
                event.path: event.body.encode(),
                "README.md": readme(
                    {key: item for key, item in self._states.items() if item.seq}).encode()}

    def _text(self, state: State) -> bytes:
        """Return `state.json` as `State.to_json` does, but with each version rendered once."""
        head, empty, tail = replace(state, versions=()).to_json().rpartition('"versions": []')
        assert empty
        return (head + '"versions": [\n' + ",\n".join(map(self._fragment, state.versions))
                + "\n ]" + tail).encode()

    def _fragment(self, version: VersionState) -> str:
        key = f"{version.archive_sha256} {version.commit} {version.reached}"
        if key not in self._fragments:
            text = json.dumps(asdict(version), indent=1, sort_keys=True, ensure_ascii=False)
            self._fragments[key] = "\n".join("  " + line for line in text.splitlines())
        return self._fragments[key]

    def _commit(self, event: Event, state: State, files: Mapping[str, bytes],
                marks: Mapping[str, int] | None = None) -> None:
        self._marks += 1
        number, message, when = self._marks, event.message.encode(), state.tagger_time
        lines = [f"commit {BRANCH}", f"mark :{number}", f"author {_WHO} {when} +0000",
                 f"committer {_WHO} {when} +0000", f"data {len(message)}"]
        self._send("\n".join(lines).encode() + b"\n" + message + b"\n")
        if self._root:
            self._send(f"from {self._root}\n".encode())
            self._root = ""
        for path, data in files.items():
            self._send(f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
        for path, mark in (marks or {}).items():
            self._send(f"M 100644 :{mark} {path}\n".encode())
        self._send(b"\n")

    def _oid(self) -> str:
        """Return the id of the commit that was written last."""
        self._send(f"get-mark :{self._marks}\n".encode())
        assert self._git.stdin and self._git.stdout
        self._git.stdin.flush()
        return self._git.stdout.readline().decode().strip()

    def _tag(self, event: Event, state: State, target: str) -> None:
        message, when = event.message.encode(), state.tagger_time
        self._send(f"tag {event.tag}\nfrom {target}\ntagger {_WHO} {when} +0000\n"
                   f"data {len(message)}\n".encode() + message + b"\n")

    def _send(self, data: bytes) -> None:
        assert self._git.stdin
        self._git.stdin.write(data)


def _under(name: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"models/{name}/{path}": data for path, data in files.items()}


def _digest(*words: str) -> str:
    return sha256(" ".join(words).encode()).hexdigest()


def _clock(time: int) -> str:
    return datetime.fromtimestamp(time, timezone.utc).isoformat(timespec="seconds").replace(
        "+00:00", "Z")


def differing_states(bare: Path, names: tuple[str, ...]) -> Iterator[str]:
    """Yield each model whose newest `state.json` is not the text that the template writes."""
    for name in names:
        path = f"{BRANCH}:models/{name}/state.json"
        text = subprocess.run(["git", "-C", str(bare), "show", path], check=True,
                              capture_output=True, text=True).stdout
        if state_from_json(text).to_json() != text:
            yield name
