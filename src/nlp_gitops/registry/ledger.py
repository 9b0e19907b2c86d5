"""The ledger: branch `registry` of a remote, one commit per event. All reading and pushing of it.

Commits and tags are made by object id (`transaction.py`) and pushed in one atomic push, which is
never forced. So a push is a compare-and-swap: it lands whole on the state it was decided on, or not
at all. No local branch, tag, index or work tree is touched.
"""

import contextlib
import re
import shlex
import subprocess
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nlp_gitops.core import git, git_objects
from nlp_gitops.core.errors import Conflict, NotMeasured, UsageError
from nlp_gitops.registry.init_remote import make_bare

BRANCH = "refs/heads/registry"
# Refs that hold commits until the ledger does; nobody reads them.
DRAFTS = "refs/nlp-registry/draft/"
# What git says of a push that came second; everything else that it refuses stays refused.
_RACES = ("already exists", "fetch first", "non-fast-forward", "stale info", "failed to update ref",
          "cannot lock ref", "failed to lock", "atomic push failed", "atomic transaction failed",
          "incorrect old value", "transaction failed")


class Rejected(Exception):
    """The remote refused the push because somebody else was first. Read again and retry."""


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

    @property
    def is_there(self) -> bool:
        """Say whether the remote can exist at all; `local` does not before its first event."""
        return self.made_here is None or (self.made_here / "HEAD").is_file()

    @property
    def folder(self) -> Path | None:
        """Return the folder of a remote that lies on this machine; None for any other."""
        if self.made_here:
            return self.made_here if self.is_there else None
        return self._folder

    @cached_property
    def _folder(self) -> Path | None:
        try:
            url = git.git(self.repo, "remote", "get-url", self.remote)
        except git.GitError:
            return None
        # git, too, reads a relative address from the repository.
        path = self.repo / Path(url).expanduser()
        return path.resolve() if path.is_dir() else None

    def fetch(self) -> str | None:
        """Return the remote ledger's newest commit; None if there is no ledger yet.

        Raises NotMeasured if the remote cannot be read or its ledger was rewritten.
        """
        if not self.is_there:
            return None
        if (seen := self._unmoved()):
            return seen
        try:
            # Not quiet: then git would not say that it was the ledger which it rejected.
            git.git(self.repo, "fetch", "--no-tags", "--no-write-fetch-head",
                    "--no-auto-maintenance", "--refmap=", self.remote, f"{BRANCH}:{self.ref}",
                    env=git.token_environment())
        except git.GitError as error:
            self._check_missing(error)
            return None
        return self.last_seen()

    def _unmoved(self) -> str | None:
        """Return the commit seen last if a remote on this machine still ends there, else None."""
        seen, folder = self.last_seen(), self.folder
        with contextlib.suppress(git.GitError):
            return seen if seen and folder and git_objects.resolve(folder, BRANCH) == seen else None
        return None

    def last_seen(self) -> str | None:
        """Return the ledger's commit that was fetched last, without asking the remote."""
        return git_objects.resolve(self.repo, self.ref)

    def _check_missing(self, error: git.GitError) -> None:
        """Raise what a failed fetch means, unless it is that there is no ledger yet."""
        said = error.stderr
        if "couldn't find remote ref" in said:
            if git.has_ref(self.repo, self.ref):
                raise NotMeasured(f"{self.remote}: the ledger branch was deleted since it was last "
                                  f"read; put it back: git push {self.remote} "
                                  f"{self.ref}:{BRANCH}") from None
            return None
        if "[rejected]" in said:
            raise NotMeasured(f"{self.remote}: the ledger was rewritten since it was last read "
                              f"({self.ref}); somebody forced a push. See what differs: "
                              "python tools/registry.py verify") from None
        if f"'{self.remote}' does not appear to be a git repository" in said:
            raise UsageError(f"registry {self.remote!r} is no git remote of this repository; "
                             "use --registry local, or add it with git remote add") from None
        raise NotMeasured(f"cannot read the registry of {self.remote}: {error}") from None

    def read(self, commit: str, path: str) -> bytes | None:
        """Return a file of the ledger at a commit, or None."""
        return next(self.read_all(commit, [path]))

    def read_all(self, commit: str, paths: Sequence[str]) -> Iterator[bytes | None]:
        """Yield the content of each path at a commit, None where there is no such file."""
        for found in git_objects.read_all(self.repo, [f"{commit}:{path}" for path in paths]):
            yield found.data if found and found.kind == "blob" else None

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names inside a folder of the ledger; none if there is no such folder."""
        found = git_objects.read(self.repo, f"{commit}:{folder}")
        return list(git_objects.entries(found)) if found and found.kind == "tree" else []

    def log(self, commit: str, *options: str) -> Iterator[tuple[str, str]]:
        """Yield (commit, message) from the newest event to the root, as git streams them.

        Raises NotMeasured if git cannot read them all.
        """
        with subprocess.Popen(["git", "-C", str(self.repo), "log", "-z", "--first-parent",
                               "--format=%H%n%B", *options, commit],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env=git.environment()) as process:
            assert process.stdout
            rest = b""
            while piece := process.stdout.read(1 << 16):
                *whole, rest = (rest + piece).split(b"\0")
                yield from map(_entry, whole)
            if rest:
                yield _entry(rest)
            if process.wait():
                raise NotMeasured("git cannot read the whole ledger; see: git fsck")

    def at(self, commit: str, time: int) -> str | None:
        """Return the newest commit not younger than `time` (Unix seconds); None before the first.

        Committer times only grow along the ledger, whatever the clocks of the writers said.
        """
        found = git.git(self.repo, "rev-list", "-1", "--first-parent", f"--before={time}", commit)
        return found or None

    def remote_tags(self) -> dict[str, tuple[str, str | None]]:
        """Return the remote's tags: name -> (object id, id of the tagged commit or None)."""
        if not self.is_there:
            return {}
        try:
            listing = git.git(self.repo, "ls-remote", "--tags", self.remote,
                              env=git.token_environment())
        except git.GitError as error:
            raise NotMeasured(f"cannot read the tags of {self.remote}: {error}") from None
        found: dict[str, tuple[str, str | None]] = {}
        for oid, _, ref in (line.partition("\t") for line in listing.splitlines()):
            name = ref.removeprefix("refs/tags/").removesuffix("^{}")
            found[name] = (found[name][0], oid) if ref.endswith("^{}") else (oid, None)
        return found

    def push(self, commit: str, tags: Mapping[str, str]) -> None:
        """Push the ledger and its tags, all or nothing; raise Rejected if others were first."""
        if self.made_here and not self.is_there:
            make_bare(self.made_here, "registry")
        specs = [f"{commit}:{BRANCH}", *(f"{oid}:refs/tags/{name}" for name, oid in tags.items())]
        try:
            with self._sent_ahead(commit, tags.values()):
                git.git(self.repo, "push", "--quiet", "--porcelain", "--atomic", "--no-verify",
                        *self._receiver(tags), self.remote, *specs, env=git.token_environment())
        except git.GitError as error:
            if not self._landed(commit, error):
                self._refused(error)
        git.git(self.repo, "update-ref", self.ref, commit)

    @contextlib.contextmanager
    def _sent_ahead(self, commit: str, tags: Iterable[str]) -> Iterator[None]:
        """Put the new objects into a remote on this machine before the push, under a ref of ours.

        After a push git walks the whole tree of the newest event to see that nothing is missing;
        at 100,000 events that alone takes half a second. What a ref of the remote holds already is
        not walked again, and packing has read the same objects. Whatever fails here is left to the
        push to meet, and to name.
        """
        folder, before = self.folder, self.last_seen()
        if folder is None or before is None:
            yield
            return
        draft = f"{DRAFTS}{uuid.uuid4().hex}"
        try:
            wanted = "\n".join([commit, *tags, f"^{before}", ""])
            pack = git.git_bytes(self.repo, "pack-objects", "--quiet", "--revs", "--thin",
                                 "--stdout", stdin=wanted.encode())
            git.git_bytes(folder, "unpack-objects", "-q", stdin=pack)
            git.git(folder, "update-ref", draft, commit)
        except git.GitError:
            yield
            return
        try:
            yield
        finally:
            with contextlib.suppress(git.GitError):
                git.git(folder, "update-ref", "-d", draft)

    def _receiver(self, tags: Iterable[str]) -> list[str]:
        """Return options that keep a remote on this machine from reading all of its tags.

        After a push git walks from every ref to see that nothing is missing. Of the tags only the
        pushed ones matter: no other one holds what the ledger branch lacks.
        """
        if self.folder is None:
            return []
        # New objects wait in a folder of their own, to which the repository is an alternate.
        settings = ["core.alternateRefsPrefixes=refs/heads", "receive.hideRefs=refs/tags",
                    *(f"receive.hideRefs=!refs/tags/{name}" for name in tags)]
        options = [word for setting in settings for word in ("-c", setting)]
        return [f"--receive-pack={shlex.join(['git', *options, 'receive-pack'])}"]

    def _landed(self, commit: str, error: git.GitError) -> bool:
        """Say whether a push that failed had landed before its answer was lost."""
        try:
            newest = self.fetch()
        except NotMeasured:
            raise NotMeasured(f"{self.remote} went away during the push ({error}); it may have "
                              "landed: look with python tools/registry.py history before you "
                              "repeat it") from None
        return newest is not None and self.contains(newest, commit)

    def _refused(self, error: git.GitError) -> None:
        """Raise Rejected for a lost race, and what mends it for every other refusal."""
        said = f"{error.stdout}\n{error.stderr}"
        verdicts = [line for line in said.splitlines() if line.startswith("!")]
        if "hook declined" in said or "protected branch" in said.lower():
            said_by_hook = [line.removeprefix("remote: ").strip()
                            for line in error.stderr.splitlines() if line.startswith("remote: ")]
            raise Conflict(f"{self.remote} refuses the push: "
                           + (said_by_hook or [str(error)])[0]) from None
        if (verdicts and all(any(race in line for race in _RACES) for line in verdicts)
                or "Unable to create" in said and ".lock" in said):
            raise Rejected((verdicts or [str(error)])[0]) from None
        raise NotMeasured(f"cannot write the registry of {self.remote}: {_cause(error)}") from None

    def contains(self, newest: str, commit: str) -> bool:
        """Say whether `commit` is part of the ledger that ends at `newest`."""
        return git.is_ancestor(self.repo, commit, newest)


def _cause(error: git.GitError) -> str:
    """Return the line of git's answer that says why, not merely that it failed."""
    if "unable to create temporary object directory" in error.stderr:
        # git keeps the system's reason to itself here.
        return "its repository takes no new objects; is its disk full, or read-only?"
    for word in ("No space left", "Permission denied", "permission", "Read-only", "denied",
                 "insufficient", "unpack"):
        for line in error.stderr.splitlines():
            if word in line:
                return line.removeprefix("remote: ").strip()
    return str(error)


def _entry(record: bytes) -> tuple[str, str]:
    oid, _, message = record.decode("utf-8", "surrogateescape").strip("\n").partition("\n")
    return oid, message + "\n"
