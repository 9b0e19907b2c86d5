"""`metrics.jsonl`: every measured value of a run, in the order it was measured.

The file only grows, by whole lines. A process that is killed while it writes leaves at most one
torn line at the end, which readers ignore.
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from nlp_gitops.core.errors import CheckFailed

NAME = "metrics.jsonl"


@dataclass(frozen=True)
class Point:
    """One measured value. `step` is None where the metric is no series."""

    metric: str
    value: float
    step: int | None
    at: str


def append(folder: Path, metrics: Mapping[str, float], step: int | None) -> None:
    """Add one line for each metric, all of them or none."""
    at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    text = "".join(json.dumps({"metric": name, "value": as_json(value), "step": step, "at": at})
                   + "\n" for name, value in metrics.items())
    # One write to a file opened for appending: lines of several processes do not mix.
    handle = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def read(folder: Path) -> list[Point]:
    """Return the points of a run; raise CheckFailed for a line inside the file that is none."""
    path = folder / NAME
    if not path.is_file():
        return []
    *lines, _torn = path.read_bytes().split(b"\n")
    points = []
    for number, line in enumerate(lines, 1):
        try:
            item = json.loads(line)
            points.append(Point(item["metric"], as_float(item["value"]), item["step"],
                                item["at"]))
        except (ValueError, KeyError, TypeError):
            raise CheckFailed(f"{path}:{number}: not a line that a run writes; the file was "
                              "altered") from None
    return points


def as_json(value: float) -> float | None:
    """Return a number as JSON has it: what is not finite becomes None."""
    return float(value) if math.isfinite(value) else None


def as_float(value: float | None) -> float:
    """Return a number read from JSON: None was not finite and becomes NaN."""
    return math.nan if value is None else float(value)
