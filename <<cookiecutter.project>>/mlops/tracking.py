"""Runs: one folder each under `runs/`, with parameters, metrics, tags, lineage and artifacts.

`run.json` is written whole at the end; a folder without it is a run that never finished and is
never taken for a result. `metrics.jsonl` only grows.
"""

import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from mlops import files
from mlops.errors import NotMeasured, UsageError
from mlops.lineage import Inputs
from mlops.names import run_name

RUN_SCHEMA = "nlp-gitops/run/1"
RECORDED_PACKAGES = ("numpy", "scikit-learn", "scipy", "skops")
REQUIRED_TAGS = ("task", "dataset_version", "prompt_version", "commit", "license", "language",
                 "owner")


@dataclass(frozen=True)
class Run:
    """A finished run, as `run.json` holds it."""

    path: Path
    model: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, Any]
    inputs: Mapping[str, str]
    details: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return the run's name, which is its folder's."""
        return self.path.name

    @property
    def model_folder(self) -> Path:
        """Return the folder with the trained model's files."""
        return self.path / "artifacts" / "model"

    @property
    def evaluation(self) -> Path:
        """Return the folder that the gate writes its report into."""
        return self.path / "evaluation"


class RunLogger:
    """Records one run while it happens."""

    def __init__(self, folder: Path, model: str, tags: Mapping[str, Any], inputs: Inputs) -> None:
        missing = [tag for tag in REQUIRED_TAGS if not tags.get(tag)]
        if missing:
            raise UsageError(f"a run without {', '.join(missing)} has no lineage and is not logged")
        self.model, self.tags, self.inputs = model, dict(tags), inputs
        self.params: dict[str, Any] = {}
        self.metrics: dict[str, float] = {}
        self.started = time.time()
        self.path = _create(folder, model, tags)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record what the run was configured with."""
        self.params.update(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record measured values; with `step` they form a series, and the last one counts."""
        self.metrics.update(metrics)
        at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        lines = [json.dumps({"metric": name, "value": value, "step": step, "at": at})
                 for name, value in metrics.items()]
        with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as stream:
            stream.write("".join(line + "\n" for line in lines))

    def artifact(self, name: str) -> Path:
        """Return the path where an artifact of this name is to be written."""
        path = self.path / "artifacts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def finish(self, details: Mapping[str, Any]) -> Run:
        """Write `run.json`; from here on the run exists."""
        record = {
            "schema": RUN_SCHEMA, "name": self.path.name, "model": self.model,
            "params": self.params, "metrics": self.metrics, "tags": self.tags,
            "inputs": {"data": self.inputs.data, "prompt": self.inputs.prompt,
                       "code": self.inputs.code},
            "environment": environment(),
            "seconds": round(time.time() - self.started, 3),
            **details,
        }
        files.write_json(self.path / "run.json", record)
        return load(self.path)


def _create(folder: Path, model: str, tags: Mapping[str, Any]) -> Path:
    """Make the run's folder. A second run in the same second takes the next free second."""
    at = datetime.now(timezone.utc)
    dataset = tags["dataset_version"].rsplit("-v", 1)[-1]
    prompt = tags["prompt_version"].rsplit("-v", 1)[-1]
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        path = folder / run_name(at, model, dataset, prompt, tags["commit"])
        try:
            path.mkdir()
            return path
        except FileExistsError:
            at += timedelta(seconds=1)


def environment() -> dict[str, Any]:
    """Return Python, platform and the versions of the packages that shape a model."""
    packages = {}
    for name in RECORDED_PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "platform": platform.platform(),
            "packages": packages}


def load(path: Path) -> Run:
    """Read a finished run; raise UsageError if the folder is none."""
    try:
        record = json.loads((path / "run.json").read_text(encoding="utf-8"))
        return Run(path=path, model=record["model"], params=record["params"],
                   metrics=record["metrics"], tags=record["tags"], inputs=record["inputs"],
                   details=record)
    except (OSError, ValueError, KeyError):
        raise UsageError(f"{path}: not a finished run (no readable run.json)") from None


def all_runs(folder: Path) -> list[Run]:
    """Return the finished runs, oldest first."""
    if not folder.is_dir():
        return []
    return [load(path) for path in sorted(folder.iterdir()) if (path / "run.json").is_file()]


def find(folder: Path, name: str) -> Run:
    """Return the run of this name, or the only one whose name begins so."""
    chosen = folder / Path(name).name
    if (chosen / "run.json").is_file():
        return load(chosen)
    matches = [run for run in all_runs(folder) if run.name.startswith(Path(name).name)]
    if len(matches) != 1:
        raise UsageError(f"{len(matches) or 'no'} runs match {name!r}; "
                         "see: python tools/runs.py list")
    return matches[0]


def newest_matching(folder: Path, model: str, now: Inputs) -> Run:
    """Return the newest run of a model whose data, prompt and code are those of the work tree."""
    candidates = [run for run in all_runs(folder) if run.model == model]
    for run in reversed(candidates):
        if not now.differences(run.inputs):
            return run
    if not candidates:
        raise NotMeasured(f"no run of {model} yet; type: python tools/train.py --model {model}")
    changed = " and ".join(now.differences(candidates[-1].inputs))
    raise NotMeasured(f"no run of {model} matches the work tree ({changed} changed since "
                      f"{candidates[-1].name}); type: python tools/train.py --model {model}")
