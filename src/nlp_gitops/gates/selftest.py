"""Does the gate itself work? A model against itself must pass; a degraded copy must fail.

Run on the predictions of the newest run, on a given file, or, before any training, on assumed
answers to the test split. Only the rules on drops are judged: they are the ones with statistics.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.data.rows import read_split
from nlp_gitops.evaluation import predictions
from nlp_gitops.evaluation.families import Classification, family_of
from nlp_gitops.evaluation.predictions import Answers, Evidence
from nlp_gitops.gates.command import Bound, gates_of
from nlp_gitops.gates.judge import judge, overall
from nlp_gitops.gates.plan import DEFAULT_ACCURACY, assumed
from nlp_gitops.gates.rules import Gate, Gates

SHARE = 0.1
BUILT_IN = Gate("selftest", "f1_macro", max_drop=0.01, why="The rule of the self-test.")


@dataclass(frozen=True)
class SelfTest:
    """Verdicts of the gate on a model against itself and on a copy with `changed` wrong answers."""

    rows: int
    source: str
    same: str
    degraded: str
    changed: int

    @property
    def exit_code(self) -> int:
        """Return 0 if both verdicts are right, 1 if not, 3 if the rows are too few to tell."""
        return 1 if self.same != "PASS" else 0 if self.degraded == "FAIL" else 3


def make(options: argparse.Namespace, bounds: Sequence[Bound]) -> SelfTest:
    """Run the self-test for the options of `eval_gate.py selftest`."""
    project = load_project()
    gates = gates_of(project, options, bounds)
    rows, answers, source = _answers(options, project)
    return SelfTest(len(rows), source, *run(gates, rows, answers))


def run(gates: Gates, rows: Sequence[dict[str, Any]],
        answers: Sequence[str]) -> tuple[str, str, int]:
    """Return the verdict on the same answers, on a degraded copy, and how many answers differ."""
    rules = tuple(replace(gate, min=None, max=None, slices=(), support_rows=0, severity="fail",
                          support_per_class=0, require="evidence") for gate in gates.gates
                  if gate.max_drop is not None
                  and isinstance(family_of(gate.metric), Classification)
                  and not gate.slices) or (BUILT_IN,)
    tried = replace(gates, gates=rules, waivers=(), min_rows=1)
    copy = degraded(rows, answers, gates.seed)
    verdicts = [overall(judge(tried, Evidence(rows, Answers(given), Answers(answers))))
                for given in (answers, copy)]
    return verdicts[0], verdicts[1], sum(one != other for one, other in zip(answers, copy))


def degraded(rows: Sequence[dict[str, Any]], answers: Sequence[str], seed: int) -> list[str]:
    """Return the answers with one in ten of all rows turned from right to wrong."""
    labels = sorted({*(str(row["label"]) for row in rows), *answers})
    right = [i for i, row in enumerate(rows) if answers[i] == row["label"]]
    if len(labels) < 2 or not right:
        raise NotMeasured("the self-test needs two labels and a right answer")
    number = min(len(right), max(1, round(SHARE * len(rows))))
    changed = list(answers)
    for i in np.random.default_rng(seed).choice(right, number, replace=False):
        changed[i] = labels[(labels.index(changed[i]) + 1) % len(labels)]
    return changed


def _answers(options: argparse.Namespace,
             project: Project) -> tuple[list[dict[str, Any]], list[str], str]:
    """Return rows, answers, and where these come from."""
    stored = (Path(options.predictions) if options.predictions else
              project.root / "reports" / "predictions.jsonl")
    if options.predictions or stored.is_file():
        rows = predictions.read(stored)
        if not all(isinstance(row["prediction"], str) for row in rows):
            raise NotMeasured(f"{stored}: the self-test needs labels as predictions")
        return rows, [row["prediction"] for row in rows], f"the answers in {stored.name}"
    rows = read_split(load_manifest(project.dataset), "test")
    if not rows:
        raise NotMeasured(f"{project.dataset}: the test split has no rows")
    evidence = assumed(rows, DEFAULT_ACCURACY, SHARE)
    assert evidence.champion is not None
    return ([dict(row) for row in evidence.rows], list(evidence.champion.predictions),
            f"assumed answers, {DEFAULT_ACCURACY:.0%} of them right")
