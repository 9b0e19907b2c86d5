"""Other trackers, which mirror runs: which ones, what each is told, and what has not arrived yet.

A tracker is made with the project's name and the repository's root. It mirrors; the folder under
`runs/` stays the truth. A method that raises stops this mirror, never the run.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Protocol

from nlp_gitops.core import dotted, files
from nlp_gitops.core.errors import NotMeasured, UsageError, reason
from nlp_gitops.tracking import series
from nlp_gitops.tracking.store import Run, artifact_files

SWITCH = "NLP_GITOPS_TRACKING"
BUILT_IN = {"mlflow": "nlp_gitops.tracking.mlflow_tracker:MlflowTracker"}
NOTE = "mirrors.json"
COMPLETE = "complete"


class Tracker(Protocol):
    """What a mirror has to do."""

    def __init__(self, project: str, root: Path) -> None:
        """Prepare; connect to nothing yet."""

    def start(self, name: str, params: Mapping[str, Any], tags: Mapping[str, Any]) -> str:
        """Begin a run; return where people find it there: a URL or an id."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Record values; `step` is None for a value that is measured once."""

    def log_artifact(self, path: Path, name: str) -> None:
        """Keep a copy of a file under a name, which may hold `/`."""

    def finish(self, succeeded: bool) -> None:
        """End the run; `succeeded` is False if it was stopped by an error."""


def wanted(configured: Sequence[str]) -> list[str]:
    """Return the trackers to use: those of the environment variable if it is set, even to none."""
    value = os.environ.get(SWITCH)
    return list(configured) if value is None else value.replace(",", " ").split()


def open_trackers(names: Sequence[str], project: str, root: Path) -> dict[str, Tracker]:
    """Return the trackers by name; raise UsageError for one that is unknown or not installed.

    A name is `mlflow`, or `module:Class` for one of your own.
    """
    return {name: _open(name, project, root) for name in names}


def _open(name: str, project: str, root: Path) -> Tracker:
    if name not in BUILT_IN and not dotted.is_path(name):
        raise UsageError(f"tracking: no tracker {name!r}; write {', '.join(BUILT_IN)}, or "
                         "module:Class for your own")
    return dotted.make(BUILT_IN.get(name, name), root, f"tracking: {name}", project, root)


class Mirror:
    """Passes on what a run logs, and notes in `mirrors.json` where it went and how far."""

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._alive = dict(trackers)
        self._notes: dict[str, dict[str, str]] = {}
        self._folder = Path()

    def start(self, folder: Path, params: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        """Begin the run of this folder everywhere."""
        self._folder = folder

        def begin(name: str, tracker: Tracker) -> None:
            self._note(name, "begun", tracker.start(folder.name, params, tags))

        self._each(begin)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Pass on measured values."""
        self._each(lambda name, tracker: tracker.log_metrics(metrics, step))

    def log_artifacts(self, artifacts: Mapping[str, Path]) -> None:
        """Pass on files by name."""
        for name, path in artifacts.items():
            self._each(lambda _, tracker: tracker.log_artifact(path, name))

    def finish(self, succeeded: bool) -> None:
        """End the run everywhere."""
        def end(name: str, tracker: Tracker) -> None:
            tracker.finish(succeeded)
            self._note(name, COMPLETE if succeeded else "unfinished")

        self._each(end)

    def _each(self, action: Callable[[str, Tracker], None]) -> None:
        for name, tracker in list(self._alive.items()):
            try:
                # Some libraries greet on standard output, which belongs to --json.
                with redirect_stdout(sys.stderr):
                    action(name, tracker)
            except Exception as error:
                # Each tracker's library has errors of its own, and none may cost a training.
                self._drop(name, error)

    def _drop(self, name: str, error: Exception) -> None:
        del self._alive[name]
        why = reason(error)
        print(f"warning: {name} does not get all of the run: {why}; send it later: "
              f"python tools/runs.py mirror {self._folder.name}", file=sys.stderr)
        self._note(name, f"failed: {why}")

    def _note(self, name: str, state: str, where: str | None = None) -> None:
        known = self._notes.setdefault(name, {"where": "", "state": ""})
        known.update({"state": state} if where is None else {"state": state, "where": where})
        files.write_json(self._folder / NOTE, {**notes(self._folder), **self._notes})


def notes(folder: Path) -> dict[str, dict[str, str]]:
    """Return tracker -> `where` and `state` for a run's folder."""
    try:
        found = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def send(run: Run, trackers: Mapping[str, Tracker]) -> None:
    """Tell each tracker that has not got the whole run all of it; raise NotMeasured if one fails.

    Values come in their order and with their steps, but with the time of now.
    """
    known = notes(run.path)
    missing = {name: tracker for name, tracker in trackers.items()
               if known.get(name, {}).get("state") != COMPLETE}
    mirror = Mirror(missing)
    mirror.start(run.path, run.params, run.tags)
    for point in series.read(run.path):
        mirror.log_metrics({point.metric: point.value}, point.step)
    mirror.log_artifacts({**artifact_files(run.path), "run.json": run.path / "run.json"})
    mirror.finish(succeeded=True)
    after = notes(run.path)
    failed = [name for name in missing if after[name]["state"] != COMPLETE]
    if failed:
        raise NotMeasured(f"{run.name} did not arrive at {', '.join(failed)}")
