"""Telling several trackers the same. One that fails is left behind; the run goes on."""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from nlp_gitops.core import files
from nlp_gitops.core.errors import reason
from nlp_gitops.trackers.base import Tracker

NOTE = "mirrors.json"
COMPLETE = "complete"


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
