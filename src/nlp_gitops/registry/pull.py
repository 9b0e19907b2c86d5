"""Fetching a version: every byte is compared with the ledger, and nothing is left half behind."""

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from nlp_gitops.core import files
from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry.reading import Snapshot, assets
from nlp_gitops.registry.store import Asset, Store

_PIECE = 1 << 20


def pull(store: Store, snapshot: Snapshot, ref: ModelRef, target: Path, cache: Path,
         offline: bool = False) -> Path:
    """Bring a version's files into the new folder `target`: the model, and its papers.

    What came over a network stays in `cache`; with `offline` nothing else is looked at. Raises
    CheckFailed for anything altered.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target}: exists already; name a new folder with --out")
    papers = checked_papers(snapshot, ref)
    manifest = json.loads(papers["manifest.json"])
    archive = assets(manifest)[0]
    kept = cache / archive.sha256
    near = store.local(archive)
    with _draft(target) as draft:
        if near and near.is_file():
            _bring(store, ref, manifest, draft)
        elif offline and not is_whole(kept, manifest):
            raise NotMeasured(f"{ref} is not in the cache ({kept}); pull it without --offline")
        else:
            shutil.copytree(cached(store, snapshot, ref, cache), draft, dirs_exist_ok=True)
        for name, data in papers.items():
            files.write_atomic(draft / name, data)
    return target


def cached(store: Store, snapshot: Snapshot, ref: ModelRef, cache: Path) -> Path:
    """Return a version's unpacked files in the cache, fetched if they are not there and whole."""
    manifest = json.loads(checked_papers(snapshot, ref)["manifest.json"])
    target = cache / assets(manifest)[0].sha256
    if not is_whole(target, manifest):
        shutil.rmtree(target, ignore_errors=True)
        with _draft(target) as draft:
            _bring(store, ref, manifest, draft)
    return target


def checked_papers(snapshot: Snapshot, ref: ModelRef) -> dict[str, bytes]:
    """Return a version's papers; raise CheckFailed if the manifest is not the registered one."""
    papers = snapshot.papers(ref)
    if files.sha256_bytes(papers["manifest.json"]) != snapshot.version(ref).manifest_sha256:
        raise CheckFailed(f"{ref}: its manifest was altered after registration; "
                          "see: python tools/registry.py verify")
    return papers


def is_whole(folder: Path, manifest: dict[str, Any]) -> bool:
    """Say whether a folder holds exactly the model files that the manifest names."""
    return (folder / "model").is_dir() and (
        files.sha256_tree(folder / "model") == manifest["model_sha256"])


def _bring(store: Store, ref: ModelRef, manifest: dict[str, Any], draft: Path) -> None:
    archive = assets(manifest)[0]
    with _opened(store, ref, archive, draft) as stream:
        digests = unpack(stream, archive, str(ref), draft)
    model = {name.removeprefix("model/"): digest for name, digest in digests.items()
             if name.startswith("model/")}
    if not model or files.sha256_digests(model) != manifest["model_sha256"]:
        raise CheckFailed(f"{ref}: its archive does not hold the model that the manifest names")


@contextmanager
def _opened(store: Store, ref: ModelRef, archive: Asset, beside: Path) -> Iterator[BinaryIO]:
    """Open an archive where it lies, or a copy of it that lives as long as the block."""
    path = store.local(archive)
    if path is None:
        path = beside / ".archive"
        store.fetch(ref, archive, path)
    try:
        with open(path, "rb") as stream:
            yield stream
    except FileNotFoundError:
        raise NotMeasured(f"{path}: the archive of {ref} is missing") from None
    finally:
        if path.parent == beside:
            path.unlink(missing_ok=True)


class _Checked(io.RawIOBase):
    """A stream that hashes what is read, and ends with an error beyond the archive's size.

    A thread of its own hashes, so that the archive's digest costs no time beside the files' ones.
    """

    def __init__(self, stream: BinaryIO, archive: Asset, thread: Executor) -> None:
        self._stream, self._left, self._thread = stream, archive.size, thread
        self._digest = hashlib.sha256()
        self._hashed = thread.submit(self._digest.update, b"")

    def readable(self) -> bool:
        """Say that this stream can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        piece = self._stream.read(_PIECE if size < 0 else size)
        self._left -= len(piece)
        self._hash(piece)
        if self._left < 0:
            raise tarfile.ReadError("longer than its manifest says")
        return piece

    def rest(self) -> str:
        """Read what is left, however long, and return the digest of all that was read."""
        while piece := self._stream.read(_PIECE):
            self._hash(piece)
        self._hashed.result()
        return self._digest.hexdigest()

    def _hash(self, piece: bytes) -> None:
        self._hashed.result()
        self._hashed = self._thread.submit(self._digest.update, piece)


def unpack(stream: BinaryIO, archive: Asset, what: str, target: Path) -> dict[str, str]:
    """Unpack a tar of plain files while hashing it; return each file's sha256 by name.

    Raises CheckFailed unless all of it is right.

    Links, devices, paths that lead out, and members larger than the archive are refused.
    """
    digests = {}
    with ThreadPoolExecutor(1) as thread:
        checked = _Checked(stream, archive, thread)
        try:
            with tarfile.open(fileobj=checked, mode="r|", bufsize=_PIECE) as members:
                left = archive.size
                for member in members:
                    left -= member.size
                    digests[Path(member.name).as_posix()] = _write(members, member, left, what,
                                                                   target)
            while checked.read(_PIECE):
                pass
        except (tarfile.TarError, FileExistsError, EOFError, UnicodeError) as error:
            _compare(checked, archive, what)
            raise CheckFailed(f"{what}: its archive is not readable: {error}") from None
        _compare(checked, archive, what)
    return digests


def _write(members: tarfile.TarFile, member: tarfile.TarInfo, left: int, what: str,
           target: Path) -> str:
    path = Path(member.name)
    if not member.isreg() or path.is_absolute() or ".." in path.parts or left < 0:
        raise CheckFailed(f"{what}: refused to unpack {member.name!r}: not a plain file inside "
                          "the archive")
    content = members.extractfile(member)
    assert content is not None
    (target / path).parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with open(target / path, "xb") as file:
        while piece := content.read(_PIECE):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def _compare(checked: _Checked, archive: Asset, what: str) -> None:
    if checked.rest() != archive.sha256:
        raise CheckFailed(f"{what}: its archive was altered (wrong sha256); nothing was kept")


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Give a folder that becomes `target` if the block succeeds, and vanishes otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=".incoming-"))
    try:
        yield draft
        draft.chmod(0o755)
        if target.is_dir():
            target.rmdir()
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
