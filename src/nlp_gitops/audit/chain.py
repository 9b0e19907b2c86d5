"""The chain of a ledger's commits: every event of every model, told by the messages alone.

Commits hang together by hashes and each message is an event, so nobody can leave one out; the
trees of other versions are not needed for that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha1
from pathlib import Path

from nlp_gitops.core import git, git_objects
from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.registry.events import Event, State, VersionState, apply
from nlp_gitops.registry.events import faults as event_faults
from nlp_gitops.registry.events import malformed, parse_message
from nlp_gitops.registry.replay import ExpectedTag
from nlp_gitops.registry.walk import Commit, commit_of


@dataclass(frozen=True)
class Chain:
    """What the messages add up to; `faults` says what cannot have happened.

    `files` is the id that each event's file must have, by path; `tags` is by name.
    """

    faults: tuple[str, ...]
    events: tuple[Event, ...]
    files: Mapping[str, str]
    tags: Mapping[str, ExpectedTag]
    states: Mapping[str, State]


def events(repo: Path, head: str) -> tuple[Event, ...]:
    """Return every event of the ledger that ends at `head`, in order."""
    return tuple(event for commit in _commits(repo, head) if (event := _event(commit)))


@lru_cache(maxsize=1)
def walk(repo: Path, head: str) -> Chain:
    """Replay the messages of the ledger that ends at `head`."""
    faults: list[str] = []
    found: list[Event] = []
    files: dict[str, str] = {}
    tags: dict[str, ExpectedTag] = {}
    states: dict[str, State] = {}
    versions: dict[tuple[str, str], VersionState] = {}
    before: Commit | None = None
    for commit in _commits(repo, head):
        parents, time = ((before.oid,), before.time) if before else ((), -1)
        event, wrong = _event(commit), []
        if commit.parents != parents:
            wrong.append("R002: the ledger is a line, and here it is not" if before else
                         "R002: the ledger begins before it; in a shallow clone type: "
                         "git fetch --unshallow")
        if event:
            wrong += _step(commit, event, time if states else -1, states, versions)
            found.append(event)
            files[event.path] = _blob(commit.message.partition("\n\n")[2])
            known = versions.get((event.model, event.version))
            tags[event.tag] = ExpectedTag(event, str(known and known.commit), commit.committer,
                                          commit.time)
        elif before and not commit.message.startswith("maintain "):
            wrong.append("R003: holds no event, or one that cannot be")
        faults += [f"commit {commit.oid[:7]}: {text}" for text in wrong]
        before = commit
    return Chain(tuple(faults), tuple(found), files, tags, states)


def _step(commit: Commit, event: Event, time: int, states: dict[str, State],
          versions: dict[tuple[str, str], VersionState]) -> list[str]:
    """Take one event into states and versions; return what is wrong with it."""
    key, state = (event.model, event.version), states.get(event.model, State(event.model))
    faults = [] if event.message == commit.message else ["R004: its message is not canonical"]
    if commit.time <= time:
        faults.append("R013: is not younger than the event before it")
    new = None
    if event.action == "register":
        if key in versions:
            return [*faults, f"R006: registers {event.version} a second time"]
        new = versions[key] = VersionState(
            event.version, event.seq, "", str(event.manifest_sha256), "", "", "", "", "", "", "",
            commit=commit.oid)
    faults += [f"{code}: {text}" for code, text
               in event_faults(event, state, versions.get(key))]
    try:
        states[event.model] = replace(apply(state, event, new), tagger_time=commit.time)
    except ValueError as error:
        faults.append(f"R005: {error}")
    return faults


def _commits(repo: Path, head: str) -> Iterator[Commit]:
    """Yield every commit from the root to `head`, without what it changed."""
    oids = git.git(repo, "rev-list", "--reverse", "--topo-order", head).split()
    for oid, found in zip(oids, git_objects.read_all(repo, oids), strict=True):
        if found is None:
            raise NotMeasured(f"git has no object {oid}; see: git fsck")
        yield commit_of(oid, found.data, ())


def _blob(text: str) -> str:
    """Return the id that git gives a file of this content."""
    data = text.encode("utf-8", "surrogateescape")
    return sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _event(commit: Commit) -> Event | None:
    """Return the event of a commit; None if it has none, or one that is wrong by itself."""
    try:
        event = parse_message(commit.message)
    except ValueError:
        return None
    return None if malformed(event) else event
