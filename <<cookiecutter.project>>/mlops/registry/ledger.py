"""The ledger: branch `registry` of a remote, one commit per event. All git of the registry.

Commits and tags are made by object id and pushed in one atomic push, which is never forced. So a
push is a compare-and-swap: it lands whole on the state it was decided on, or not at all. No local
branch, tag, index or work tree is touched.
"""

import re
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops import git
from mlops.errors import NotMeasured, UsageError
from mlops.registry.events import Event

BRANCH = "refs/heads/registry"
ROOT_README = """# Model registry

This branch is the ledger: one commit per event, never edited. Stages appear here with the first
registered version. Read it with `python tools/registry.py show` and `history`.
"""


class Rejected(Exception):
    """The remote refused the push because somebody else was first. Read again and retry."""


@dataclass(frozen=True)
class Entry:
    """One commit to be: its event, and the files that it writes (path -> content)."""

    event: Event
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Ledger:
    """The ledger branch of `remote` (a remote's name or a path), seen through `repo`.

    `made_here` is a bare repository that is made when first written to.
    """

    repo: Path
    remote: str
    made_here: Path | None = None

    @property
    def ref(self) -> str:
        """Return the private ref that remembers the last ledger seen."""
        return "refs/nlp-registry/" + re.sub(r"[^A-Za-z0-9]+", "-", self.remote).strip("-")

    def fetch(self) -> str | None:
        """Return the remote ledger's newest commit; None if there is no ledger yet.

        Raises NotMeasured if the remote cannot be read or its ledger was rewritten.
        """
        if self.made_here and not (self.made_here / "HEAD").is_file():
            return None
        try:
            git.git(self.repo, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                    "--refmap=", self.remote, f"{BRANCH}:{self.ref}",
                    env=git.token_environment())
        except git.GitError as error:
            if "couldn't find remote ref" in error.stderr:
                return None
            if "[rejected]" in error.stderr:
                raise NotMeasured(f"{self.remote}: the ledger was rewritten since it was last read "
                                  f"({self.ref}); somebody forced a push") from None
            if "does not appear to be a git repository" in error.stderr:
                raise UsageError(f"registry {self.remote!r} is no git remote of this repository; "
                                 "use --registry local, or add it with git remote add") from None
            raise NotMeasured(f"cannot read the registry of {self.remote}: {error}") from None
        return git.git(self.repo, "rev-parse", self.ref)

    def read(self, commit: str, path: str) -> bytes | None:
        """Return a file of the ledger at a commit, or None."""
        try:
            return git.git_bytes(self.repo, "cat-file", "blob", f"{commit}:{path}")
        except git.GitError:
            return None

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names inside a folder of the ledger."""
        try:
            listing = git.git(self.repo, "ls-tree", "--name-only", "-z", f"{commit}:{folder}")
        except git.GitError:
            return []
        return [name for name in listing.split("\0") if name]

    def messages(self, commit: str) -> Iterator[tuple[str, str]]:
        """Yield (commit, message) from the newest event to the root."""
        log = git.git(self.repo, "log", "--first-parent", "--format=%H%n%B%x00", commit)
        for record in log.split("\0"):
            oid, _, message = record.strip("\n").partition("\n")
            if oid:
                yield oid, message

    def commit(self, parent: str, entries: Sequence[Entry],
               time: int) -> "list[tuple[str, Event]]":
        """Write one commit per entry on top of `parent`; return (commit, event) pairs.

        In a `state.json` the bytes `@REGISTERED@` become the id of the first commit of this call:
        the register commit, which its own tree cannot name.
        """
        name, mail = git.identity(self.repo)
        who = f"{name} <{mail}>"
        branch = f"refs/nlp-registry/draft/{uuid.uuid4().hex}"
        process = subprocess.Popen(
            ["git", "-C", str(self.repo), "fast-import", "--quiet", "--done", "--date-format=raw"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdin and process.stdout and process.stderr
        made: list[tuple[str, Event]] = []
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
                    if made and path.endswith("/state.json"):
                        data = data.replace(b"@REGISTERED@", made[0][0].encode())
                    process.stdin.write(f"M 100644 inline {path}\ndata {len(data)}\n".encode()
                                        + data + b"\n")
                process.stdin.write(f"\nget-mark :{number + 1}\n".encode())
                process.stdin.flush()
                made.append((process.stdout.readline().decode().strip(), entry.event))
            process.stdin.write(b"done\n")
            _, errors = process.communicate()
        except BrokenPipeError:
            errors = process.stderr.read()
        if process.wait():
            raise git.GitError(("fast-import",), process.returncode, errors.decode())
        git.git(self.repo, "update-ref", "-d", branch)
        return made

    def tag(self, target: str, event: Event, time: int) -> str:
        """Write the event's annotated tag object; return its id. No ref is made."""
        name, mail = git.identity(self.repo)
        text = (f"object {target}\ntype commit\ntag {event.tag}\n"
                f"tagger {name} <{mail}> {time} +0000\n\n{event.message}")
        return git.git(self.repo, "mktag", stdin=text.encode())

    def push(self, commit: str, tags: Mapping[str, str]) -> None:
        """Push the ledger and its tags, all or nothing; raise Rejected if others were first."""
        if self.made_here and not (self.made_here / "HEAD").is_file():
            self.made_here.mkdir(parents=True, exist_ok=True)
            git.git(self.made_here, "init", "--quiet", "--bare", "--initial-branch=registry", ".")
        specs = [f"{commit}:{BRANCH}", *(f"{oid}:refs/tags/{name}" for name, oid in tags.items())]
        try:
            git.git(self.repo, "push", "--quiet", "--porcelain", "--atomic", "--no-verify",
                    self.remote, *specs, env=git.token_environment())
        except git.GitError as error:
            # The answer may have been lost after the push had landed.
            landed = self.fetch()
            if landed and self.contains(landed, commit):
                return
            if landed is None and "rejected" not in error.stderr and "lock" not in error.stderr:
                raise NotMeasured(f"cannot write the registry of {self.remote}: {error}") from None
            for refusal in ("hook declined", "protected", "denied", "permission"):
                if refusal in error.stderr.lower():
                    raise NotMeasured(f"{self.remote} refuses the push: {error}") from None
            raise Rejected(str(error)) from None
        git.git(self.repo, "update-ref", self.ref, commit)

    def contains(self, newest: str, commit: str) -> bool:
        """Say whether `commit` is part of the ledger that ends at `newest`."""
        try:
            git.git(self.repo, "merge-base", "--is-ancestor", commit, newest)
        except git.GitError:
            return False
        return True


def root_files() -> dict[str, bytes]:
    """Return the files of the ledger's first commit."""
    return {"README.md": ROOT_README.encode()}


def write_root(repo: Path, files: Mapping[str, bytes], time: int) -> str:
    """Write the ledger's first commit, without a parent; return its id. No ref is made."""
    name, mail = git.identity(repo)
    who = f"{name} <{mail}> {time} +0000"
    branch = f"refs/nlp-registry/draft/{uuid.uuid4().hex}"
    message = "Begin the model ledger"
    stream = f"commit {branch}\ncommitter {who}\ndata {len(message)}\n{message}\n".encode()
    for path, data in files.items():
        stream += f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"
    git.git(repo, "fast-import", "--quiet", "--date-format=raw", stdin=stream)
    oid = git.git(repo, "rev-parse", branch)
    git.git(repo, "update-ref", "-d", branch)
    return oid
