"""Evaluation: load a run's model, predict the pinned test split, and measure latency."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlops import files
from mlops.dataset.manifest import Manifest
from mlops.dataset.rows import Row, digest, read_split
from mlops.errors import CheckFailed, NotMeasured, UsageError
from mlops.gates import Gates
from mlops.tracking import Run
from nlp.model import MODELS, Model, Prediction, model_class


@dataclass(frozen=True)
class Evaluation:
    """Predictions for the n test rows, in order, and latency figures in milliseconds."""

    rows: Sequence[Row]
    predictions: Sequence[Prediction]
    latency: Mapping[str, float]
    test_sha256: str


def load_model(run: Run) -> Model:
    """Load the model of a run after checking that its files are the ones that were trained."""
    folder = run.model_folder
    if not folder.is_dir() or files.sha256_tree(folder) != run.details["model_sha256"]:
        raise CheckFailed(f"{folder}: the model's files are not those of the run; train again")
    kind = run.params["class"]
    if kind not in MODELS:
        raise UsageError(f"{run.path}: made with class {kind!r}, which nlp/model.py has no more")
    try:
        return model_class(kind).load(folder)
    except (ValueError, KeyError, OSError) as error:
        raise CheckFailed(f"{folder}: the model cannot be loaded: {error}") from None


def evaluate(run: Run, manifest: Manifest, gates: Gates) -> Evaluation:
    """Predict the test split and time single predictions."""
    rows = read_split(manifest, "test")
    if not rows:
        raise NotMeasured(f"{manifest.path}: the test split has no rows")
    found = digest(rows)
    if manifest.test_sha256 is None:
        raise NotMeasured(f"{manifest.path}: the test split is not pinned; type: "
                          f"python tools/check_schema.py {manifest.path} --fix")
    if found != manifest.test_sha256:
        raise CheckFailed(f"{manifest.document.where('test_sha256')}: the test split is not the "
                          f"pinned one (found {found[:12]}…); restore it, or make a new major "
                          f"version: python tools/check_schema.py {manifest.path} --fix")
    model = load_model(run)
    texts = [row["text"] for row in rows]
    predictions = model.predict(texts)
    return Evaluation(rows, predictions, latency(model, texts, gates.warmup, gates.requests), found)


def latency(model: Model, texts: Sequence[str], warmup: int, requests: int) -> dict[str, float]:
    """Time `requests` single predictions after `warmup` ones; milliseconds of wall time."""
    for number in range(warmup):
        model.predict([texts[number % len(texts)]])
    times = []
    for number in range(requests):
        begin = time.perf_counter_ns()
        model.predict([texts[number % len(texts)]])
        times.append((time.perf_counter_ns() - begin) / 1e6)
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    return {"latency_ms_p50": float(p50), "latency_ms_p95": float(p95),
            "latency_ms_p99": float(p99), "requests": float(requests)}
