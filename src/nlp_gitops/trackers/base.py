"""The door for other trackers: what the machinery tells one about a run while it happens.

A tracker is made with the project's name and the repository's root. It mirrors; the folder under
`runs/` stays the truth. A method that raises stops this mirror, never the run.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


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
