"""What changed since the merge base, and which version of the dataset that asks for.

Major: a test row, a row's split, a field gone or retyped, a label gone, a constraint tightened, or
1 % and more of the train and valid rows removed. Minor: a field or label added, rows added or fewer
removed, a constraint relaxed. Patch: rows corrected, words about the data. Layout: nothing.
"""

import subprocess
import tempfile
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nlp_gitops.core.errors import NotMeasured, UserError
from nlp_gitops.core.git import GitError, environment, git, git_bytes
from nlp_gitops.core.merge_base import merge_base
from nlp_gitops.core.names import Version
from nlp_gitops.data.manifest import ROW_SUFFIXES, SPLITS, DataFile, Field, Manifest, load_manifest
from nlp_gitops.data.rowcheck import Fault, value_key
from nlp_gitops.data.rows import Splitter, canonical, local_path, read_records
from nlp_gitops.data.table import Int

_ODD = np.int64(0x1E3779B97F4A7C15)
LFS = b"version https://git-lfs"
MAJOR, MINOR, PATCH = "major", "minor", "patch"
RANK = (MAJOR, MINOR, PATCH)
FEW_REMOVED = 0.01
TEST = SPLITS.index("test")
TEXTS = ("description", "pretty_name", "license", "language", "provenance", "limits",
         "quality_checks")


@dataclass(frozen=True)
class Snapshot:
    """One entry a row, sorted by key. `keys` hash the id (or text), `contents` the fields compared.

    `splits` holds indexes into SPLITS. Hashes hold within this process only.
    """

    keys: Int
    contents: Int
    splits: Int


def snapshot(manifest: Manifest, fields: frozenset[str]) -> Snapshot:
    """Read all rows and hash their values of `fields`; other fields do not count."""
    keys, contents, splits = array("q"), array("q"), array("b")
    splitter = Splitter(manifest) if manifest.ratios is not None else None
    for file, split in _files(manifest):
        for _, row in read_records(local_path(file), manifest.fields):
            if isinstance(row, Fault):
                continue
            kept = {name: value for name, value in row.items()
                    if name in fields and value is not None}
            key = row.get("id")
            keys.append(hash(value_key(row.get("text") if key is None else key)))
            contents.append(hash(canonical(kept)))
            splits.append(SPLITS.index(splitter.split_of(row) if splitter else split))
    order = np.argsort(np.array(keys, dtype=np.int64), kind="stable")
    return Snapshot(_numbered(np.array(keys, dtype=np.int64)[order]),
                    np.array(contents, dtype=np.int64)[order],
                    np.array(splits, dtype=np.int64)[order])


def _files(manifest: Manifest) -> list[tuple[DataFile, str]]:
    if manifest.named is None:
        return [(file, "") for file in manifest.files]
    return [(file, split) for split, files in manifest.named.items() for file in files]


def _numbered(keys: Int) -> Int:
    """Make sorted keys unique: equal ones are told apart by their rank among themselves."""
    if not len(keys):
        return keys
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    sizes = np.diff(np.append(starts, len(keys)))
    rank = np.arange(len(keys)) - np.repeat(starts, sizes)
    with np.errstate(over="ignore"):
        return keys ^ (rank * _ODD)


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


@dataclass(frozen=True, slots=True)
class Change:
    """One difference, and the part of the version that it bumps."""

    bump: str
    message: str


def changes(base: Manifest, now: Manifest, has_same_rows: bool) -> list[Change]:
    """Return what differs, the weightiest first. Reads the rows only where they may differ."""
    found = [*_schema_changes(base, now), *_word_changes(base, now)]
    if not has_same_rows:
        fields = frozenset({field.name for field in base.fields}
                           & {field.name for field in now.fields})
        found.extend(row_changes(snapshot(base, fields), snapshot(now, fields)))
    return sorted(found, key=lambda change: RANK.index(change.bump))


def needed(base: Version, found: list[Change]) -> Version:
    """Return the lowest version that the changes since `base` may carry."""
    return base.bumped(found[0].bump) if found else base


def row_changes(base: Snapshot, now: Snapshot) -> Iterator[Change]:
    """Yield how the rows differ. Rows are matched by id, or by text where they have none."""
    _, old, new = np.intersect1d(base.keys, now.keys, assume_unique=True, return_indices=True)
    gone = np.ones(len(base.keys), bool)
    gone[old] = False
    added = np.ones(len(now.keys), bool)
    added[new] = False
    moved = base.splits[old] != now.splits[new]
    edited = ~moved & (base.contents[old] != now.contents[new])
    in_test = base.splits[old] == TEST
    test = int((base.splits[gone] == TEST).sum() + (now.splits[added] == TEST).sum()
               + (edited & in_test).sum()
               + (moved & (in_test | (now.splits[new] == TEST))).sum())
    if test:
        yield Change(MAJOR, f"test split changed: {_rows(test)}")
    others = int((moved & ~in_test & (now.splits[new] != TEST)).sum())
    if others:
        yield Change(MAJOR, f"{_rows(others)} moved between train and valid")
    removed = int((base.splits[gone] != TEST).sum())
    if removed:
        total = int((base.splits != TEST).sum())
        yield Change(MINOR if removed < FEW_REMOVED * total else MAJOR,
                     f"{_rows(removed)} of {total:,} removed from train and valid")
    more = int((now.splits[added] != TEST).sum())
    if more:
        yield Change(MINOR, f"{_rows(more)} added to train and valid")
    corrected = int((edited & ~in_test).sum())
    if corrected:
        yield Change(PATCH, f"{_rows(corrected)} corrected in train and valid")


def _schema_changes(base: Manifest, now: Manifest) -> Iterator[Change]:
    if base.name != now.name:
        yield Change(MAJOR, f"name changed from {base.name} to {now.name}")
    old = {field.name: field for field in base.fields}
    new = {field.name: field for field in now.fields}
    for name in old:
        if name not in new:
            yield Change(MAJOR, f"field {name} removed")
        elif old[name].type != new[name].type:
            yield Change(MAJOR, f"type of {name} changed from {old[name].type} to "
                         f"{new[name].type}")
        else:
            yield from _field_changes(old[name], new[name])
    for name in new:
        if name not in old:
            yield Change(MINOR, f"field {name} added")


def _field_changes(old: Field, new: Field) -> Iterator[Change]:
    name = old.name
    yield from _enum_changes(name, old.enum, new.enum)
    if old.pattern != new.pattern:
        yield Change(MINOR if new.pattern is None else MAJOR, f"pattern of {name} changed")
    for key, before, after in (("nullable", old.nullable, new.nullable),
                               ("required", not old.required, not new.required)):
        if before != after:
            yield Change(MINOR if after else MAJOR,
                         f"{name} is {'relaxed' if after else 'tightened'}: {key}")
    for key, room, room_now in (
            ("min_length", -(old.min_length or 0), -(new.min_length or 0)),
            ("max_length", _or_infinite(old.max_length), _or_infinite(new.max_length))):
        if room != room_now:
            yield Change(MINOR if room_now > room else MAJOR,
                         f"{name} is {'relaxed' if room_now > room else 'tightened'}: {key}")


def _or_infinite(limit: int | None) -> float:
    return float("inf") if limit is None else limit


def _enum_changes(name: str, old: tuple[Any, ...] | None,
                  new: tuple[Any, ...] | None) -> Iterator[Change]:
    if old is None or new is None:
        if old != new:
            yield Change(MAJOR if old is None else MINOR,
                         f"values of {name} are {'limited' if old is None else 'free'} now")
        return
    gone = [str(value)[:40] for value in old if value not in new]
    added = [str(value)[:40] for value in new if value not in old]
    if gone:
        yield Change(MAJOR, f"{name} lost {', '.join(gone[:5])}")
    if added:
        yield Change(MINOR, f"{name} gained {', '.join(added[:5])}")


def _word_changes(base: Manifest, now: Manifest) -> Iterator[Change]:
    for key in TEXTS:
        if base.document.value.get(key) != now.document.value.get(key):
            yield Change(PATCH, f"{key} changed")
    for key, old, new in (("group", base.group, now.group),
                          ("seed", base.seed, now.seed), ("ratios", base.ratios, now.ratios)):
        if old != new:
            yield Change(PATCH, f"splits: {key} changed")


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"
