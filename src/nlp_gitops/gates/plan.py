"""Before any training: which gates can see what they forbid, and how many rows are missing.

Two models are assumed: the champion is right on a share `accuracy` of the rows of each label, and
the candidate, equally good, answers differently on a share `disagreement`: half of these rows it
breaks, half it mends. From these expected counts come the same figures as from real ones.
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.data.rows import read_split
from nlp_gitops.evaluation import predictions, slices
from nlp_gitops.evaluation.families import Classification, family_of
from nlp_gitops.evaluation.predictions import Answers, Evidence
from nlp_gitops.evaluation.statistics import mde, rows_needed
from nlp_gitops.gates.command import Bound, gates_of
from nlp_gitops.gates.measure import Bench
from nlp_gitops.gates.rules import Gate, Gates

DEFAULT_ACCURACY = 0.85
ROWS = 5000


@dataclass(frozen=True)
class Line:
    """What one drop rule can see on one slice: `mde` against `max_drop`, in the metric's unit."""

    gate: str
    slice: str | None
    metric: str
    n: int
    max_drop: float
    mde: float
    rows_needed: int | None

    @property
    def sees(self) -> bool:
        """Say whether the allowed drop is at least what the rows can show."""
        return self.mde <= self.max_drop


@dataclass(frozen=True)
class Plan:
    """What all drop rules can see on `rows` test rows, given two models of this accuracy."""

    rows: int
    accuracy: float
    accuracy_from: str
    lines: list[Line]


def make(options: argparse.Namespace, bounds: Sequence[Bound]) -> Plan:
    """Return the plan for the options of `eval_gate.py plan`."""
    project = load_project()
    gates = gates_of(project, options, bounds)
    accuracy, source = _accuracy(options, project)
    if not (0 < accuracy <= 1 and 0 < options.disagreement <= 1):
        raise UsageError("--accuracy and --disagreement must lie above 0 and at most at 1")
    rows: Sequence[Mapping[str, Any]] = read_split(load_manifest(project.dataset), "test")
    if options.predictions:
        rows = predictions.completed(predictions.read(Path(options.predictions)), rows)
    if not rows:
        raise NotMeasured(f"{project.dataset}: the test split has no rows")
    return Plan(len(rows), accuracy, source, plan(gates, rows, accuracy, options.disagreement))


def _accuracy(options: argparse.Namespace, project: Project) -> tuple[float, str]:
    """Return the accuracy to assume, and where it comes from."""
    if options.accuracy is not None:
        return options.accuracy, "given"
    if options.predictions:
        rows = predictions.read(Path(options.predictions))
        right = sum(row["prediction"] == row["label"] for row in rows)
        return right / len(rows), Path(options.predictions).name
    from nlp_gitops.registry import champion

    found = champion.registered_metrics(project, project.model(options.model).name,
                                        options.registry)
    if found and found.get("accuracy"):
        return found["accuracy"], "the champion's, as registered"
    return DEFAULT_ACCURACY, "a guess; give --accuracy"


def plan(gates: Gates, rows: Sequence[Mapping[str, Any]], accuracy: float,
         disagreement: float) -> list[Line]:
    """Return what each drop rule on a classification metric can see."""
    found = []
    for gate in gates.gates:
        if gate.max_drop is None or not isinstance(family_of(gate.metric), Classification):
            continue
        for name, part in _parts(gate, gates, rows):
            line = _line(gate, gates, name, part, accuracy, disagreement)
            found += [line] if line else []
    return found


def _parts(gate: Gate, gates: Gates, rows: Sequence[Mapping[str, Any]]
           ) -> Iterator[tuple[str | None, list[Mapping[str, Any]]]]:
    if not gate.slices:
        yield None, list(rows)
    for defined in gate.slices:
        for name, indexes in slices.members(gates.slices[defined], defined, rows).items():
            yield name, [rows[index] for index in indexes]


def _line(gate: Gate, gates: Gates, name: str | None, rows: list[Mapping[str, Any]],
          accuracy: float, disagreement: float) -> Line | None:
    if not rows:
        return None
    # Few rows cannot show a share of a few percent exactly; many copies of them can, and their
    # error is smaller by a known factor.
    copies = math.ceil(ROWS / len(rows))
    bench = Bench(replace(gates, min_rows=1), assumed(rows * copies, accuracy, disagreement))
    try:
        item = bench.measured(gate.metric, None, None)
    except NotMeasured:
        return None
    assert item.compared is not None and gate.max_drop is not None
    n = item.n // copies
    error, weight = item.compared.error * math.sqrt(copies), item.weight / copies
    allowed = gate.max_drop * (item.compared.champion if gate.relative else 1)
    return Line(gate.id, name, gate.metric, n, allowed, mde(error, weight, gates.confidence),
                rows_needed(n, error, weight, allowed, gates.confidence))


def assumed(rows: Sequence[Mapping[str, Any]], accuracy: float, disagreement: float) -> Evidence:
    """Return both models' answers as assumed, spread evenly over the rows of each label."""
    gold = [str(row["label"]) for row in rows]
    labels = sorted(set(gold))
    seen: Counter[str] = Counter()
    ours, theirs = [], []
    for label in gold:
        number = seen[label]
        seen[label] += 1
        # Multiples of the golden ratio fall evenly between 0 and 1, whatever slice is cut out.
        place = (number * 0.6180339887498949 + 0.5) % 1
        wrong = labels[(labels.index(label) + 1 + number % max(1, len(labels) - 1)) % len(labels)]
        half = min(disagreement / 2, accuracy, 1 - accuracy) if accuracy < 1 else disagreement / 2
        theirs.append(label if place < accuracy else wrong)
        changed_right = accuracy - half <= place < accuracy
        changed_wrong = accuracy <= place < accuracy + half
        ours.append(wrong if changed_right else label if changed_wrong else theirs[-1])
    return Evidence([{**row, "label": label} for row, label in zip(rows, gold)],
                    Answers(ours), Answers(theirs))
