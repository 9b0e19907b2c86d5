"""The dataset as it was at the commit that a change is compared with."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nlp_gitops.core.errors import NotMeasured, UserError
from nlp_gitops.core.git import GitError, environment, git, git_bytes
from nlp_gitops.core.merge_base import merge_base
from nlp_gitops.data.manifest import ROW_SUFFIXES, DataFile, Manifest, load_manifest

LFS = b"version https://git-lfs"


@dataclass(frozen=True)
class Base:
    """The dataset of the base commit; its files exist only while `base_of` is entered.

    `has_same_rows` says that files, splits and schema are those of now, byte for byte.
    """

    manifest: Manifest
    has_same_rows: bool


@contextmanager
def base_of(manifest: Manifest, ref: str | None) -> Iterator[Base | None]:
    """Give the dataset at the merge base with `ref` or the default branch; None if it is new.

    Raise NotMeasured where the base is not known or cannot be read.
    """
    folder = manifest.path.parent
    commit = merge_base(folder, ref)
    with tempfile.TemporaryDirectory(prefix="dataset-base-") as name:
        target = Path(name) / folder.resolve().name
        target.mkdir()
        try:
            blobs = _blobs(folder, commit, manifest.path.name) if commit else {}
            yield _extract(manifest, blobs, target) if manifest.path.name in blobs else None
        except GitError as error:
            raise NotMeasured(f"{manifest.path}: {error}") from None


def _blobs(folder: Path, commit: str, manifest: str) -> dict[str, str]:
    """Return path below the folder -> blob id, of the manifest and all row files of a commit."""
    found = {}
    for entry in git_bytes(folder, "ls-tree", "-r", "-z", commit).split(b"\0"):
        about, _, raw = entry.partition(b"\t")
        name = raw.decode("utf-8", "surrogateescape")
        # 120000 is a symbolic link, whose blob is a path and no rows.
        if about.startswith(b"100") and (name == manifest or name.endswith(ROW_SUFFIXES)):
            found[name] = about.split()[2].decode()
    return found


def _extract(now: Manifest, blobs: Mapping[str, str], target: Path) -> Base:
    for name, blob in blobs.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        # Row files stay empty until it is known that they are needed.
        (target / name).touch()
    folder = now.path.parent
    _write_blob(folder, blobs[now.path.name], target / now.path.name)
    try:
        base = load_manifest(target / now.path.name)
    except UserError as error:
        raise NotMeasured(f"the manifest at the base cannot be read: "
                          f"{str(error).replace(str(target), str(folder))}") from None
    base = _with_cache(base, now)
    same = _rows_key(base, {target / name: blob for name, blob in blobs.items()}) == _rows_key(
        now, {file.path: _hash(file.path) for file in now.files if file.url is None})
    if not same:
        for file in base.files:
            if file.url is None:
                name = file.path.relative_to(target).as_posix()
                if name not in blobs:
                    raise NotMeasured(f"{now.path}: the base commit holds no file {name}, so its "
                                      "rows are not at hand; commit row files, or give a url")
                _write_blob(folder, blobs[name], file.path)
    return Base(base, same)


def _with_cache(base: Manifest, now: Manifest) -> Manifest:
    """Let fetched files lie in the repository's own cache, not in the temporary folder."""
    cache = now.path.parent / ".." / ".cache" / "data"

    def moved(file: DataFile) -> DataFile:
        if file.url is None:
            return file
        return replace(file, path=cache / file.path.parent.name / file.path.name)

    named = base.named and {split: tuple(map(moved, files)) for split, files in base.named.items()}
    return replace(base, files=tuple(map(moved, base.files)), named=named)


def _rows_key(manifest: Manifest, blobs: Mapping[Path, str]) -> object:
    """Return what decides which rows there are, in which split, with which fields."""
    def content(file: DataFile) -> str | None:
        return file.sha256 if file.url else blobs.get(file.path)

    named = [(split, [content(file) for file in files])
             for split, files in (manifest.named or {}).items()]
    return (manifest.fields, [content(file) for file in manifest.files], manifest.ratios, named,
            manifest.group, manifest.seed if manifest.ratios else None)


def _hash(file: Path) -> str:
    return git(file.parent, "hash-object", "--", file.name) if file.is_file() else ""


def _write_blob(folder: Path, blob: str, target: Path) -> None:
    with open(target, "wb") as stream:
        done = subprocess.run(["git", "-C", str(folder), "cat-file", "blob", blob], stdout=stream,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment())
    if done.returncode:
        raise GitError(("cat-file",), done.returncode, done.stderr.decode("utf-8", "replace"))
    with open(target, "rb") as stream:
        if stream.read(len(LFS)) == LFS:
            raise NotMeasured(f"{target.name} is kept in git LFS, so the rows of the base are not "
                              "at hand")
