"""Runs in MLflow: mirrored there while they happen, and brought back from there.

`MLFLOW_TRACKING_URI` and `MLFLOW_EXPERIMENT_NAME` mean what they mean to MLflow. Without the
first, `mlflow.db` and `mlruns/` in the repository are used, where `mlflow server` looks too.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

# Training must tell nobody about itself unless the user says so. MLflow reads this on import.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

from mlflow.entities import Metric, Param, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402
from mlflow.utils.time import get_current_time_millis  # noqa: E402

_LONGEST = {"param": 6000, "tag": 5000}
_FOREIGN = re.compile(r"[^\w./ :-]")


class MlflowTracker:
    """Mirrors a run into MLflow: params, metrics with steps, tags, and every file of the run."""

    def __init__(self, project: str, root: Path) -> None:
        self._project, self._root = project, root
        self._uri = tracking_uri(root)
        self._run = ""

    def start(self, name: str, params: Mapping[str, Any], tags: Mapping[str, Any]) -> str:
        """Begin a run; return its page, or its id where the store is a file."""
        self._client = MlflowClient(tracking_uri=self._uri)
        experiment = self._experiment()
        self._run = self._client.create_run(experiment, run_name=name).info.run_id
        self._client.log_batch(
            self._run, params=[Param(_key(key), _text(value, "param"))
                               for key, value in params.items()],
            tags=[RunTag(_key(key), _text(value, "tag")) for key, value in tags.items()])
        page = _public(self._uri)
        return (f"{page}/#/experiments/{experiment}/runs/{self._run}" if page
                else f"run {self._run}")

    def log_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Record values. MLflow knows no value without a step: that is step 0."""
        now = get_current_time_millis()
        self._client.log_batch(self._run, metrics=[
            Metric(_key(name), value, now, step or 0) for name, value in metrics.items()
            # Some of MLflow's stores turn infinity into the largest number there is.
            if not math.isinf(value)])

    def log_artifact(self, path: Path, name: str) -> None:
        """Store a file under its name."""
        folder = str(Path(name).parent.as_posix())
        self._client.log_artifact(self._run, str(path), None if folder == "." else folder)

    def finish(self, succeeded: bool) -> None:
        """Say how the run ended."""
        self._client.set_terminated(self._run, "FINISHED" if succeeded else "FAILED")

    def _experiment(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or self._project
        found = self._client.get_experiment_by_name(name)
        if found:
            return found.experiment_id
        place = None if os.environ.get("MLFLOW_TRACKING_URI") else (self._root / "mlruns").as_uri()
        try:
            return self._client.create_experiment(name, artifact_location=place)
        except MlflowException:
            # Another run made it in the meantime, or the first error comes again.
            found = self._client.get_experiment_by_name(name)
            if found is None:
                raise
            return found.experiment_id


def download(run_id: str, uri: str, folder: Path) -> None:
    """Write a run's files into an empty folder; raise MlflowException, OSError or ValueError."""
    client = MlflowClient(tracking_uri=uri)
    client.download_artifacts(client.get_run(run_id).info.run_id, "", str(folder))


def tracking_uri(root: Path) -> str:
    """Return MLflow's address: that of the environment, else a database in the repository."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlflow.db'}"


def _public(uri: str) -> str | None:
    """Return a server's address without a password in it; None for a file."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return None
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def _key(name: str) -> str:
    return _FOREIGN.sub("_", name)[:250]


def _text(value: Any, kind: str) -> str:
    return (value if isinstance(value, str) else json.dumps(value, default=str))[:_LONGEST[kind]]
