"""What one run of a workflow did, read from the lines that `act --json --verbose` writes."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One step of one job; `outcome` is what it was before `continue-on-error` forgave it."""

    job: str
    name: str
    outcome: str


@dataclass(frozen=True)
class Result:
    """A finished run.

    Jobs are named as GitHub lists them: `test`, `test (3.11)` for one leg of a matrix, and
    `caller / called` for a job of a reusable workflow.
    """

    exit_code: int
    log: str
    steps: tuple[Step, ...]
    summary: str
    artifacts: Path
    jobs: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed_step(self) -> Step | None:
        """Return the first step that failed, forgiven or not."""
        return next((step for step in self.steps if step.outcome == "failure"), None)

    def outcome(self, job: str) -> str:
        """Return success, failure or skipped, of a job or of all its legs and called jobs."""
        found = {result for name, result in self.jobs.items()
                 if name == job or name.startswith((f"{job} (", f"{job} / "))}
        if not found:
            raise LookupError(f"no job {job!r} among {sorted(self.jobs)}\n{self.log[-3000:]}")
        return next(each for each in ("failure", "success", "skipped") if each in found)


def parse(lines: Iterable[str], callers: Iterable[str], exit_code: int, artifacts: Path) -> Result:
    """Read act's output; `callers` are the display names of jobs that call workflows."""
    callers = list(callers)
    events = [_event(line) for line in lines]
    for event in events:
        if "jobID" in event:
            event["label"] = _label(event, callers)
    log = "\n".join(_text(event) for event in events if event.get("level") != "debug")
    return Result(exit_code, log, tuple(_steps(events)), _summary(events), artifacts, _jobs(events))


def _event(line: str) -> Event:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    return event if isinstance(event, dict) else {"msg": line}


def _label(event: Event, callers: list[str]) -> str:
    # A called job is told by act's own name for it: caller, workflow and job between slashes.
    caller = next((each for each in callers if re.match(rf"{re.escape(each)}(-\d+)?/.+/",
                                                        event["job"])), None)
    name = f"{caller} / {event['jobID']}" if caller else event["jobID"]
    legs = ", ".join(_scalar(value) for value in (event.get("matrix") or {}).values())
    return f"{name} ({legs})" if legs else name


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _text(event: Event) -> str:
    text = str(event.get("msg", "")).rstrip("\n")
    return f"[{event['label']}] {text}" if "label" in event else text


def _key(event: Event) -> tuple[str, tuple[str, ...]]:
    return event["label"], tuple(event["stepID"])


def _steps(events: list[Event]) -> Iterable[Step]:
    """Yield the steps that a workflow lists, leaving out those inside composite actions."""
    own = [event for event in events if event.get("stage") == "Main"
           and len(event.get("stepID", ())) == 1]
    finished = {_key(event) for event in own if "stepResult" in event}
    for event in own:
        if "stepResult" in event:
            yield Step(event["label"], event["step"], event["stepResult"])
        elif event.get("level") == "error" and _key(event) not in finished:
            # A step whose `if` cannot be evaluated fails without act saying a result.
            finished.add(_key(event))
            yield Step(event["label"], event["step"], "failure")


def _summary(events: list[Event]) -> str:
    # A composite action repeats the summary of its inner steps, unless it tells it in their place.
    known = {_key(event) for event in events if event.get("command") == "summary"}
    outer = {(label, step[:length]) for label, step in known for length in range(1, len(step))}
    return "".join(event["content"] for event in events
                   if event.get("command") == "summary" and _key(event) not in outer)


def _jobs(events: list[Event]) -> dict[str, str]:
    results = {event["label"]: event["jobResult"] for event in events if "jobResult" in event}
    # act keeps one result for a whole matrix, so a leg that ends after a bad one is called bad
    # too; what only a bad one has is an error of act, not one that a step announced.
    bad = {event.get("label") for event in events
           if event.get("level") == "error" and "command" not in event}
    return {label: "success" if result == "failure" and label not in bad else result
            for label, result in results.items()}
