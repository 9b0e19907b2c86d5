"""Training: read the data, fit the model through its interface, and log the run."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlops import files, lineage, metrics, plots, skops_file
from mlops.dataset.manifest import Manifest, load_manifest
from mlops.dataset.rows import Row, digest, read_split
from mlops.errors import UsageError
from mlops.project import ModelSettings, Project
from mlops.tracking import Run, RunLogger
from nlp.model import MODELS, Model, model_class


def train(project: Project, settings: ModelSettings) -> Run:
    """Train one model on the train split, measure it on the valid split, and log the run."""
    manifest = load_manifest(project.dataset)
    prompt = lineage.prompt_of(project, settings)
    splits = {name: read_split(manifest, name) for name in manifest.split_names}
    for name, rows in splits.items():
        if not rows:
            raise UsageError(f"{manifest.path}: the {name} split has no rows")
    logger = RunLogger(project.root / "runs", settings.name,
                       lineage.tags(project, settings, manifest),
                       lineage.inputs(project, settings, manifest))
    model = create(project, settings)
    model.train(*_columns(splits["train"], manifest))
    logger.log_params({"class": settings.kind, "file_format": model.file_format,
                       **settings.params})
    _log_quality(logger, model, manifest, splits.get("valid", []))
    folder = logger.artifact("model")
    folder.mkdir()
    model.save(folder)
    for path in folder.rglob("*.skops"):
        skops_file.canonicalise(path)
    files.write_json(logger.artifact("tokenization.json"),
                     tokenization(model, [row["text"] for row in splits["train"]]))
    for path in lineage.prompt_files(project):
        files.write_atomic(logger.artifact(f"prompts/{path.parent.name}/{path.name}"),
                           path.read_bytes())
    return logger.finish({
        "model_sha256": files.sha256_tree(folder),
        "labels": list(model.labels),
        "dataset": {"name": manifest.name, "version": manifest.version,
                    "license": manifest.license,
                    "sha256": {name: digest(rows) for name, rows in splits.items()},
                    "rows": {name: len(rows) for name, rows in splits.items()}},
        "prompt": {"name": prompt.name, "version": str(prompt.version),
                   "sha256": prompt.digest} if prompt else None,
    })


def create(project: Project, settings: ModelSettings) -> Model:
    """Return an untrained model; raise UsageError if project.yaml names no such thing."""
    place = f"{project.root / 'project.yaml'}: models.{settings.name}"
    if settings.kind not in MODELS:
        raise UsageError(f"{place}: no class {settings.kind!r} in nlp/model.py; there are "
                         + ", ".join(MODELS))
    extra: dict[str, Any] = {}
    prompt = lineage.prompt_of(project, settings)
    if prompt:
        extra["prompt"] = prompt
    try:
        return model_class(settings.kind)(**settings.params, **extra)
    except TypeError as error:
        raise UsageError(f"{place}: params do not fit the class: {error}") from None


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


def _log_quality(logger: RunLogger, model: Model, manifest: Manifest, rows: list[Row]) -> None:
    """Log validation metrics; the test split is for the gate alone."""
    if not rows:
        return
    texts, gold = _columns(rows, manifest)
    predicted = [prediction.label for prediction in model.predict(texts)]
    labels = sorted({*gold, *predicted})
    matrix = metrics.confusion(gold, predicted, labels)
    logger.log_metrics({"val_f1_macro": metrics.f1_macro(matrix),
                        "val_accuracy": metrics.accuracy(matrix)})
    files.write_json(logger.artifact("per_class.json"), metrics.per_class(matrix, labels))
    plots.confusion_png(matrix, labels, "validation split",
                        logger.artifact("confusion_matrix.png"))


def _columns(rows: list[Row], manifest: Manifest) -> tuple[list[str], list[str]]:
    try:
        return [row["text"] for row in rows], [str(row["label"]) for row in rows]
    except KeyError as error:
        raise UsageError(f"{manifest.path}: a row has no field {error}; type: "
                         f"python tools/check_schema.py {manifest.path}") from None
