"""Evidently on two windows of ready-made embeddings and labels; runs in its own environment."""

import sys
import warnings

import numpy as np
import pandas
from evidently.legacy.metrics import ColumnDriftMetric, EmbeddingsDriftMetric
from evidently.legacy.metrics.data_drift.embedding_drift_methods import distance
from evidently.legacy.pipeline.column_mapping import ColumnMapping
from evidently.legacy.report import Report

warnings.filterwarnings("ignore")
table = np.load(sys.argv[1])
frames = []
for side in ("before", "now"):
    frame = pandas.DataFrame(table[f"{side}_vectors"]).add_prefix("e")
    frame["label"] = table[f"{side}_labels"]
    frames.append(frame)
names = [name for name in frames[0] if name != "label"]
report = Report(metrics=[
    EmbeddingsDriftMetric("text", drift_method=distance(dist="cosine")),
    ColumnDriftMetric("label")])
report.run(reference_data=frames[0], current_data=frames[1], column_mapping=ColumnMapping(
    embeddings={"text": names}, categorical_features=["label"]))
report.save_html(sys.argv[2])
