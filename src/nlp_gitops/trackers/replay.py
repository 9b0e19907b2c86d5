"""Sending a finished run to trackers that have not got it: they were down, or came later."""

from collections.abc import Mapping

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.trackers.base import Tracker
from nlp_gitops.trackers.mirror import COMPLETE, Mirror, notes
from nlp_gitops.tracking import Run, series
from nlp_gitops.tracking.store import artifact_files


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
