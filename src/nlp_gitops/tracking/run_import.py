"""A run that exists only in MLflow becomes a run of this repository, every file checked.

It was mirrored there from another machine. What arrives is the run's own record with the digests
of its files; nothing else of MLflow is believed.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from nlp_gitops.core import files
from nlp_gitops.core.errors import CheckFailed, Conflict, NotMeasured, UsageError, reason
from nlp_gitops.tracking import Run, load
from nlp_gitops.tracking.logger import REQUIRED_TAGS, RUN_SCHEMA
from nlp_gitops.tracking.store import RECORD

RUN_NAME = re.compile(r"\d{8}-\d{6}Z_([a-z0-9-]+)_d[0-9A-Za-z.]+_p[0-9A-Za-z.]+_[0-9a-f]{7}")


def import_mlflow(root: Path, run_id: str, uri: str | None) -> Run:
    """Return the run, whole and verified, below `root / "runs"`; a second import changes nothing.

    Raise CheckFailed if a file is not what the record says, Conflict if another run has the name.
    """
    with _draft(root / "runs") as (fetched, draft):
        _download(root, run_id, uri, fetched)
        record = _record(fetched / "run.json")
        for name in (*record["files"], "run.json"):
            target = draft / name if name in RECORD else draft / "artifacts" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (fetched / name).rename(target)
        _require_whole(load(draft))
        return _placed(draft, root / "runs" / record["name"])


def _download(root: Path, run_id: str, uri: str | None, folder: Path) -> None:
    try:
        from nlp_gitops.tracking import mlflow_tracker
    except ModuleNotFoundError as error:
        raise UsageError(f"import-mlflow: the package {error.name} is not installed; "
                         f"type: pip install {error.name}") from None
    where = uri or mlflow_tracker.tracking_uri(root)
    try:
        mlflow_tracker.download(run_id, where, folder)
    except Exception as error:
        # MLflow's stores raise errors of many libraries.
        raise NotMeasured(f"run {run_id} cannot be had from MLflow: {reason(error)}") from None


def _record(path: Path) -> dict[str, Any]:
    """Return the run's record; raise CheckFailed without lineage, or for a name that is unsafe."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        match = RUN_NAME.fullmatch(record["name"])
        if record["schema"] != RUN_SCHEMA or not match or match[1] != record["model"]:
            raise ValueError
        tags, listed = record["tags"], record["files"]
        digests = [about["sha256"] for about in listed.values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise CheckFailed("this MLflow run was not logged by train.py to its end: it has no "
                          "readable run.json") from None
    missing = [tag for tag in REQUIRED_TAGS if not tags.get(tag)]
    if missing or not all(digests):
        raise CheckFailed(f"run.json has no {', '.join(missing) or 'digests'}; lineage is "
                          "compulsory")
    for name in listed:
        _require_inside(name, path.parent)
    return record


def _require_inside(name: str, folder: Path) -> None:
    parts = PurePosixPath(name).parts
    path = folder / name
    if (not parts or name.startswith("/") or ".." in parts or "\\" in name or name == "run.json"
            or not path.is_file() or path.is_symlink()):
        raise CheckFailed(f"run.json lists {name!r}, which MLflow does not have as a file")


def _require_whole(run: Run) -> None:
    for name, about in run.details["files"].items():
        path = run.path / name if name in RECORD else run.artifacts / name
        if files.sha256_file(path) != about["sha256"]:
            raise CheckFailed(f"{name}: its digest is not the one in run.json; the run was altered "
                              "and is not imported")
    if (not run.model_folder.is_dir()
            or files.sha256_tree(run.model_folder) != run.details.get("model_sha256")):
        raise CheckFailed("the model's files are not those of the run; it is not imported")


def _placed(draft: Path, target: Path) -> Run:
    """Move the whole run to its place in one step."""
    try:
        draft.rename(target)
    except OSError:
        if not target.exists():
            raise
        if not _same(draft, target):
            raise Conflict(f"{target}: another run of this name is here; move it away") from None
    return load(target)


def _same(one: Path, other: Path) -> bool:
    mine, theirs = one / "run.json", other / "run.json"
    return theirs.is_file() and mine.read_bytes() == theirs.read_bytes()


@contextmanager
def _draft(runs: Path) -> Iterator[tuple[Path, Path]]:
    """Give two empty folders on the runs' own file system; both go away."""
    runs.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=runs, prefix=".import."))
    try:
        for name in ("fetched", "run"):
            (folder / name).mkdir()
        yield folder / "fetched", folder / "run"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
