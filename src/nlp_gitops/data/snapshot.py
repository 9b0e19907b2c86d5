"""All rows of a dataset reduced to hashes, so that two versions of it can be compared."""

from array import array
from dataclasses import dataclass

import numpy as np

from nlp_gitops.data.manifest import SPLITS, DataFile, Manifest
from nlp_gitops.data.rowcheck import Fault, value_key
from nlp_gitops.data.rows import Splitter, canonical, read_records
from nlp_gitops.data.sources import local_path
from nlp_gitops.data.table import Int

_ODD = np.int64(0x1E3779B97F4A7C15)


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
