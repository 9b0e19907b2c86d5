"""Checking an audit file without network or repository: every alteration is one line.

Digests alone would not do, for who alters a file can write SHA256SUMS anew. So the file is derived
once more from its own git objects, and the ledger in it is replayed.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops.audit import bundle, proof
from nlp_gitops.audit.ledger_faults import faults
from nlp_gitops.core.errors import CheckFailed, UserError
from nlp_gitops.core.files import sha256_bytes
from nlp_gitops.core.git import GitError
from nlp_gitops.core.names import ModelRef

# What a hostile ledger can make of code that expects the registry's own JSON.
_BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError)


@dataclass(frozen=True)
class Checked:
    """What a check found: the version and the ledger's commit, and what is wrong with the file.

    `unchecked` says what this code could not judge.
    """

    version: str | None
    ledger: str | None
    files: int
    faults: tuple[str, ...]
    unchecked: tuple[str, ...] = ()


def check(path: Path) -> Checked:
    """Check an audit file; raise CheckFailed if it is none, and OSError if it cannot be read."""
    data = path.read_bytes()
    folder, found, odd = _members(path, data)
    wrong = {name: f"{said}: {name}" for name, said in odd.items()} | _by_sums(found)
    if bundle.LEDGER not in found:
        wrong.setdefault(bundle.LEDGER, f"removed: {bundle.LEDGER}")
        return Checked(None, None, len(found), tuple(wrong.values()))
    try:
        with proof.opened(found[bundle.LEDGER], found.get(bundle.SOURCE)) as repo:
            ref = _version(proof.tags(repo))
            broken = list(faults(repo, ref))
            if broken:
                return Checked(str(ref), None, len(found), (*wrong.values(), *broken))
            writer = _about(found).get("written_by")
            wanted = bundle.contents(repo, ref, {name: found[name] for name in (
                bundle.LEDGER, bundle.SOURCE) if name in found}, str(writer))
    except (UserError, GitError, *_BROKEN) as error:
        return Checked(None, None, len(found), (*wrong.values(), f"proof: not readable: {error}"))
    unchecked: tuple[str, ...] = ()
    if writer != bundle.writer() and bundle.INDEX in found:
        unchecked = (f"{bundle.INDEX}: written by another version of this tool, which may word it "
                     "otherwise; check it with that one",)
        wanted[bundle.INDEX] = found[bundle.INDEX]
        wanted[bundle.SUMS] = bundle.sums(
            {name: data for name, data in wanted.items() if name != bundle.SUMS})
    wrong = _by_proof(found, wanted) | wrong
    if not wrong and (folder != bundle.folder(ref) or bundle.archive(ref, wanted) != data):
        wrong[""] = "altered: the tar around the files, though every file in it is right"
    return Checked(str(ref), json.loads(wanted[bundle.ABOUT])["ledger"], len(found),
                   tuple(wrong[name] for name in sorted(wrong)), unchecked)


def _version(tags: Iterable[str]) -> ModelRef:
    names = [name for name in tags if "@" in name]
    if len(names) != 1:
        raise CheckFailed(f"{bundle.LEDGER} holds the tags of {len(names)} versions, not of one")
    return ModelRef.parse(names[0])


def _members(path: Path, data: bytes) -> tuple[str, dict[str, bytes], dict[str, str]]:
    """Return the folder's name, the files in it, and what is odd about any of them."""
    found: dict[str, bytes] = {}
    odd: dict[str, str] = {}
    folder = ""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                folder, _, name = member.name.partition("/")
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or name in found:
                    odd[name] = "added: not a plain file" if content is None else "added twice"
                else:
                    found[name] = content.read()
    except (tarfile.TarError, EOFError, UnicodeError) as error:
        raise CheckFailed(f"{path}: no audit file, or a cut one: {error}") from None
    if bundle.SUMS not in found and bundle.LEDGER not in found:
        raise CheckFailed(f"{path}: no audit file: neither {bundle.SUMS} nor {bundle.LEDGER} in it")
    return folder, found, odd


def _by_sums(found: Mapping[str, bytes]) -> dict[str, str]:
    """Return what differs from SHA256SUMS, by file."""
    text = found.get(bundle.SUMS, b"").decode("utf-8", "replace")
    listed = {name: digest for digest, _, name in
              (line.partition("  ") for line in text.splitlines())}
    wrong = {}
    for name in sorted((listed.keys() | found.keys()) - {bundle.SUMS}):
        if name not in found:
            wrong[name] = f"removed: {name}"
        elif bundle.SUMS in found and name not in listed:
            wrong[name] = f"added: {name}"
        elif bundle.SUMS in found and sha256_bytes(found[name]) != listed[name]:
            wrong[name] = (f"altered: {name}: its sha256 is {sha256_bytes(found[name])[:12]}…, "
                           f"{bundle.SUMS} says {listed[name][:12]}…")
    return wrong


def _by_proof(found: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> dict[str, str]:
    """Return what differs from what the git objects say, by file."""
    wrong = {}
    for name in found.keys() | wanted.keys():
        if name not in found:
            wrong[name] = f"removed: {name}"
        elif name not in wanted:
            wrong[name] = f"added: {name}: neither ledger nor source commit holds it"
        elif found[name] != wanted[name]:
            wrong[name] = (f"altered: {name}: not what ledger and source commit say "
                           f"(sha256 {sha256_bytes(wanted[name])[:12]}…)")
    return wrong


def _about(found: Mapping[str, bytes]) -> Mapping[str, object]:
    try:
        value = json.loads(found.get(bundle.ABOUT, b""))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
