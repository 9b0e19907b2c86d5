"""Packing: one deterministic archive, its manifest, model card and checksums in `dist/NAME/`.

Equal models give equal bytes: the tar has sorted names, no times and no owners.
"""

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_gitops.core import files
from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.project import Project, check_language, check_license

if TYPE_CHECKING:
    # Runs bring prompts and their schemas, which registry and drift commands do without.
    from nlp_gitops.tracking import Run

MANIFEST_SCHEMA = "nlp-gitops/manifest/1"
LINEAGE = ("task", "language", "license", "owner", "dataset_version", "dataset_sha256",
           "prompt_version", "source_commit", "metrics", "artifacts", "labels")


@dataclass(frozen=True)
class Package:
    """A packed model in a folder, ready to be registered."""

    folder: Path
    manifest: Mapping[str, Any]
    report: bytes
    digests: Mapping[str, str]

    @property
    def archive_sha256(self) -> str:
        """Return the archive's digest: the identity of the model."""
        return self.manifest["artifacts"][0]["sha256"]


def pack(project: Project, run: "Run", description: str,
         tags: Mapping[str, str] | None = None) -> Package:
    """Pack a run whose gate passed; raise if it has no report, or a bad one."""
    report = passing_report(run.evaluation / "report.json", files.sha256_tree(run.model_folder),
                            f"python tools/eval_gate.py --run {run.name}")

    def fill(draft: Path) -> dict[str, Any]:
        archive = draft / f"{run.model}.tar"
        about = {"class": run.params["class"], "file_format": run.params["file_format"],
                 "labels": run.details["labels"], "task": run.tags["task"],
                 "model_sha256": run.details["model_sha256"]}
        write_archive(about, run.model_folder, archive, {
            f"drift/{path.name}": path
            for path in (run.artifacts / "drift").iterdir()} if "drift" in run.details else {})
        shutil.copyfile(run.evaluation / "report.json", draft / "report.json")
        return build_manifest(run, report, description, tags or {}, archive)

    return write_package(project.root, run.model, fill)


def write_package(root: Path, name: str, fill: Callable[[Path], dict[str, Any]]) -> Package:
    """Write `dist/NAME/` of a repository whole or not at all.

    `fill` puts the archive and report.json into a folder and returns the manifest; metrics, model
    card and SHA256SUMS follow from these, and from what the team wrote in docs/cards/NAME.md.
    """
    # Here, because it imports a JSON Schema validator, which the registry's commands do without.
    from nlp_gitops.registry import model_card
    folder, draft = root / "dist" / name, root / "dist" / f".{name}.tmp"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    manifest = fill(draft)
    check_lineage(manifest)
    report = json.loads((draft / "report.json").read_text(encoding="utf-8"))
    files.write_json(draft / "manifest.json", manifest)
    files.write_json(draft / "metrics.json", manifest["metrics"])
    card = model_card.render(model_card.source(root, name), manifest, report)
    files.write_atomic(draft / "MODEL_CARD.md", card)
    files.write_atomic(draft / "SHA256SUMS", checksums(
        {path.name: files.sha256_file(path) for path in draft.iterdir()}))
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return load_package(folder)


def checksums(digests: Mapping[str, str]) -> str:
    """Return the text of SHA256SUMS, as `sha256sum -c` reads it."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))


def load_package(folder: Path) -> Package:
    """Read a packed model and check every digest; raise if anything is missing or altered."""
    try:
        lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        digests = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        report = (folder / "report.json").read_bytes()
    except FileNotFoundError:
        raise NotMeasured(f"{folder}: no packed model here; "
                          "type: python tools/pack_model.py") from None
    except ValueError:
        raise CheckFailed(f"{folder}: manifest.json is not readable; pack again") from None
    for name, digest in digests.items():
        path = folder / Path(name).name
        if not path.is_file() or files.sha256_file(path) != digest:
            raise CheckFailed(f"{path}: altered since it was packed; "
                              "type: python tools/pack_model.py")
    check_lineage(manifest)
    return Package(folder, manifest, report, digests)


def check_lineage(manifest: Mapping[str, Any]) -> None:
    """Raise CheckFailed for a manifest that could not say where its model comes from."""
    missing = [key for key in LINEAGE if manifest.get(key) in (None, "", [], {})]
    if missing:
        raise CheckFailed(f"the manifest has no {', '.join(missing)}; lineage is compulsory")
    try:
        check_license(manifest["license"])
        check_language(manifest["language"])
    except UsageError as error:
        raise CheckFailed(f"manifest: {error}") from None


def build_manifest(run: "Run", report: Mapping[str, Any], description: str,
                   tags: Mapping[str, str], archive: Path) -> dict[str, Any]:
    """Return the manifest: lineage, metrics and digests, without a version number yet."""
    details = run.details
    return {
        "schema": MANIFEST_SCHEMA,
        "name": run.model,
        "description": description,
        **{key: run.tags[key] for key in ("task", "language", "license", "owner",
                                          "dataset_version", "prompt_version")},
        "labels": details["labels"],
        "dataset_sha256": details["dataset"]["sha256"],
        "dataset_license": details["dataset"]["license"],
        "dataset_rows": details["dataset"]["rows"],
        "prompt": details["prompt"],
        "provider": details.get("provider"),
        "source_commit": run.tags["commit"],
        "source_dirty": run.tags["dirty"],
        "run": run.name,
        "inputs": dict(run.inputs),
        "params": dict(run.params),
        "environment": details["environment"],
        "metrics": report["metrics"],
        "gates_sha256": report["lineage"]["gates_sha256"],
        "model_sha256": details["model_sha256"],
        # Runs of before there was drift have no reference.
        "drift": details.get("drift"),
        "tags": dict(tags),
        "artifacts": [artifact(archive)],
    }


def artifact(archive: Path) -> dict[str, Any]:
    """Return an archive as the manifest names it; size in bytes."""
    return {"name": archive.name, "size": archive.stat().st_size,
            "sha256": files.sha256_file(archive)}


def write_archive(about: Mapping[str, Any], model: Path, target: Path,
                  more: Mapping[str, Path] | None = None) -> None:
    """Write `model.json` (class, labels, task), the model's files, and `more` as a plain tar."""
    text = (json.dumps(about, indent=2, sort_keys=True) + "\n").encode()
    members = {f"model/{path.relative_to(model).as_posix()}": path
               for path in model.rglob("*") if path.is_file()}
    members.update(more or {})
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(["model.json", *members]):
            info = tarfile.TarInfo(name)
            info.mode = 0o644
            if name == "model.json":
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text))
                continue
            info.size = members[name].stat().st_size
            with open(members[name], "rb") as stream:
                archive.addfile(info, stream)


def passing_report(path: Path, model_sha256: str, again: str) -> dict[str, Any]:
    """Return a gate's report; raise unless it is about this model and lets it pass.

    `again` is the command that makes a new one.
    """
    if not path.is_file():
        raise NotMeasured(f"{path}: no such report: it was not evaluated; type: {again}")
    report = json.loads(path.read_text(encoding="utf-8"))
    if report["lineage"]["model_sha256"] != model_sha256:
        raise CheckFailed(f"{path}: this report is about other model files; type: {again}")
    if report["verdict"] not in ("PASS", "WARN"):
        raise CheckFailed(f"{path}: the gate said {report['verdict']}, so the model is not packed")
    return report
