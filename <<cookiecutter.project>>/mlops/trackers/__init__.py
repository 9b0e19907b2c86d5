"""Trackers that mirror runs: which ones `project.yaml` asks for, and where their code is."""

import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from mlops.errors import UsageError
from mlops.trackers.base import Tracker
from mlops.trackers.mirror import reason

SWITCH = "NLP_GITOPS_TRACKING"
BUILT_IN = {"mlflow": "mlops.trackers.mlflow_tracker:MlflowTracker"}


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
    module, _, kind = BUILT_IN.get(name, name).partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), kind)):
        raise UsageError(f"tracking: no tracker {name!r}; write {', '.join(BUILT_IN)}, or "
                         "module:Class for your own")
    try:
        found = getattr(importlib.import_module(module), kind, None)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(error.name + ".")):
            raise UsageError(f"tracking: no module {error.name!r} for {name}") from None
        raise UsageError(f"tracking: {name}: the package {error.name} is not installed; "
                         f"type: pip install {error.name}") from None
    except Exception as error:
        # What a module of the team's raises when it is imported.
        raise UsageError(f"tracking: {name}: {module} cannot be imported: "
                         f"{type(error).__name__}: {reason(error)}") from None
    if found is None:
        raise UsageError(f"tracking: {module} has no {kind}")
    return found(project, root)
