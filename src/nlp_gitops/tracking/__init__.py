"""Runs: one folder each under `runs/`, with parameters, metrics, tags, lineage and artifacts.

`run.json` is written whole at the end; a folder without it is a run that never finished and is
never taken for a result. `metrics.jsonl` only grows. nlp-gitops help tracking shows the files.
"""

from nlp_gitops.tracking.logger import RunLogger
from nlp_gitops.tracking.store import (Run, Unfinished, all_runs, find, gate_report, load,
                                       newest_matching, unfinished)
from nlp_gitops.tracking.trackers import Tracker

__all__ = ["Run", "RunLogger", "Tracker", "Unfinished", "all_runs", "find", "gate_report",
           "load", "newest_matching", "unfinished"]
