"""Models' answers to test rows, and such answers as a file: one JSON line for each row.

A row is `{"id", "label", "prediction"}`, and may carry `text`, `scores`, `latency_ms`, `tokens`,
`cost`, `schema_valid` and any field that a slice looks at. What cannot be joined without doubt is
NOT_MEASURED: never a part of the rows, never a guess.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.files import sha256_text
from nlp_gitops.data.jsonlines import LineFault, Row, parse

Pair = tuple[float, float]


_NUMBERS = ("latency_ms", "tokens", "cost")
_ENCODER = json.JSONEncoder(ensure_ascii=False)


@dataclass(frozen=True)
class Answers:
    """One model's answers to n rows. What a model does not give is None.

    `scores` maps each label to its score; `latency_ms`, `tokens` and `cost` are per row, or for
    latency per request. `faults` say why what a provider answered was not accepted, where it was
    not.
    """

    predictions: Sequence[Any]
    scores: Sequence[Mapping[str, float]] | None = None
    latency_ms: Sequence[float] | None = None
    tokens: Sequence[float] | None = None
    cost: Sequence[float] | None = None
    schema_valid: Sequence[bool] | None = None
    faults: Sequence[str | None] | None = None


@dataclass(frozen=True)
class Single:
    """A figure over all rows. `value` None means not measured, for the reason in `missing`.

    `interval` is two-sided, `bounds` are one-sided, both at the same confidence.
    """

    value: float | None
    n: int = 0
    interval: Pair | None = None
    champion: float | None = None
    missing: str = "no number"
    bounds: Pair | None = None


@dataclass(frozen=True)
class Evidence:
    """n rows with `label`, the candidate's answers and the champion's, if there is one.

    `singles` holds the figures that are no quality of single answers, by metric; those of a suite
    or of a file of ids by `FILE:KIND`.
    """

    rows: Sequence[Mapping[str, Any]]
    candidate: Answers
    champion: Answers | None = None
    singles: Mapping[str, Single] = field(default_factory=dict)


def lines(rows: Sequence[Mapping[str, Any]], answers: Answers) -> Iterator[str]:
    """Yield the line of each row, without its end, as `read` takes it back."""
    for number, row in enumerate(rows):
        line = {"id": row.get("id"), "label": row["label"],
                "prediction": answers.predictions[number]}
        if answers.scores:
            line["scores"] = {label: round(score, 6)
                              for label, score in answers.scores[number].items()}
        for name in ("tokens", "cost", "schema_valid"):
            if getattr(answers, name):
                line[name] = getattr(answers, name)[number]
        yield _ENCODER.encode(line)


def read(path: Path) -> list[Row]:
    """Return the rows; raise NotMeasured with file:line for the first that cannot be judged."""
    if not path.is_file():
        raise NotMeasured(f"{path}: no such file of predictions")
    rows: list[Row] = []
    lines: dict[str, int] = {}
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                row = parse(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
            except LineFault as error:
                raise NotMeasured(f"{path}:{number}: {error}") from None
            if fault := _fault(row):
                raise NotMeasured(f"{path}:{number}: {fault}")
            first = lines.setdefault(str(row["id"]), number)
            if first != number:
                raise NotMeasured(f"{path}:{number}: id {row['id']!r} stands in line {first} too")
            rows.append(row)
    if not rows:
        raise NotMeasured(f"{path}: no predictions in it")
    return rows


def _fault(row: Mapping[str, Any]) -> str | None:
    """Return why a row cannot be judged, if it cannot."""
    for key in ("id", "label", "prediction"):
        if row.get(key) is None:
            return f"the row has no {key}"
    for key in _NUMBERS:
        if key in row and not _is_number(row[key]):
            return f"{key} is no number of at least 0"
    if "scores" in row and not _are_scores(row["scores"]):
        return "scores must give a number for each label"
    if not isinstance(row.get("schema_valid", True), bool):
        return "schema_valid is neither true nor false"
    return None


def _are_scores(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_number, value.values()))


def _is_number(value: Any) -> bool:
    return (isinstance(value, (int, float)) and not isinstance(value, bool)
            and math.isfinite(value) and value >= 0)


def answers(rows: Sequence[Mapping[str, Any]]) -> Answers:
    """Return the answers in these rows. A column that any row lacks is None."""
    def column(name: str) -> list[Any] | None:
        return [row[name] for row in rows] if all(name in row for row in rows) else None

    return Answers([row["prediction"] for row in rows], column("scores"), column("latency_ms"),
                   column("tokens"), column("cost"), column("schema_valid"))


def joined(rows: Sequence[Row], others: Sequence[Row], path: Path) -> list[Row]:
    """Return `others` in the order of `rows`; raise NotMeasured unless they are the same rows."""
    by_id = {str(row["id"]): row for row in others}
    ids = [str(row["id"]) for row in rows]
    missing, extra = set(ids) - by_id.keys(), by_id.keys() - set(ids)
    if missing or extra:
        one = min(missing or extra)
        raise NotMeasured(f"{path}: not the same rows: {len(missing)} of the candidate's ids are "
                          f"missing and {len(extra)} are unknown, for example {one!r}")
    for row in rows:
        if by_id[str(row["id"])]["label"] != row["label"]:
            raise NotMeasured(f"{path}: id {row['id']!r} has another label than in the "
                              "candidate's file; both must be judged by the same truth")
    return [by_id[name] for name in ids]


def completed(rows: Sequence[Row], known: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return rows with the fields that the data set's rows of the same ids have.

    Unless every id is known with the same label, the rows are returned as they are.
    """
    by_id = {str(row.get("id")): row for row in known}
    for row in rows:
        found = by_id.get(str(row["id"]))
        if found is None or found.get("label") != row["label"]:
            return list(rows)
    return [{**by_id[str(row["id"])], **row} for row in rows]


def digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return one sha256 of which rows were judged by which labels, whatever their order."""
    return sha256_text("\n".join(sorted(f"{row['id']}\0{row['label']}" for row in rows)))
