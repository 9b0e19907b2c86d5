"""Import a table of somebody's rows: clean them, split them by group, and write a dataset version.

Nothing below `data/` changes before every row was read and judged.
"""

import json
import random
import shutil
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import Version
from nlp_gitops.data import card
from nlp_gitops.data.check import measure
from nlp_gitops.data.codes import Collector, severities
from nlp_gitops.data.jsonlines import Row
from nlp_gitops.data.manifest import DataFile, load_manifest
from nlp_gitops.data.rows import digest, read_rows

SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}
MAX_LABELS = 1000


@dataclass(frozen=True)
class Columns:
    """Which column of the file is what; None where the file has no such column."""

    text: str
    label: str
    id: str | None = None
    domain: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Imported:
    """Cleaned rows by split, and how many rows were left out for which reason."""

    splits: Mapping[str, list[Row]]
    labels: tuple[str, ...]
    dropped: Mapping[str, int]


def read_table(path: Path, columns: Columns, labels: Sequence[str] | None) -> list[Row]:
    """Return the file's rows as id, text, label, domain, group; raise UsageError at a bad one."""
    wanted = {name: column for name, column in vars(columns).items() if column}
    allowed = set(labels or ())
    rows: list[Row] = []
    for line, source in read_rows(DataFile(path)):
        for name, column in wanted.items():
            if column not in source:
                raise UsageError(f"{path}:{line}: no column {column!r} for --{name}; there are "
                                 + ", ".join(map(repr, source)))
        row = {"id": str(source[columns.id]) if columns.id else f"r-{len(rows) + 1:06d}",
               "text": source[columns.text], "label": _label(source[columns.label])}
        row.update({name: str(source[column]) for name, column in wanted.items()
                    if name in ("domain", "group") and source[column] is not None})
        if allowed and row["label"] not in allowed:
            raise UsageError(f"{path}:{line}: label {row['label']!r} is not in --labels "
                             f"({', '.join(labels or ())})")
        if row["text"] is not None and not isinstance(row["text"], str):
            raise UsageError(f"{path}:{line}: {columns.text!r} holds {row['text']!r}, not a text")
        _refuse_undecoded(path, line, row)
        if "\0" in (row["text"] or ""):
            raise UsageError(f"{path}:{line}: the text holds a NUL character; is this a text file?")
        rows.append(row)
    if not rows:
        raise UsageError(f"{path}: no rows")
    return rows


def prepare(rows: Sequence[Row], labels: Sequence[str] | None, seed: int) -> Imported:
    """Drop what cannot be used, and split the rest by group with labels in equal shares."""
    kept, dropped = _clean(rows)
    names = tuple(labels or sorted({row["label"] for row in kept}))
    if len(kept) < 10 or len(names) < 2:
        raise UsageError(f"{len(kept)} usable rows with {len(names)} labels; at least 10 rows and "
                         "2 labels are needed")
    if len(names) > MAX_LABELS:
        raise UsageError(f"{len(names)} different labels; is --label the right column?")
    return Imported(split(kept, seed), names, dropped)


def split(rows: Sequence[Row], seed: int) -> dict[str, list[Row]]:
    """Return train, valid and test: whole groups, each label spread in the shares of SHARES.

    Groups go in random order to the split that lacks most of the group's labels; this is the
    greedy form of iterative stratification (Sechidis, Tsoumakas and Vlahavas, 2011).
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.get("group") or row["id"]].append(row)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    order.sort(key=lambda name: -len(groups[name]))
    totals = Counter(row["label"] for row in rows)
    need = {name: {label: count * share for label, count in totals.items()}
            for name, share in SHARES.items()}
    place: dict[str, str] = {}
    for group in order:
        labels = Counter(row["label"] for row in groups[group])
        best = max(SHARES, key=lambda name: sum(
            count * need[name][label] / (totals[label] * SHARES[name])
            for label, count in labels.items()))
        place[group] = best
        for label, count in labels.items():
            need[best][label] -= count
    result: dict[str, list[Row]] = {name: [] for name in SHARES}
    for row in rows:
        result[place[row.get("group") or row["id"]]].append(row)
    for name, part in result.items():
        if not part:
            raise UsageError(f"the {name} split would be empty; there are too few groups "
                             f"({len(groups)}) to keep them whole")
    return result


def write(manifest: Path, imported: Imported, about: Mapping[str, Any]) -> str:
    """Write rows, manifest and card as one new dataset version; return the version.

    Everything is written beside the old files first and then put in their place.
    """
    folder = manifest.parent
    version = _next_version(manifest, about["name"])
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder, prefix=".import-"))
    try:
        for name, rows in imported.splits.items():
            with open(draft / f"{name}.jsonl", "w", encoding="utf-8", newline="\n") as stream:
                stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        made = draft / manifest.name
        made.write_text(_manifest_text(imported, about, version), encoding="utf-8")
        described = load_manifest(made)
        measured = measure(described, Collector(severities({})))
        card.path_of(described).write_text(card.current(described, measured), encoding="utf-8")
        # The manifest goes last: until then the pinned digest tells that something is amiss.
        for path in sorted(draft.iterdir(), key=lambda item: item == made):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return version


def _refuse_undecoded(path: Path, line: int, row: Row) -> None:
    for value in row.values():
        if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
            raise UsageError(f"{path}:{line}: not UTF-8; convert the file, for example with: "
                             "iconv -f LATIN1 -t UTF-8")


def _label(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def _clean(rows: Sequence[Row]) -> tuple[list[Row], dict[str, int]]:
    """Drop rows without text or label, repeated rows, and texts with two different labels."""
    dropped: Counter[str] = Counter()
    by_text: dict[str, list[Row]] = defaultdict(list)
    ids: set[str] = set()
    for row in rows:
        text = " ".join((row["text"] or "").split())
        if not text or not row["label"]:
            dropped["no text or label"] += 1
            continue
        if row["id"] in ids:
            raise UsageError(f"duplicate id {row['id']!r}; leave --id out to number the rows")
        ids.add(row["id"])
        by_text[unicodedata.normalize("NFKC", text).casefold()].append({**row, "text": text})
    kept = []
    for same in by_text.values():
        if len({row["label"] for row in same}) > 1:
            dropped["same text with different labels"] += len(same)
        else:
            kept.append(same[0])
            dropped["same text again"] += len(same) - 1
    return kept, {reason: count for reason, count in dropped.items() if count}


def _next_version(manifest: Path, name: str) -> str:
    """Return 1.0.0 for a new dataset; the next major for an old one, since its test rows go."""
    if not manifest.is_file():
        return "1.0.0"
    old = load_manifest(manifest)
    return str(Version.parse(old.version).bumped("major")) if old.name == name else "1.0.0"


def _manifest_text(imported: Imported, about: Mapping[str, Any], version: str) -> str:
    fields = {key for rows in imported.splits.values() for row in rows for key in row}
    everywhere = {key for key in fields if all(
        key in row for rows in imported.splits.values() for row in rows)}
    schema = ["  id: string", "  text: {type: string, min_length: 1}",
              f"  label: {{enum: {json.dumps(list(imported.labels), ensure_ascii=False)}}}"]
    for key in ("domain", "group"):
        if key in fields:
            schema.append(f"  {key}: string" if key in everywhere
                          else f"  {key}: {{type: string, required: false}}")
    group = "\n  group: group" if "group" in fields else ""
    rows = sum(map(len, imported.splits.values()))
    return f"""name: {about["name"]}
version: {version}
description: {json.dumps(about["description"], ensure_ascii=False)}
license: {json.dumps(about["license"])}
language: {json.dumps(about["language"])}
provenance: {json.dumps(_provenance(imported, about), ensure_ascii=False)}
schema:
{chr(10).join(schema)}
quality_checks:
  - min_rows: {int(rows * 0.9)}
  - max_null_text_pct: 0
splits:
  train: train.jsonl
  valid: valid.jsonl
  test: test.jsonl{group}
test_sha256: {digest(imported.splits["test"])}
"""


def _provenance(imported: Imported, about: Mapping[str, Any]) -> str:
    left_out = "".join(f"; left out {count:,} rows: {reason}"
                       for reason, count in imported.dropped.items())
    return about["provenance"] + left_out
