"""The stubs of two workflows on the ledger: are they there, and as they were written?

`doctor --repair` leaves them alone. A workflow's token may push a tag only to a commit whose
workflows are those at the tip of some branch, and promotion tags point to the commits that
registered a version. Were the stubs brought or renewed later, the ledger's tip would differ from
every earlier commit, and no workflow could promote or roll back an older version any more. So they
come with the ledger's first commit or not at all; without them *Run workflow* does the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from nlp_gitops.core import git
from nlp_gitops.registry.diagnosis import Advice, Trouble
from nlp_gitops.registry.ledger import Ledger
from nlp_gitops.registry.objects import stubs

_FOLDER = ".github/workflows"
# What each of them starts, by hand.
_INSTEAD = {
    "on-release.yml": "promote by Actions > promote > Run workflow, not on a release page",
    "on-tag.yml": "verify tags by Actions > registry-verify > Run workflow, or wait for Monday",
}


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
