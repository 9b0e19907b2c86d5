"""The packed reference: what a model's validation rows look like, and the embedder to look with.

Made while training, packed with the model version, without a text in it. Rows that the model was
trained on would not do: it knows their words, and is surer of them than of any others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nlp_gitops.core import dotted, files
from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project
from nlp_gitops.data.jsonlines import Row
from nlp_gitops.drift import embedder as embedders
from nlp_gitops.drift.columns import LANGUAGE_FIELDS, Layout, Reader
from nlp_gitops.drift.embedder import Embed, Embedder
from nlp_gitops.drift.logs import Faults
from nlp_gitops.drift.profile import Profile, from_bytes, measure, merged, to_bytes
from nlp_gitops.model import Model, Prediction, classes
from nlp_gitops.privacy import Masker

FOLDER = "drift"
EMBEDDER, PROFILE = "embedder.bin", "reference.profile.npz"
NAMES = (EMBEDDER, PROFILE)
MOST_VALUES = 20
FEATURES = 256
_AT_ONCE = 4096


@dataclass(frozen=True)
class Packed:
    """A version's reference. `split` names the rows it was made of."""

    version: str
    embedder: Embedder
    profile: Profile
    split: str


def write(folder: Path, project: Project, model: Model, model_sha256: str,
          splits: Mapping[str, Sequence[Row]], predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Write embedder and profile; return what the manifest says of them.

    `predictions` are those of the valid split. Without one the training rows show where texts lie
    and how long they are, but neither scores nor unknown words.
    """
    masker = Masker(project.language)
    texts = [masker(row["text"]) for row in splits["train"]]
    embed = own_embed(project) or getattr(model, "embed", None)
    embedder = embedders.fit(texts, (project.drift.embedder or model_sha256) if embed else None,
                             embed)
    rows = [*splits["train"], *splits.get("valid", ())]
    layout = Layout(
        tuple(model.labels), _values(rows, LANGUAGE_FIELDS),
        tuple((name, _values(rows, (name,))) for name in project.drift.slices),
        embedder.sha256, embedder.size,
        FEATURES if project.drift.mmd and embedder.size else 0)
    split = "valid" if predictions else "train"
    lines = [_line(row, masker) for row in splits[split]]
    for line, prediction in zip(lines, predictions):
        # A class may give no scores.
        score = prediction.scores.get(prediction.label)
        line.update(label=prediction.label, score=None if score is None else min(score, 1.0))
    profile = _profile(layout, embedder, lines, split == "valid")
    folder.mkdir()
    files.write_atomic(folder / EMBEDDER, embedders.to_bytes(embedder))
    files.write_atomic(folder / PROFILE, to_bytes(profile))
    return {"sha256": files.sha256_tree(folder), "embedder": embedder.sha256, "split": split,
            "rows": len(lines), "layout": layout.sha256}


def _line(row: Row, masker: Masker) -> dict[str, Any]:
    return {"label": str(row["label"]), "gold": str(row["label"]), "text": masker(row["text"]),
            "fields": row}


def _values(rows: Sequence[Row], names: Sequence[str]) -> tuple[str, ...]:
    """Return the commonest values of a field; the rest will be counted together."""
    counts = Counter(str(row[name]) for row in rows for name in names
                     if row.get(name) is not None)
    return tuple(sorted(sorted(counts, key=lambda value: (-counts[value], value))[:MOST_VALUES]))


def _profile(layout: Layout, embedder: Embedder, lines: Sequence[dict[str, Any]],
             unseen: bool) -> Profile:
    reader = Reader(layout, embedder, gold=lambda line: line["gold"] if unseen else None)
    parts = []
    for start in range(0, len(lines), _AT_ONCE):
        block = [(line, 0) for line in lines[start:start + _AT_ONCE]]
        found = reader.columns(block, "rows", Faults())
        # A row is no request, and words that were trained on are all known.
        found = replace(found, first=np.zeros_like(found.first),
                        words=found.words if unseen else np.zeros_like(found.words))
        parts.append(measure(layout, found))
    return merged(layout, parts)


def own_embed(project: Project) -> Embed | None:
    """Return the `embed` of the class that drift.embedder names: n texts -> array (n, d).

    None without the setting; raises UsageError if it names no such class.
    """
    return _embed_of(project, project.drift.embedder) if project.drift.embedder else None


def _embed_of(project: Project, path: str) -> Embed:
    place = project.where("drift", "embedder")
    made = dotted.make(path, project.root, place)
    dotted.require(made, ("embed",), path, place)
    return made.embed


def load(project: Project, ref: ModelRef, registry_name: str | None) -> Packed:
    """Return a registered version's reference, verified; raise NotMeasured if it has none."""
    from nlp_gitops.registry.pull import cached
    from nlp_gitops.registry.remotes import connect

    registry = connect(project, registry_name)
    snapshot = registry.snapshot()
    about = snapshot.manifest(ref).get("drift")
    if not about:
        raise NotMeasured(f"{ref} was packed without a drift reference; register a newer version, "
                          "or compare with an earlier log: --reference LOGS")
    folder = cached(registry.store, snapshot, ref, project.root / ".cache" / "models")
    if files.sha256_tree(folder / FOLDER) != about["sha256"]:
        raise CheckFailed(f"{folder / FOLDER}: altered; delete {folder}, it will be fetched again")
    embedder = embedders.from_bytes((folder / FOLDER / EMBEDDER).read_bytes(), f"{ref}/{EMBEDDER}")
    if embedder.model and ":" in embedder.model:
        embedder = replace(embedder, embed=_embed_of(project, embedder.model))
    elif embedder.model:
        kind = project.model(ref.name).kind
        embed = getattr(classes.configured(project, project.model(ref.name)).load(folder / "model"),
                        "embed", None)
        if embed is None:
            raise UsageError(f"{ref} was packed with an `embed` of its class, and {kind} has none; "
                             "bring it back, or register a newer version")
        embedder = replace(embedder, embed=embed)
    profile = from_bytes((folder / FOLDER / PROFILE).read_bytes(), f"{ref}/{PROFILE}")
    return Packed(str(ref), embedder, profile, about["split"])
