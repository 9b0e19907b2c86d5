"""Recording one run while it happens."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from nlp_gitops.core import files
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import run_name
from nlp_gitops.core.progress import Progress
from nlp_gitops.tracking import series
from nlp_gitops.tracking.environment import environment
from nlp_gitops.tracking.lineage import Inputs
from nlp_gitops.tracking.store import RECORD, START, Run, artifact_files, load
from nlp_gitops.tracking.trackers import Mirror

RUN_SCHEMA = "nlp-gitops/run/1"
REQUIRED_TAGS = ("task", "dataset_version", "prompt_version", "commit", "license", "language",
                 "owner")


class RunLogger:
    """Records one run. Used with `with`: a run that raises stays unfinished, here and in mirrors.

    The folder is the truth; `mirror` tells other trackers the same things.
    """

    def __init__(self, folder: Path, model: str, tags: Mapping[str, Any], inputs: Inputs,
                 params: Mapping[str, Any] | None = None, mirror: Mirror | None = None,
                 progress: Progress | None = None) -> None:
        _require_lineage(tags, inputs)
        self.model, self.tags, self.params = model, dict(tags), dict(params or {})
        self.inputs = {"data": inputs.data, "prompt": inputs.prompt, "code": inputs.code}
        self.metrics: dict[str, float] = {}
        self.durations: dict[str, float] = {}
        self.root = folder.parent
        self._progress = progress or Progress(None)
        self._begin = time.monotonic()
        self._at = datetime.now(timezone.utc)
        self.path = _create(folder, self._at, model, tags)
        files.write_json(self.path / START, self._start())
        self._mirror = mirror or Mirror({})
        self._mirror.start(self.path, self.params, self.tags)

    def __enter__(self) -> "RunLogger":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind:
            self._mirror.finish(succeeded=False)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record measured values; with `step` they form a series, and the last one counts."""
        values = {name: float(value) for name, value in metrics.items()}
        series.append(self.path, values, step)
        self.metrics.update(values)
        self._mirror.log_metrics(values, step)

    def artifact(self, name: str) -> Path:
        """Return the path where an artifact of this name is to be written."""
        path = self.path / "artifacts" / name
        if name in RECORD or not path.resolve().is_relative_to(self.path.resolve() / "artifacts"):
            raise UsageError(f"{name!r} cannot be an artifact's name")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def log_artifact(self, path: Path, name: str | None = None) -> None:
        """Copy a file into the run's artifacts."""
        files.write_atomic(self.artifact(name or path.name), path.read_bytes())

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a part of the run in seconds of wall time, and show that it goes on."""
        begin = time.monotonic()
        with self._progress.phase(name):
            yield
        self.durations[name] = round(time.monotonic() - begin, 3)

    def finish(self, details: Mapping[str, Any]) -> Run:
        """Write `run.json`; from here on the run exists. `details` are further keys of it."""
        record = {
            **self._start(),
            "metrics": {name: series.as_json(value) for name, value in self.metrics.items()},
            "environment": environment(self.root),
            "seconds": round(time.monotonic() - self._begin, 3),
            "durations": self.durations,
            **details,
            "files": {name: {"sha256": files.sha256_file(path), "bytes": path.stat().st_size}
                      for name, path in artifact_files(self.path).items()},
        }
        files.write_json(self.path / "run.json", record)
        run = load(self.path)
        self._mirror.log_artifacts({**artifact_files(self.path), "run.json": run.path / "run.json"})
        self._mirror.finish(succeeded=True)
        return run

    def _start(self) -> dict[str, Any]:
        return {"schema": RUN_SCHEMA, "name": self.path.name, "model": self.model,
                "started": self._at.isoformat(timespec="milliseconds"), "params": self.params,
                "tags": self.tags, "inputs": self.inputs}


def _require_lineage(tags: Mapping[str, Any], inputs: Inputs) -> None:
    missing = [tag for tag in REQUIRED_TAGS if not tags.get(tag)]
    missing += [f"{name} digest" for name in ("data", "prompt", "code")
                if not getattr(inputs, name)]
    if missing:
        raise UsageError(f"a run without {', '.join(missing)} has no lineage and is not logged")


def _create(folder: Path, at: datetime, model: str, tags: Mapping[str, Any]) -> Path:
    """Make the run's folder. A second run in the same second takes the next free second."""
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
