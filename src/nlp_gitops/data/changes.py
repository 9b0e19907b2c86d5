"""What changed between two versions of a dataset, and which version that asks for.

Major: a test row, a row's split, a field gone or retyped, a label gone, a constraint tightened, or
1 % and more of the train and valid rows removed. Minor: a field or label added, rows added or fewer
removed, a constraint relaxed. Patch: rows corrected, words about the data. Layout: nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlp_gitops.core.names import Version
from nlp_gitops.data.manifest import SPLITS, Field, Manifest
from nlp_gitops.data.snapshot import Snapshot, snapshot

MAJOR, MINOR, PATCH = "major", "minor", "patch"
RANK = (MAJOR, MINOR, PATCH)
FEW_REMOVED = 0.01
TEST = SPLITS.index("test")
TEXTS = ("description", "pretty_name", "license", "language", "provenance", "limits",
         "quality_checks")


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
