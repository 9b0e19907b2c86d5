"""Our statistics on the windows that `drift_evidently.py` gets; runs inside a baked project.

Embeddings and labels come ready-made from the same file, and the same kind of page is written.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nlp_gitops.drift import page, report
from nlp_gitops.drift.columns import UNTIMED, Layout, Lines
from nlp_gitops.drift.inputs import Read
from nlp_gitops.drift.judge import Rules
from nlp_gitops.drift.profile import measure, merged

_AT_ONCE = 2048


def main(table: str, target: str) -> None:
    """Write the page."""
    arrays = np.load(table)
    names, size = np.unique(arrays["before_labels"]), arrays["before_vectors"].shape[1]
    layout = Layout(tuple(names.tolist()), (), (), "0" * 64, size)
    sides = [Read(side, merged(layout, (measure(layout, lines) for lines in _blocks(
        arrays[f"{side}_vectors"], np.searchsorted(names, arrays[f"{side}_labels"])))))
        for side in ("before", "now")]
    found = report.build(report.Subject("same data", None, None, None, Rules()), *sides)
    assert {name for name, signal in found["slices"]["all"].items() if "p" in signal} == {
        "embedding", "label"}
    Path(target).write_text(page.page(found, []), encoding="utf-8")


def _blocks(vectors: np.ndarray, labels: np.ndarray) -> Iterator[Lines]:
    """Yield the lines in the portions in which a log is read."""
    for start in range(0, len(labels), _AT_ONCE):
        yield _lines(vectors[start:start + _AT_ONCE].astype(float),
                     labels[start:start + _AT_ONCE])


def _lines(vectors: np.ndarray, labels: np.ndarray) -> Lines:
    n = len(labels)
    unknown = np.full(n, np.nan)
    return Lines(
        hours=np.full(n, UNTIMED), labels=labels, scores=unknown, characters=np.full(n, -1),
        languages=np.zeros(n, np.int64), slices=np.zeros((0, n), np.int64),
        first=np.ones(n, bool), status=np.full(n, 200), latency=unknown, tokens=np.zeros((n, 2)),
        right=unknown, words=np.zeros((n, 2)), vectors=vectors, terms=np.zeros(0))


if __name__ == "__main__":
    main(*sys.argv[1:])
