"""Training: read the data, fit the model through its interface, and log the run."""

import json
import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nlp_gitops.core import files
from nlp_gitops.core.errors import UsageError, reason
from nlp_gitops.core.progress import Progress
from nlp_gitops.core.project import ModelSettings, Project
from nlp_gitops.data.jsonlines import Row
from nlp_gitops.data.manifest import Manifest, load_manifest
from nlp_gitops.data.rows import digest, read_split
from nlp_gitops.drift import reference
from nlp_gitops.evaluation import metrics
from nlp_gitops.llm import session_of
from nlp_gitops.model import Model, Prediction, classes
from nlp_gitops.model.classes import try_stored
from nlp_gitops.prompts import Prompt
from nlp_gitops.tracking import Run, RunLogger, lineage
from nlp_gitops.tracking.environment import PATCH_NAME, uncommitted
from nlp_gitops.tracking.trackers import Mirror
from nlp_gitops.training import plots

PREDICTIONS = "valid_predictions.jsonl"
# Texts that a model which was stored and loaded again must answer as before.
TRIED = 20


def train(project: Project, settings: ModelSettings, mirror: Mirror | None = None,
          progress: Progress | None = None) -> Run:
    """Train one model on the train split, measure it on the valid split, and log the run.

    A class that has an attribute `log_metrics` gets the logger's method for it, and one that has
    `session` a session in which it may ask a provider.
    """
    manifest = load_manifest(project.dataset)
    splits = _splits(manifest)
    columns = {name: _columns(rows, manifest) for name, rows in splits.items()}
    model = create(project, settings)
    # It is needed at the end; a wrong setting is told before hours of training.
    reference.own_embed(project)
    params = {"class": settings.kind, "file_format": model.file_format, **settings.params}
    with RunLogger(project.root / "runs", settings.name,
                   lineage.tags(project, settings, manifest),
                   lineage.inputs(project, settings, manifest),
                   params, mirror, progress) as logger:
        details: dict[str, Any] = {"seeds": _seed(settings, manifest),
                                   "git": _commit(project, logger)}
        if hasattr(model, "log_metrics"):
            model.log_metrics = logger.log_metrics
        if hasattr(model, "session"):
            model.session = session_of(project)
        with logger.phase("train"):
            fit(model, manifest, *columns["train"])
        predictions: list[Prediction] = []
        if "valid" in splits:
            with logger.phase("validate"):
                predictions = model.predict(columns["valid"][0])
                details["predictions_sha256"] = _log_quality(
                    logger, predictions, splits["valid"], columns["valid"][1])
        with logger.phase("save"):
            _save(logger, model, project, settings, columns["train"][0])
            details["drift"] = reference.write(
                logger.artifact(reference.FOLDER), project, model,
                files.sha256_tree(logger.artifact("model")), splits, predictions)
        return logger.finish({**details, **_subject(project, settings, manifest, splits),
                              "labels": list(model.labels),
                              "provider": getattr(model, "origin", None),
                              "model_sha256": files.sha256_tree(logger.artifact("model"))})


def create(project: Project, settings: ModelSettings, prompt: Prompt | None = None) -> Model:
    """Return an untrained model; raise UsageError if project.yaml names no such thing.

    `prompt` takes the place of the newest version of the model's prompt.
    """
    found = classes.configured(project, settings)
    extra: dict[str, Any] = {}
    prompt = prompt or lineage.prompt_of(project, settings)
    if prompt:
        extra["prompt"] = prompt
    try:
        return found(**settings.params, **extra)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{project.where('models', settings.name)}: params do not fit the class "
                         f"{settings.kind}: {error}") from None


def fit(model: Model, manifest: Manifest, texts: Sequence[str], labels: Sequence[str]) -> None:
    """Train on these rows; raise UsageError where the model cannot."""
    try:
        model.train(texts, labels)
    except ValueError as error:
        raise UsageError(f"{manifest.path}: the model cannot be trained on these rows: "
                         f"{reason(error)}") from None


def tokenization(model: Model, texts: Sequence[str]) -> dict[str, Any]:
    """Return statistics of the model's tokens: lengths per text, vocabulary, commonest tokens."""
    tokens = [model.tokenize(text) for text in texts]
    lengths = [len(item) for item in tokens]
    counts = Counter(token for item in tokens for token in item)
    quantiles = np.percentile(lengths, [0, 50, 95, 99, 100])
    return {
        "texts": len(texts), "tokens": sum(lengths), "vocabulary": len(counts),
        "seen_once": sum(1 for count in counts.values() if count == 1),
        "tokens_per_text": dict(zip(("min", "p50", "p95", "p99", "max"), quantiles.tolist())),
        "commonest": counts.most_common(20),
    }


def _splits(manifest: Manifest) -> dict[str, list[Row]]:
    splits = {name: read_split(manifest, name) for name in manifest.split_names}
    for name, rows in splits.items():
        if not rows:
            raise UsageError(f"{manifest.path}: the {name} split has no rows")
    return splits


def _columns(rows: list[Row], manifest: Manifest) -> tuple[list[str], list[str]]:
    try:
        return [row["text"] for row in rows], [str(row["label"]) for row in rows]
    except KeyError as error:
        raise UsageError(f"{manifest.path}: a row has no field {error}; type: "
                         f"python tools/check_schema.py {manifest.path}") from None


def _seed(settings: ModelSettings, manifest: Manifest) -> dict[str, Any]:
    """Seed the generators that a model may draw from; return every seed that plays a part."""
    seed = settings.params.get("seed", 0)
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise UsageError(f"models.{settings.name}: seed {seed!r} is no number from 0 to 2^32 - 1")
    random.seed(seed)
    np.random.seed(seed)
    return {"random": seed, "numpy": seed, "splits": manifest.seed,
            "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "random")}


def _commit(project: Project, logger: RunLogger) -> dict[str, Any]:
    """Return the commit, and what was changed since; the patch becomes an artifact."""
    found: dict[str, Any] = {"commit": logger.tags["commit"], "dirty": logger.tags["dirty"]}
    if not found["dirty"]:
        return found
    changes = uncommitted(project.root)
    if changes.patch is not None:
        files.write_atomic(logger.artifact(PATCH_NAME), changes.patch)
    return {**found, "diff_sha256": changes.sha256, "diff_bytes": changes.size,
            "patch": PATCH_NAME if changes.patch is not None else None}


def _log_quality(logger: RunLogger, predictions: Sequence[Prediction], rows: Sequence[Row],
                 gold: Sequence[str]) -> str:
    """Log metrics and predictions of the valid split; the test split is for the gate alone.

    Return the digest of the predictions.
    """
    predicted = [prediction.label for prediction in predictions]
    labels = sorted({*gold, *predicted})
    matrix = metrics.confusion(gold, predicted, labels)
    logger.log_metrics({"val_f1_macro": metrics.f1_macro(matrix, labels),
                        "val_accuracy": metrics.accuracy(matrix)})
    files.write_json(logger.artifact("per_class.json"), metrics.per_class(matrix, labels))
    plots.confusion_png(matrix, labels, "validation split",
                        logger.artifact("confusion_matrix.png"))
    path = logger.artifact(PREDICTIONS)
    files.write_atomic(path, "".join(
        json.dumps({"id": row.get("id", index), "label": label, "prediction": prediction}) + "\n"
        for index, (row, label, prediction) in enumerate(zip(rows, gold, predicted, strict=True))))
    return files.sha256_file(path)


def _save(logger: RunLogger, model: Model, project: Project, settings: ModelSettings,
          texts: Sequence[str]) -> None:
    folder = logger.artifact("model")
    folder.mkdir()
    try_stored(model, folder, texts[:TRIED], project.root,
               project.where("models", settings.name, "class"))
    files.write_json(logger.artifact("tokenization.json"), tokenization(model, texts))
    for path in lineage.prompt_files(project):
        logger.log_artifact(path, f"prompts/{path.parent.name}/{path.name}")


def _subject(project: Project, settings: ModelSettings, manifest: Manifest,
             splits: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """Return versions and digests of the data and the prompt."""
    prompt = lineage.prompt_of(project, settings)
    return {
        "dataset": {"name": manifest.name, "version": manifest.version,
                    "license": manifest.license,
                    "sha256": {name: digest(rows) for name, rows in splits.items()},
                    "rows": {name: len(rows) for name, rows in splits.items()}},
        "prompt": {"name": prompt.name, "version": str(prompt.version),
                   "sha256": prompt.digest} if prompt else None,
    }
