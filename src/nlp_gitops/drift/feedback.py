"""Delayed labels: taken in as CSV, JSONL or from the service, and joined with predictions by id.

    DIR/dt=2026-03-08/feedback-120000-4711-1.jsonl

The last label of a request counts. Memory is bounded: labels are taken 200,000 at a time, and the
log is read once for each such part.
"""

import csv
import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from nlp_gitops.core import files
from nlp_gitops.core.errors import CheckFailed, UsageError
from nlp_gitops.drift import logs
from nlp_gitops.drift.columns import OTHER, Layout, is_other
from nlp_gitops.drift.inputs import Days
from nlp_gitops.drift.logs import Faults, Line

FEEDBACK_SCHEMA = "nlp-gitops/feedback/1"
AT_ONCE = 200_000
LONGEST_ID, LONGEST_LABEL = 64, 200
_NUMBERS = count(1)


def entry(request_id: Any, label: Any, row: Any = 0, at: datetime | None = None) -> dict[str, Any]:
    """Return one delayed label; raise ValueError if it is none."""
    if type(request_id) is not str or not 0 < len(request_id) <= LONGEST_ID:
        raise ValueError(f"`request_id` must be a text of 1 to {LONGEST_ID} characters")
    if type(label) is not str or not 0 < len(label) <= LONGEST_LABEL:
        raise ValueError(f"`label` must be a text of 1 to {LONGEST_LABEL} characters")
    if type(row) is not int or not 0 <= row < 1_000_000:
        raise ValueError("`row` must be the number of the text in its request, from 0")
    return {"schema": FEEDBACK_SCHEMA, "at": (at or datetime.now(timezone.utc)).isoformat(
        timespec="seconds"), "request_id": request_id, "row": row, "label": label}


def take_in(source: Path, target: Path, id_field: str = "request_id",
            label_field: str = "label") -> tuple[Path, int]:
    """Write a file of labels into the feedback log; return the new file and its lines.

    All or nothing: a faulty line raises CheckFailed with file:line, and nothing is written.
    """
    lines = _csv(source) if source.suffix.lower() in (".csv", ".tsv") else _jsonl(source)
    text, number = [], 0
    for number, (place, line) in enumerate(lines, 1):
        if id_field not in line or label_field not in line:
            raise CheckFailed(f"{source}:{place}: needs the fields {id_field!r} and "
                              f"{label_field!r}; name others with --id and --label")
        row = line.get("row") or 0
        try:
            text.append(json.dumps(entry(line[id_field], line[label_field], int(row))))
        except (ValueError, TypeError, OverflowError) as error:
            raise CheckFailed(f"{source}:{place}: {error}") from None
    if not number:
        raise CheckFailed(f"{source}: no labels in it")
    return write(target, text), number


def write(target: Path, lines: list[str]) -> Path:
    """Write lines as a new file of the feedback log."""
    now = datetime.now(timezone.utc)
    path = target / f"dt={now:%Y-%m-%d}" / (
        f"feedback-{now:%H%M%S}-{os.getpid()}-{next(_NUMBERS)}.jsonl")
    files.write_atomic(path, "".join(f"{line}\n" for line in lines))
    return path


def _csv(source: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with open(source, encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t" if source.suffix.lower() == ".tsv" else ",")
        try:
            for line in reader:
                yield reader.line_num, line
        except (csv.Error, UnicodeDecodeError) as error:
            raise CheckFailed(f"{source}:{reader.line_num}: {error}") from None


def _jsonl(source: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    faults = Faults()
    for block in logs.read(str(source), faults):
        if faults.wrong or faults.torn:
            raise CheckFailed(faults.told[0] if faults.told else f"{source}: its end is missing")
        for line, number in block:
            yield number, line


def join(feedback: str, places: list[str], layout: Layout, model: str,
         days: Days | None = None) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Return confusion matrices (gold, predicted) by slice, and how many labels found their line.

    Labels and values are those of the layout; any other is the last of each matrix.
    """
    names = logs.files_of(feedback)
    total = sum(len(block) for name in names for block in logs.read(name, Faults()))
    parts = max(1, -(-total // AT_ONCE))
    size = len(layout.labels) + 1
    found = {name: np.zeros((size, size), np.int64) for name in layout.slice_names}
    matched = known = 0
    for part in range(parts):
        labels = _labels(names, part, parts)
        known += len(labels)
        for line in _predictions(places, model, days):
            key = _key(line)
            gold = labels.pop(key, None) if key else None
            if gold is not None:
                matched += 1
                _add(found, layout, gold, line)
    return ({name: matrix for name, matrix in found.items() if matrix.any()},
            {"labels": known, "matched": matched, "unmatched": known - matched})


def _labels(names: list[str], part: int, parts: int) -> dict[tuple[str, int], str]:
    found: dict[tuple[str, int], str] = {}
    for name in names:
        for block in logs.read(name, Faults()):
            for line, _ in block:
                key = _key(line)
                if key and crc32(key[0].encode("utf-8", "replace")) % parts == part:
                    found[key] = str(line.get("label"))
    return found


def _key(line: Line) -> tuple[str, int] | None:
    """Return what a label and its prediction have in common; None if the line does not say."""
    request, row = line.get("request_id"), line.get("row") or 0
    return (request, row) if isinstance(request, str) and isinstance(row, int) else None


def _predictions(places: list[str], model: str, days: Days | None) -> Iterator[Line]:
    for place in places:
        for name in logs.files_of(place):
            day = logs.day_of(name)
            if days and day and not str(days.first) <= day <= str(days.last):
                continue
            for block in logs.read(name, Faults()):
                for line, _ in block:
                    if isinstance(line.get("label"), str) and not is_other(line, model):
                        yield line


def _add(found: dict[str, np.ndarray], layout: Layout, gold: str, line: Line) -> None:
    places = {label: place for place, label in enumerate(layout.labels)}
    cell = (places.get(gold, len(places)), places.get(line["label"], len(places)))
    fields = line.get("fields")
    given = fields if isinstance(fields, dict) else line
    names = ["all", *(f"{name}={value if str(value) in known else OTHER}"
                      for name, known in layout.slices
                      if (value := given.get(name)) is not None)]
    for name in names:
        found[name][cell] += 1


def check_place(text: str) -> Path:
    """Return the folder of a feedback log to write to; raise UsageError for a URL."""
    if logs.is_url(text):
        raise UsageError(f"{text}: labels are written to a folder; copy it to the URL, or name a "
                         "folder with --to")
    return Path(text)
