"""Evidently's default methods on the windows that `drift_inside.py` judged, in its own environment.

It is given what our reports see: texts, predicted labels, their scores, lengths and embeddings.
"""

import json
import sys
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType
from evidently.legacy.metrics.data_drift.embedding_drift_methods import model
from scipy.stats import binomtest

# Larger windows take too long here.
LARGEST = 10_000
COLUMNS = {"text": ColumnType.Text, "label": ColumnType.Categorical,
           "score": ColumnType.Numerical, "length": ColumnType.Numerical}


def main(path: str) -> None:
    """Print the share of windows in which each tool found drift."""
    with np.load(path, allow_pickle=True) as stored:
        table = {name: stored[name] for name in stored.files}
    about = json.loads(str(table["about"]))
    sizes = [int(size) for size in about["ours"]["unchanged"] if int(size) <= LARGEST]
    print("\n### The same windows, judged by both: share of reports that found drift\n")
    print(f"Reference {about['reference']:,} lines. In each cell: ours, any signal at 5 %; "
          "evidently, any column or the embedding; evidently's data set drift (half of the "
          "columns). In brackets 95 % intervals (Clopper and Pearson).\n")
    print(f"| traffic | reports | {' | '.join(f'{size:,}' for size in sizes)} |\n"
          f"|---|---:|{'---|' * len(sizes)}", flush=True)
    for name, ours in about["ours"].items():
        cells = []
        for size in sizes:
            hits = [_judged(table, about["reference"], name, size, trial)
                    for trial in range(len(ours[str(size)]))]
            cells.append("; ".join(map(_share, (ours[str(size)], *zip(*hits)))))
        print(f"| {name} | {len(hits)} | {' | '.join(cells)} |", flush=True)


def _judged(table: Mapping[str, np.ndarray], reference: int, name: str, size: int,
            trial: int) -> tuple[bool, bool]:
    """Return whether evidently finds any drift, and whether half of the columns drifted."""
    # The draws of drift_inside.py.
    generator = np.random.default_rng([size, trial])
    before = generator.integers(0, len(table["unchanged|label"]), reference)
    now = generator.integers(0, len(table[f"{name}|label"]), size)
    drifted = []
    for column, kind in COLUMNS.items():
        sides = [pandas.Series(table[f"{traffic}|{column}"][chosen])
                 for traffic, chosen in (("unchanged", before), (name, now))]
        drifted.append(get_stattest(*sides, kind, None)(*sides, kind, None).drifted)
    vectors = [pandas.DataFrame(table[f"{traffic}|vectors"][chosen]).add_prefix("e")
               for traffic, chosen in ((name, now), ("unchanged", before))]
    embedding = model(bootstrap=reference < 1000)(*vectors)[1]
    return bool(any(drifted) or embedding), sum(drifted) >= len(drifted) / 2


def _share(hits: Sequence[bool]) -> str:
    found = binomtest(sum(hits), len(hits)).proportion_ci()
    return f"{np.mean(hits):.2f} ({found.low:.2f} to {found.high:.2f})"


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main(sys.argv[1])
