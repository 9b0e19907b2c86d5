"""Making ledger commits and tags as git objects. Nothing points to them before they are pushed."""

import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops.core import context, git, package_files
from nlp_gitops.registry.events import Event
from nlp_gitops.registry.ledger import DRAFTS

# Stands for the first commit of a call, which its own tree cannot name.
REGISTERED = "@REGISTERED@"
ROOT_README = """# Model registry

This branch is the ledger: one commit per event, never edited. Stages appear here with the first
registered version. Read it with `python tools/registry.py show` and `history`.
"""
_STUBS = "registry/stubs"
Signer = Callable[[bytes], bytes]


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
