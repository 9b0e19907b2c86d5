"""Evidently's verdicts on the samples that drift_inside.py judged; runs in its own environment.

Its defaults: for columns what it chooses by type and size, for embeddings a classifier that tells
both windows apart. It has found drift where a column or the embedding has drifted.
"""

import json
import sys
import warnings

import numpy as np
import pandas
from evidently.legacy.metric_preset import DataDriftPreset
from evidently.legacy.pipeline.column_mapping import ColumnMapping
from evidently.legacy.report import Report

COLUMNS = ["label", "score", "length"]


def main(path: str) -> None:
    """Print a table with the share of reports that found drift, in both tools."""
    table = np.load(path)
    about = json.loads(str(table["about"]))
    sizes, reports = about["sizes"], about["reports"]
    print("\n### The same samples, judged by both: share of reports that found drift\n")
    print(f"{reports} reports for each cell: ours, then evidently; in brackets evidently's verdict "
          "by columns alone (half of them drifted).\n")
    print(f"| traffic | {' | '.join(f'{size:,}' for size in sizes)} |\n"
          f"|---|{'---:|' * len(sizes)}")
    for place, (name, ours) in enumerate(about["ours"].items()):
        cells = []
        for size in sizes:
            found = [_found(table, place, size, trial, about["reference"])
                     for trial in range(reports)]
            either, half = np.mean(found, axis=0)
            cells.append(f"{ours[str(size)]:.2f}, {either:.2f} ({half:.2f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _found(table: np.lib.npyio.NpzFile, place: int, size: int, trial: int,
           reference: int) -> tuple[bool, bool]:
    # The same generator in the same order as drift_inside.py: the same lines.
    generator = np.random.default_rng([size, trial])
    frames = []
    for part, number in ((0, reference), (place, size)):
        vectors = table[f"{part}_vectors"]
        chosen = generator.integers(0, len(vectors), number)
        frame = pandas.DataFrame(vectors[chosen]).add_prefix("e")
        for name in COLUMNS:
            frame[name] = table[f"{part}_{name}"][chosen]
        frames.append(frame)
    embedding = [name for name in frames[0] if name not in COLUMNS]
    report = Report(metrics=[DataDriftPreset(columns=COLUMNS)])
    report.run(reference_data=frames[0], current_data=frames[1], column_mapping=ColumnMapping(
        embeddings={"text": embedding}, categorical_features=["label"],
        numerical_features=["score", "length"]))
    whole, _, texts = (item["result"] for item in report.as_dict()["metrics"])
    return (whole["number_of_drifted_columns"] > 0 or texts["drift_detected"],
            whole["dataset_drift"])


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main(sys.argv[1])
