"""Going through a whole ledger with three git processes, however many commits it has."""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nlp_gitops.core import git, git_objects
from nlp_gitops.core.errors import NotMeasured


@dataclass(frozen=True)
class Change:
    """One file that a commit changed: `status` as git says (A, M, D, T), `blob` its new content."""

    path: str
    status: str
    mode: str
    blob: str


@dataclass(frozen=True)
class Commit:
    """One commit of the ledger. `committer` is `NAME <MAIL>`, `time` in Unix seconds."""

    oid: str
    parents: tuple[str, ...]
    committer: str
    time: int
    message: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Objects:
    """The objects of a repository, of which none may be missing."""

    repo: Path

    def read(self, oid: str) -> tuple[str, bytes]:
        """Return an object's type and content; raise NotMeasured if it is not here."""
        found = self._found(oid)
        return found.kind, found.data

    def text(self, oid: str) -> str:
        """Return an object's content as text; bytes that are no UTF-8 stay distinguishable."""
        return self._found(oid).text

    def _found(self, oid: str) -> git_objects.GitObject:
        found = git_objects.read(self.repo, oid)
        if found is None:
            raise NotMeasured(f"git has no object {oid}; see: git fsck")
        return found


def commits(repo: Path, newest: str, objects: Objects) -> Iterator[Commit]:
    """Yield every commit from the root to `newest`, each with what it changed.

    A merge stands in the line with all its parents; its changes are those against the first one.
    """
    lines = git.git(repo, "rev-list", "--reverse", "--topo-order", "--first-parent", "--parents",
                    newest).splitlines()
    with tempfile.TemporaryFile() as asked:
        asked.writelines((" ".join(line.split()[:2]) + "\n").encode() for line in lines)
        asked.seek(0)
        with subprocess.Popen(
                ["git", "-C", str(repo), "diff-tree", "--stdin", "-r", "-z", "--root", "--always",
                 "--no-renames", "--no-abbrev", "--ignore-submodules=none"],
                stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=git.environment()) as process:
            assert process.stdout
            for oid, changes in _diffs(_words(process.stdout)):
                yield commit_of(oid, objects.read(oid)[1], changes)
            if process.wait():
                raise NotMeasured("git cannot read the whole ledger; see: git fsck")


def _words(stream: IO[bytes]) -> Iterator[str]:
    rest = b""
    while piece := stream.read(1 << 16):
        *whole, rest = (rest + piece).split(b"\0")
        yield from (word.decode("utf-8", "surrogateescape") for word in whole)


def _diffs(words: Iterator[str]) -> Iterator[tuple[str, tuple[Change, ...]]]:
    """Group `:MODE MODE OLD NEW STATUS`, `PATH` pairs by the commit id that stands before them."""
    oid: str | None = None
    changes: list[Change] = []
    for word in words:
        if word.startswith(":"):
            _, mode, _, blob, status = word.split()
            changes.append(Change(next(words), status, mode, blob))
            continue
        if oid:
            yield oid, tuple(changes)
        oid, changes = word, []
    if oid:
        yield oid, tuple(changes)


def commit_of(oid: str, data: bytes, changes: tuple[Change, ...]) -> Commit:
    """Return a commit from git's own text of it."""
    header, _, message = data.decode("utf-8", "surrogateescape").partition("\n\n")
    fields = [line.partition(" ")[::2] for line in header.splitlines()]
    who, time, _ = dict(fields)["committer"].rsplit(" ", 2)
    return Commit(oid, tuple(value for key, value in fields if key == "parent"), who, int(time),
                  message, changes)
