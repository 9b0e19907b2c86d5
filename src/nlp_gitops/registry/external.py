"""A model made elsewhere: a folder with its files, its lineage, and its answers to the test split.

    DIR/model/              the model's files, of any kind
    DIR/manifest.json       where it comes from: task, language, license, owner, labels, …
    DIR/predictions.jsonl   {"id", "label", "prediction"} for every row of the pinned test split
    DIR/evaluation/         written by `eval_gate.py --from DIR`
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core import files, git
from nlp_gitops.core.errors import CheckFailed, UsageError
from nlp_gitops.core.names import check_model_name, check_tags
from nlp_gitops.core.project import Project
from nlp_gitops.registry.champion import EXTERNAL
from nlp_gitops.registry.packaging import (MANIFEST_SCHEMA, Package, artifact, passing_report,
                                           write_archive, write_package)

WANTED = ("name", "description", "task", "language", "license", "owner", "labels",
          "dataset_version", "dataset_sha256", "prompt_version", "source_commit")


@dataclass(frozen=True)
class External:
    """The folder, its manifest as it was given, and the digest of the model's files."""

    folder: Path
    manifest: Mapping[str, Any]
    model_sha256: str

    @property
    def evaluation(self) -> Path:
        """Return the folder of the gate's report."""
        return self.folder / "evaluation"

    @property
    def predictions(self) -> Path:
        """Return the file of the model's answers."""
        return self.folder / "predictions.jsonl"


def load(folder: Path) -> External:
    """Read the folder; raise UsageError or CheckFailed with what is missing."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; it says where the model comes from: "
                         + ", ".join(WANTED)) from None
    except ValueError as error:
        raise UsageError(f"{path}: not readable as JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise UsageError(f"{path}: must be one JSON object")
    missing = [key for key in WANTED if manifest.get(key) in (None, "", [], {})]
    if missing:
        raise CheckFailed(f"{path}: no {', '.join(missing)}; lineage is compulsory")
    _check_kinds(manifest, path)
    if not any(item.is_file() for item in (folder / "model").rglob("*")):
        raise UsageError(f"{folder / 'model'}: no files of a model there")
    return External(folder, manifest, files.sha256_tree(folder / "model"))


def _check_kinds(manifest: Mapping[str, Any], path: Path) -> None:
    """Raise UsageError for a value of another kind than the registry can keep."""
    for key in WANTED:
        value = manifest[key]
        if key == "labels":
            fits = isinstance(value, list) and all(isinstance(label, str) for label in value)
        else:
            fits = isinstance(value, str) or key == "dataset_sha256" and isinstance(value, dict)
        if not fits:
            raise UsageError(f"{path}: {key} must be "
                             + ("a list of texts" if key == "labels" else "a text"))
    try:
        check_model_name(manifest["name"])
        check_tags(manifest.get("tags", {}))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def package(project: Project, external: External) -> Package:
    """Pack the folder into `dist/NAME/`; raise unless its gate passed on these very files."""
    report = _report(external)

    def fill(draft: Path) -> dict[str, Any]:
        name = external.manifest["name"]
        archive = draft / f"{name}.tar"
        about = {"class": EXTERNAL, "labels": external.manifest["labels"],
                 "task": external.manifest["task"], "model_sha256": external.model_sha256}
        write_archive(about, external.folder / "model", archive,
                      {"predictions.jsonl": external.predictions})
        shutil.copyfile(external.evaluation / "report.json", draft / "report.json")
        manifest = {"schema": MANIFEST_SCHEMA, "source_dirty": False, "run": "external",
                    "params": {"class": EXTERNAL, "file_format": "its own"},
                    **{key: external.manifest[key] for key in WANTED},
                    "tags": external.manifest.get("tags", {}), "metrics": report["metrics"],
                    "repository_commit": git.head_commit(project.root),
                    "gates_sha256": report["lineage"]["gates_sha256"],
                    "model_sha256": external.model_sha256, "artifacts": [artifact(archive)]}
        return manifest

    return write_package(project.root, external.manifest["name"], fill)


def _report(external: External) -> dict[str, Any]:
    path = external.evaluation / "report.json"
    again = f"python tools/eval_gate.py --from {external.folder}"
    report = passing_report(path, external.model_sha256, again)
    if report["lineage"].get("predictions_sha256") != files.sha256_file(external.predictions):
        raise CheckFailed(f"{path}: this report is about other predictions; type: {again}")
    return report
