"""What `verify` compares with the ledger: tags, and the stubs of two workflows.

`doctor --repair` leaves the stubs alone. A workflow's token may push a tag only to a commit whose
workflows are those at the tip of some branch, and promotion tags point to the commits that
registered a version. Were the stubs brought or renewed later, the ledger's tip would differ from
every earlier commit, and no workflow could promote or roll back an older version any more. So they
come with the ledger's first commit or not at all; without them *Run workflow* does the same.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from nlp_gitops.core import git
from nlp_gitops.registry import signing
from nlp_gitops.registry.diagnosis import Advice, Fault, Trouble
from nlp_gitops.registry.ledger import Ledger
from nlp_gitops.registry.replay import ExpectedTag
from nlp_gitops.registry.transaction import stubs
from nlp_gitops.registry.walk import Objects

_NUMBER = r"(0|[1-9][0-9]{0,8})"
_NAME = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
TAG = re.compile(rf"{_NAME}(@v{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
                 r"|#(staging|shadow|production|archived)#[1-9][0-9]*)")
# name -> (object id, id of the tagged commit; None for a lightweight tag)
RemoteTags = Mapping[str, tuple[str, str | None]]
Verifier = Callable[[bytes], str | None]
_FOLDER = ".github/workflows"
# What each of them starts, by hand.
_INSTEAD = {
    "on-release.yml": "promote by Actions > promote > Run workflow, not on a release page",
    "on-tag.yml": "verify tags by Actions > registry-verify > Run workflow, or wait for Monday",
}


def is_ours(name: str, models: Iterable[str]) -> bool:
    """Say whether a tag reads as one of the registry: by its grammar, or by a known model's name.

    `gto` would also read others that begin with a model's name, such as `NAME@v1.0.0!`.
    """
    model = re.split("[@#]", name)[0]
    return TAG.fullmatch(name) is not None or model != name and model in models


def unknown(remote: RemoteTags, expected: Mapping[str, ExpectedTag],
            models: Iterable[str]) -> list[str]:
    """Return the registry's tags on the remote that no event made."""
    return sorted(name for name in remote if name not in expected and is_ours(name, models))


def missing(remote: RemoteTags, expected: Mapping[str, ExpectedTag]) -> list[str]:
    """Return the tags that events made and the remote does not have, oldest event first."""
    return [name for name in expected if name not in remote]


def tag_faults(remote: RemoteTags, expected: Mapping[str, ExpectedTag], models: Iterable[str],
               objects: Objects, repair: str, verifier: Verifier | None = None) -> Iterator[Fault]:
    """Yield every fault of the remote's tags. `repair` is the command that makes tags again."""
    again = ("somebody changed it; find out who, delete it on the remote "
             f"(git update-ref -d refs/tags/… in its repository), then type: {repair}")
    for name, want in expected.items():
        where = f"tag {name}"
        if name not in remote:
            yield Fault("R020", where, f"is missing; event {want.event.seq} of "
                        f"{want.event.model} made it", f"type: {repair}")
            continue
        oid, target = remote[name]
        if target is None:
            yield Fault("R021", where, "is lightweight: a bare pointer without the event", again)
        elif target != want.target:
            yield Fault("R022", where,
                        f"points to commit {target[:7]} instead of {want.target[:7]}", again)
        else:
            data = objects.read(oid)[1]
            wrong = _content(data, name, want)
            unsigned = verifier(data) if verifier and not wrong else None
            if wrong:
                yield Fault("R023", where, wrong, again)
            elif unsigned:
                yield Fault("R025", where, unsigned, again)
    for name in unknown(remote, expected, models):
        yield Fault("R024", f"tag {name}", "no event of the ledger made it; it was put in by hand "
                    "or torn from its push", f"type: {repair}")


def unsigned(message: str) -> str:
    """Return a tag's message without its signature, which begins with a line of its own.

    The same words inside a line, such as an event's reason, are no signature; so does git read.
    """
    text, found, _ = message.rpartition(signing.BEGIN.decode())
    return f"{text}\n" if found else message


def _content(data: bytes, name: str, want: ExpectedTag) -> str | None:
    """Return what is wrong with a tag object; None if it says what its event says."""
    header, _, message = data.decode("utf-8", "surrogateescape").partition("\n\n")
    fields = dict(line.partition(" ")[::2] for line in header.splitlines())
    if (fields.get("object"), fields.get("tag")) != (want.target, name):
        return f"its object says tag {fields.get('tag')!r} of {str(fields.get('object'))[:7]}"
    if unsigned(message) != want.event.message:
        return "its message is not that of its event"
    if fields.get("tagger", "").split()[-2:-1] != [str(want.time)]:
        return "its time is not that of its event"
    return None


@dataclass(frozen=True)
class Stub:
    """A stub as the newest commit has it, as the first one had it, and as this version writes it.

    None where it is missing.
    """

    name: str
    now: bytes | None
    first: bytes | None
    wanted: bytes

    @property
    def path(self) -> str:
        """Return where it lies in the ledger."""
        return f"{_FOLDER}/{self.name}"


def advice(ledger: Ledger, newest: str | None) -> Advice:
    """Return a line for each stub that never was as this version writes it."""
    if newest is None:
        return Advice(optional=(
            "the ledger is not on GitHub yet; bring it with its workflow stubs before a workflow "
            f"begins one without: git push {ledger.remote} registry",))
    return Advice(optional=tuple(
        f"workflow stub {stub.path} {_state(stub)}; {_INSTEAD[stub.name]}"
        for stub in _stubs(ledger, newest) if stub.now == stub.first != stub.wanted))


def troubles(ledger: Ledger, newest: str) -> Iterator[Trouble]:
    """Yield the stubs that somebody edited or removed since the ledger's first commit."""
    for stub in _stubs(ledger, newest):
        if stub.now in (stub.first, stub.wanted):
            continue
        commit, who = _last_change(ledger, newest, stub.path)
        first = _first_commit(ledger, newest)
        back = "rm" if stub.first is None else f"checkout {first[:7]} --"
        yield Trouble(
            f"workflow stub {stub.path}",
            f"was {'removed' if stub.now is None else 'edited'} in commit {commit[:7]} by {who}; "
            "workflows cannot tag older versions while it differs",
            f"look: git show {commit[:7]}; put it back on branch registry: git {back} {stub.path} "
            "&& git commit -m 'maintain the workflow stubs', and push it")


def _state(stub: Stub) -> str:
    return ("is missing since the ledger's first commit" if stub.now is None
            else "is not as this version writes it, and still works as it did")


def _stubs(ledger: Ledger, newest: str) -> Iterator[Stub]:
    ours = stubs()
    paths = [f"{_FOLDER}/{name}" for name in ours]
    now = ledger.read_all(newest, paths)
    first = ledger.read_all(_first_commit(ledger, newest), paths)
    for (name, data), here, before in zip(ours.items(), now, first, strict=True):
        yield Stub(name, here, before, data)


def _first_commit(ledger: Ledger, newest: str) -> str:
    return git.git(ledger.repo, "rev-list", "--first-parent", "--max-parents=0", newest)


def _last_change(ledger: Ledger, newest: str, path: str) -> tuple[str, str]:
    """Return the commit that last changed a file of the ledger, and who made it."""
    found = git.git(ledger.repo, "log", "-1", "--first-parent", "--format=%H %cn", newest, "--",
                    path)
    commit, _, who = found.partition(" ")
    return commit, who
