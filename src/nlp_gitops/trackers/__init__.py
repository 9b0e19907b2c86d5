"""Trackers that mirror runs: which ones `project.yaml` asks for, and where their code is."""

import os
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.core import dotted
from nlp_gitops.core.errors import UsageError
from nlp_gitops.trackers.base import Tracker

SWITCH = "NLP_GITOPS_TRACKING"
BUILT_IN = {"mlflow": "nlp_gitops.trackers.mlflow_tracker:MlflowTracker"}


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
