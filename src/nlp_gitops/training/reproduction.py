"""Training again what a run trained, from its commit, data and seed, and comparing the outcome."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core import files
from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.project import Project
from nlp_gitops.core.worktree import checked_out
from nlp_gitops.tracking import Run, load
from nlp_gitops.tracking.environment import differences
from nlp_gitops.tracking.trackers import SWITCH
from nlp_gitops.training import PREDICTIONS

SHOWN = 10


@dataclass(frozen=True)
class Outcome:
    """What came of it. `changed` holds (row id, prediction then, prediction now).

    `rows` is None where the old run kept no predictions. `environment` holds (what, then, now).
    """

    run: str
    model: tuple[str, str]
    rows: int | None
    changed: Sequence[tuple[Any, str, str]]
    environment: Sequence[tuple[str, str, str]]

    @property
    def identical(self) -> bool:
        """Say whether model files and predictions are the same to the byte."""
        return self.model[0] == self.model[1] and not self.changed

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        return {
            "run": self.run, "verdict": "IDENTICAL" if self.identical else "DIFFERENT",
            "model": {"then": self.model[0], "now": self.model[1],
                      "identical": self.model[0] == self.model[1]},
            "predictions": {"split": "valid", "rows": self.rows,
                            "identical": None if self.rows is None else not self.changed,
                            "changed": [dict(zip(("id", "then", "now"), item))
                                        for item in self.changed]},
            "environment": [dict(zip(("what", "then", "now"), item))
                            for item in self.environment]}

    def lines(self) -> list[str]:
        """Return the outcome for people; the verdict stands in the last line."""
        same = self.model[0] == self.model[1]
        rows = ("not recorded" if self.rows is None else
                f"{len(self.changed)} of {self.rows} differ" if self.changed else
                f"all {self.rows} identical")
        shown = [f"run          {self.run}",
                 "model        " + (f"identical, sha256 {self.model[0]}" if same else
                                    f"sha256 {self.model[1]}, was {self.model[0]}"),
                 f"predictions  {rows} (valid split)"]
        shown += [f"  row {row}: {now}, was {then}" for row, then, now in self.changed[:SHOWN]]
        if self.environment:
            shown.append("environment")
            shown += [f"  {what}: {now}, was {then}" for what, then, now in self.environment]
        else:
            shown.append("environment  identical")
        return [*shown, self._verdict()]

    def _verdict(self) -> str:
        if self.identical:
            return "REPRODUCED: IDENTICAL"
        why = ("the environment changed, see above" if self.environment else
               "commit, data, seed and environment are the same, so the training is not "
               "deterministic")
        return f"REPRODUCED: DIFFERENT ({why})"


def reproduce(project: Project, run: Run) -> Outcome:
    """Train again in a work tree of the run's commit; the current work tree does not matter.

    Raise NotMeasured if commit, uncommitted changes or data of the run cannot be had any more.
    """
    patch = _patch(run)
    with checked_out(project.root, run.tags["commit"], patch) as tree:
        again = _train(tree, run)
        _require_same_inputs(run, again)
        return _compared(run, again)


def _patch(run: Run) -> bytes:
    """Return what was not committed when the run was made; empty for a clean work tree."""
    if not run.tags["dirty"]:
        return b""
    about = run.details.get("git", {})
    path = run.artifacts / str(about.get("patch"))
    if not about.get("patch") or not path.is_file():
        raise NotMeasured(f"{run.name} was made with uncommitted changes that were not kept"
                          + (f" ({about['diff_bytes']:,} bytes)" if "diff_bytes" in about else ""))
    if files.sha256_file(path) != about["diff_sha256"]:
        raise NotMeasured(f"{path}: altered since the run")
    return path.read_bytes()


def _train(tree: Path, run: Run) -> Run:
    """Run that commit's own training command in the work tree."""
    seed = run.details.get("seeds", {}).get("PYTHONHASHSEED", "random")
    # What git exports to hooks and aliases would lead to the other work tree.
    kept = {key: value for key, value in os.environ.items()
            if key not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "tools/train.py", "--model", run.model, "--json"], cwd=tree, text=True,
        capture_output=True, stdin=subprocess.DEVNULL,
        env={**kept, SWITCH: "", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": seed})
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise NotMeasured(f"training at {run.tags['commit'][:12]} failed: "
                          + said.removeprefix("error: ").replace(f"{tree}{os.sep}", ""))
    try:
        return load(tree / "runs" / json.loads(done.stdout)["name"])
    except (ValueError, KeyError):
        raise NotMeasured(f"the training command of {run.tags['commit'][:12]} is too old to be "
                          "called from here") from None


def _require_same_inputs(run: Run, again: Run) -> None:
    """Raise NotMeasured unless commit and patch give what the run says it was made from."""
    parts = [part for part in run.inputs if run.inputs[part] != again.inputs.get(part)]
    if run.details["dataset"]["sha256"] != again.details["dataset"]["sha256"]:
        parts = ["data", *(part for part in parts if part != "data")]
    if parts:
        raise NotMeasured(f"the {' and '.join(parts)} at {run.tags['commit'][:12]} "
                          "differ from what the run was made from; files that git ignores?")


def _compared(run: Run, again: Run) -> Outcome:
    then, now = _predictions(run), _predictions(again)
    pairs = None if then is None or now is None else list(zip(then, now, strict=True))
    return Outcome(
        run.name, (run.details["model_sha256"], again.details["model_sha256"]),
        None if pairs is None else len(pairs),
        [(old["id"], old["prediction"], new["prediction"]) for old, new in pairs or ()
         if old["prediction"] != new["prediction"]],
        differences(run.details["environment"], again.details["environment"]))


def _predictions(run: Run) -> list[dict[str, Any]] | None:
    """Return a run's rows of the valid split in order; None where it kept none."""
    path = run.artifacts / PREDICTIONS
    if not path.is_file():
        return None
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
