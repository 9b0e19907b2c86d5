"""The runs of a folder: finished ones, unfinished ones, and how a name finds one."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.tracking import series
from nlp_gitops.tracking.lineage import Inputs

START = "start.json"
RECORD = ("run.json", START, series.NAME)
"""Files that tell of the run itself; no artifact may have such a name."""


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
    def artifacts(self) -> Path:
        """Return the folder of the artifacts."""
        return self.path / "artifacts"

    @property
    def model_folder(self) -> Path:
        """Return the folder with the trained model's files."""
        return self.artifacts / "model"

    @property
    def evaluation(self) -> Path:
        """Return the folder that the gate writes its report into."""
        return self.path / "evaluation"


@dataclass(frozen=True)
class Unfinished:
    """A run that goes on, was stopped or failed. `start` is empty where not even that is there."""

    path: Path
    start: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return the run's name, which is its folder's."""
        return self.path.name

    @property
    def model(self) -> str | None:
        """Return the model's name, if the run got as far as to write it."""
        return self.start.get("model")


def load(path: Path) -> Run:
    """Read a finished run; raise UsageError if the folder is none."""
    try:
        record = json.loads((path / "run.json").read_text(encoding="utf-8"))
        metrics = {name: series.as_float(value) for name, value in record["metrics"].items()}
        return Run(path=path, model=record["model"], params=record["params"], metrics=metrics,
                   tags=record["tags"], inputs=record["inputs"], details=record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{path}: not a finished run (no readable run.json)") from None


def folders(root: Path) -> list[Path]:
    """Return the folders of runs, oldest first, whether finished or not."""
    if not root.is_dir():
        return []
    # A name with a dot in front is a draft.
    return sorted(path for path in root.iterdir()
                  if path.is_dir() and not path.name.startswith("."))


def all_runs(root: Path) -> list[Run]:
    """Return the finished runs, oldest first."""
    return list(reversed(list(_newest_first(root))))


def unfinished(root: Path) -> list[Unfinished]:
    """Return the runs without a readable `run.json`, oldest first."""
    return [Unfinished(path, _start(path)) for path in folders(root) if _finished(path) is None]


def find(root: Path, name: str) -> Run:
    """Return the run of this name, or the only one whose name begins so."""
    wanted = Path(name).name
    if (root / wanted / "run.json").is_file():
        return load(root / wanted)
    matches = [run for run in all_runs(root) if run.name.startswith(wanted)]
    if len(matches) == 1:
        return matches[0]
    stopped = [item.name for item in unfinished(root) if item.name.startswith(wanted)]
    if not matches and stopped:
        raise NotMeasured(f"{stopped[-1]} is unfinished, so it is no result; "
                          "see: python tools/runs.py list")
    raise UsageError(f"{len(matches) or 'no'} runs match {name!r}; "
                     "see: python tools/runs.py list")


def newest_matching(root: Path, model: str, now: Inputs) -> Run:
    """Return the newest run of a model whose data, prompt and code are those of the work tree."""
    newest = None
    for run in _newest_first(root):
        if run.model != model:
            continue
        if not now.differences(run.inputs):
            return run
        newest = newest or run
    if newest is None:
        raise NotMeasured(f"no run of {model} yet; type: python tools/train.py --model {model}")
    changed = " and ".join(now.differences(newest.inputs))
    raise NotMeasured(f"no run of {model} matches the work tree ({changed} changed since "
                      f"{newest.name}); type: python tools/train.py --model {model}")


def gate_report(run: Run) -> Mapping[str, Any] | None:
    """Return the newest report of the gate about this run's model; None if there is none."""
    try:
        report = json.loads((run.evaluation / "report.json").read_text(encoding="utf-8"))
        same = report["lineage"]["model_sha256"] == run.details["model_sha256"]
        return report if same and isinstance(report["metrics"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def artifact_files(path: Path) -> dict[str, Path]:
    """Return name -> file for a run's artifacts, and for its record as far as it is written."""
    artifacts = path / "artifacts"
    found = {item.relative_to(artifacts).as_posix(): item
             for item in sorted(artifacts.rglob("*")) if item.is_file()}
    return {**{name: path / name for name in (START, series.NAME) if (path / name).is_file()},
            **found}


def _newest_first(root: Path) -> Iterator[Run]:
    for path in reversed(folders(root)):
        run = _finished(path)
        if run:
            yield run


def _finished(path: Path) -> Run | None:
    try:
        return load(path)
    except UsageError:
        return None


def _start(path: Path) -> dict[str, Any]:
    try:
        start = json.loads((path / START).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return start if isinstance(start, dict) else {}
