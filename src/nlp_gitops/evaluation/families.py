"""Metric families: what a task's rows are counted as, and the metrics made of these counts.

A family turns the rows of a test set into *cells* (rows that are alike for all its metrics) and
gives each cell features that add up: every metric is a function of the features' sums over rows.
So bootstrap, slices and the comparison with the champion are written once, for any task. To add a
task, write a class with these methods and name it in project.yaml: `metrics: [nlp.metrics:Mine]`
(`nlp-gitops help gates` has an example).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from nlp_gitops.core import dotted
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ABSTAIN
from nlp_gitops.core.project import Project
from nlp_gitops.evaluation import metrics as formulas

_PARTS = re.compile(r"(?P<name>[a-z0-9_]+)(?:\[(?P<label>.+)\])?")


@dataclass(frozen=True)
class Table:
    """n rows in c cells. `champion` is None without a champion.

    `cell` (n,) is each row's cell, `candidate` and `champion` (c, m) the features of one row of
    the cell, `labels` the names that `metric[label]` may use.
    """

    family: "Family"
    cell: np.ndarray
    candidate: np.ndarray
    champion: np.ndarray | None
    labels: tuple[str, ...] = ()


class Family(Protocol):
    """One task's metrics. `sums` is an array (..., m) of features added up over rows."""

    name: str
    metrics: tuple[str, ...]
    label_metrics: tuple[str, ...]

    def table(self, gold: Sequence[Any], candidate: Sequence[Any],
              champion: Sequence[Any] | None) -> Table:
        """Count the rows. Raises ValueError for an answer of the wrong shape."""

    def score(self, metric: str, label: int | None, sums: np.ndarray) -> np.ndarray:
        """Return the metric (...,)."""

    def support(self, metric: str, label: int | None, sums: np.ndarray) -> int:
        """Return how many rows or items the metric's denominator holds; 0 is not measurable."""

    def smallest(self, metric: str, label: int | None, sums: np.ndarray) -> tuple[int, int]:
        """Return how many classes the metric averages over, and the items of the smallest."""


class Classification:
    """One label for each row. Features: hits, gold and predicted for each of k labels."""

    name = "classification"
    metrics: tuple[str, ...] = ("f1_macro", "f1_micro", "f1_weighted", "accuracy", "mcc")
    label_metrics: tuple[str, ...] = ("f1", "precision", "recall")
    _scores = {"f1_macro": formulas.macro_f1, "f1_micro": formulas.right,
               "f1_weighted": formulas.weighted_f1, "accuracy": formulas.right,
               "mcc": formulas.matthews}

    def table(self, gold: Sequence[Any], candidate: Sequence[Any],
              champion: Sequence[Any] | None) -> Table:
        """Count rows by (gold, champion, candidate) label."""
        sides = [side for side in (gold, candidate, champion) if side is not None]
        if not all(isinstance(answer, str) for side in sides for answer in side):
            raise ValueError("label and prediction must be strings for classification")
        labels = tuple(sorted(set().union(*sides)))
        index = {label: number for number, label in enumerate(labels)}
        numbers = [np.fromiter((index[answer] for answer in side), np.int64, len(side))
                   for side in sides]
        code = numbers[0]
        for side in numbers[1:]:
            code = code * len(labels) + side
        found, cell = np.unique(code, return_inverse=True)
        columns = []
        for _ in sides:
            found, column = np.divmod(found, len(labels))
            columns.append(column)
        columns.reverse()
        answers = np.array([label != ABSTAIN for label in labels])
        features = [_one_hot(columns[0], side, answers) for side in columns[1:]]
        return Table(self, cell, features[0], features[1] if champion is not None else None, labels)

    def score(self, metric: str, label: int | None, sums: np.ndarray) -> np.ndarray:
        """Return the metric (...,)."""
        hits, gold, predicted = _thirds(sums)
        if label is None:
            return self._scores[metric](hits, gold, predicted)
        hits, gold, predicted = hits[..., label], gold[..., label], predicted[..., label]
        whole = {"precision": predicted, "recall": gold, "f1": (gold + predicted) / 2}[metric]
        return formulas.ratio(hits, whole)

    def support(self, metric: str, label: int | None, sums: np.ndarray) -> int:
        """Return the rows in the denominator: of one label, or all."""
        _, gold, predicted = _thirds(sums)
        if label is None:
            return int(gold.sum())
        return int((predicted if metric == "precision" else gold)[label])

    def smallest(self, metric: str, label: int | None, sums: np.ndarray) -> tuple[int, int]:
        """Return how many classes the metric averages over, and the rows of the smallest."""
        if metric != "f1_macro":
            return 1, self.support(metric, label, sums)
        gold = _thirds(sums)[1]
        seen = gold[gold > 0]
        return len(seen), int(seen.min()) if len(seen) else 0


class Spans:
    """Lists of labelled spans (NER). Features: exact and partial matches, gold, predicted spans."""

    name = "spans"
    metrics: tuple[str, ...] = ("span_f1", "span_precision", "span_recall", "span_f1_partial")
    label_metrics: tuple[str, ...] = ()

    def table(self, gold: Sequence[Any], candidate: Sequence[Any],
              champion: Sequence[Any] | None) -> Table:
        """Count exact and partial matches in each row."""
        return _collapsed(self, [[formulas.count_spans(*pair)
                                  for pair in zip(gold, side, strict=True)]
                                 for side in (candidate, champion) if side is not None])

    def score(self, metric: str, label: int | None, sums: np.ndarray) -> np.ndarray:
        """Return the metric over all spans (micro). A partial match counts half."""
        exact, partial, gold, predicted = np.moveaxis(sums, -1, 0)
        if metric == "span_precision":
            return formulas.ratio(exact, predicted)
        if metric == "span_recall":
            return formulas.ratio(exact, gold)
        credit = exact + (partial / 2 if metric == "span_f1_partial" else 0)
        return formulas.ratio(2 * credit, gold + predicted)

    def support(self, metric: str, label: int | None, sums: np.ndarray) -> int:
        """Return the number of gold spans; of predicted ones for precision."""
        return int(sums[3] if metric == "span_precision" else sums[2])

    def smallest(self, metric: str, label: int | None, sums: np.ndarray) -> tuple[int, int]:
        """Return one class: spans are pooled."""
        return 1, self.support(metric, label, sums)


class Texts:
    """Generated texts against one reference. Features: one, and the row's score."""

    name = "texts"
    metrics: tuple[str, ...] = ("rouge_l", "exact_match")
    label_metrics: tuple[str, ...] = ()

    def table(self, gold: Sequence[Any], candidate: Sequence[Any],
              champion: Sequence[Any] | None) -> Table:
        """Score each row."""
        return _collapsed(self, [[(1.0, formulas.rouge_l(*pair), float(pair[0] == pair[1]))
                                  for pair in zip(gold, side, strict=True)]
                                 for side in (candidate, champion) if side is not None])

    def score(self, metric: str, label: int | None, sums: np.ndarray) -> np.ndarray:
        """Return the mean over rows."""
        return formulas.ratio(sums[..., 1 if metric == "rouge_l" else 2], sums[..., 0])

    def support(self, metric: str, label: int | None, sums: np.ndarray) -> int:
        """Return the number of rows."""
        return int(sums[0])

    def smallest(self, metric: str, label: int | None, sums: np.ndarray) -> tuple[int, int]:
        """Return one class: texts have none."""
        return 1, int(sums[0])


FAMILIES: list[Family] = [Classification(), Spans(), Texts()]
BUILT_IN = tuple(FAMILIES)


def use(project: Project) -> None:
    """Let gates know the metric families that project.yaml names, beside the built-in ones."""
    FAMILIES[:] = [*BUILT_IN, *(_own(project, path, project.where("metrics", number))
                                for number, path in enumerate(project.metrics))]


def _own(project: Project, path: str, place: str) -> Family:
    found = dotted.make(path, project.root, place)
    dotted.require(found, ("table", "score", "support", "smallest"), path, place)
    for name in ("metrics", "label_metrics"):
        if not isinstance(getattr(found, name, None), tuple):
            raise UsageError(f"{place}: {path} has no tuple {name}; nlp-gitops help gates has an "
                             "example")
    return found


def family_of(metric: str) -> Family | None:
    """Return the family whose metric this is; None for a figure that is no quality of answers."""
    name, label = split_metric(metric)
    return next((family for family in FAMILIES
                 if name in (family.label_metrics if label else family.metrics)), None)


def split_metric(metric: str) -> tuple[str, str | None]:
    """Return (name, label) of `name` or `name[label]`."""
    match = _PARTS.fullmatch(metric)
    return (match["name"], match["label"]) if match else (metric, None)


def _one_hot(gold: np.ndarray, answer: np.ndarray, is_answer: np.ndarray) -> np.ndarray:
    """Return (n, 3k). No answer is a miss, but no class for macro-F1 to average over."""
    size = len(is_answer)
    features = np.zeros((len(gold), 3 * size))
    rows = np.arange(len(gold))
    features[rows, gold] = gold == answer
    features[rows, size + gold] = 1
    features[rows, 2 * size + answer] = is_answer[answer]
    return features


def _thirds(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    size = sums.shape[-1] // 3
    return sums[..., :size], sums[..., size:2 * size], sums[..., 2 * size:]


def _collapsed(family: Family, sides: Sequence[Sequence[Sequence[float]]]) -> Table:
    """Make one cell of all rows with the same features."""
    both = np.concatenate([np.array(side, dtype=float) for side in sides], axis=1)
    found, cell = np.unique(both, axis=0, return_inverse=True)
    halves = np.split(found, len(sides), axis=1)
    return Table(family, cell.ravel(), halves[0], halves[1] if len(sides) == 2 else None)
