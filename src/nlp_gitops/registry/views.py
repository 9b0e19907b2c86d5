"""The registry as people and machines read it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timezone
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.tables import table
from nlp_gitops.registry.events import Event, State, VersionState, has_kinds, parse_message
from nlp_gitops.registry.reading import Snapshot, damaged


@dataclass(frozen=True)
class Told:
    """An event with what its version was made from."""

    event: Event
    dataset_version: str | None
    prompt_version: str | None

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**asdict(self.event), "dataset_version": self.dataset_version,
                "prompt_version": self.prompt_version}


def show_record(states: Mapping[str, State]) -> dict[str, Any]:
    """Return the stable shape of `registry.py show --json`; the newest 100 versions first."""
    return {name: {"stages": dict(state.stages),
                   "versions": [item.version for item in state.versions],
                   "seq": state.seq}
            for name, state in sorted(states.items())}


def show_table(states: Mapping[str, State]) -> str:
    """Return one row per version."""
    rows = []
    for name, state in sorted(states.items()):
        for item in state.versions:
            held = [stage for stage, version in state.stages.items()
                    if version == item.version]
            rows.append((name, item.version, ", ".join(held) or "–", item.dataset_version,
                         item.prompt_version, item.registered,
                         "revoked" if item.version in state.revoked else "",
                         " ".join(f"{key}={value}" for key, value in item.tags.items())))
    if not rows:
        return "no versions yet; type: make pipeline, or make register for a packed model"
    return table(("model", "version", "stage", "data", "prompt", "registered", "", "tags"), rows)


def tagged(states: Mapping[str, State], wanted: Mapping[str, str]) -> dict[str, State]:
    """Return the states with only those versions that carry all the wanted tags."""
    def fits(item: VersionState) -> bool:
        return all(item.tags.get(key) == value for key, value in wanted.items())

    kept = {name: State(**{**_fields(state), "versions": tuple(filter(fits, state.versions))})
            for name, state in states.items()}
    return {name: state for name, state in kept.items() if state.versions}


def _fields(state: State) -> dict[str, Any]:
    return {name: getattr(state, name) for name in state.__dataclass_fields__}


def history(snapshot: Snapshot, name: str | None, limit: int | None) -> list[Told]:
    """Return the newest events first, at most `limit`; only one model's if a name is given."""
    if snapshot.commit is None:
        return []
    if name is None:
        events = _logged(snapshot, limit)
    else:
        state = snapshot.states().get(name)
        last = state.seq if state else 0
        first = max(1, last - limit + 1) if limit else 1
        events = list(snapshot.events(name, range(last, first - 1, -1)))
    return told(snapshot, events)


def _logged(snapshot: Snapshot, limit: int | None) -> list[Event]:
    assert snapshot.commit
    events = []
    for oid, message in snapshot.ledger.log(snapshot.commit, *([f"-n{limit}"] if limit else [])):
        try:
            event = parse_message(message)
        except ValueError:
            continue
        if not has_kinds(event):
            raise damaged(f"commit {oid[:7]}", f"event {event.seq!r} of {event.model!r} is not as "
                          "the registry writes events")
        events.append(event)
    return events


def told(snapshot: Snapshot, events: Sequence[Event]) -> list[Told]:
    """Return events with the data and prompt versions of their model versions."""
    keys = sorted({(event.model, event.version) for event in events})
    known = dict(zip(keys, snapshot.records(keys), strict=True))
    found = [(event, known[event.model, event.version]) for event in events]
    return [Told(event, record.dataset_version if record else None,
                 record.prompt_version if record else None) for event, record in found]


def history_table(items: Sequence[Told]) -> str:
    """Return one row per event."""
    if not items:
        return "no events yet"
    rows = []
    for item in items:
        event = item.event
        gate = f"{event.evidence['verdict']} {event.evidence['sha256'][:7]}" if (
            event.evidence) else "–"
        rows.append((event.model, event.seq, event.at, event.actor, event.action, event.version,
                     event.stage or "–", event.replaces or "–", item.dataset_version or "–",
                     item.prompt_version or "–", gate, event.reason or ""))
    return table(("model", "#", "when", "who", "action", "version", "stage", "replaces", "data",
                  "prompt", "gate report", "reason"), rows)


def moment(text: str) -> datetime:
    """Return a time in UTC; a date alone means the end of that day. Raises UsageError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no date; write for example 2026-03-01 or "
                         "2026-03-01T14:30:00Z") from None
    if "T" not in text and " " not in text.strip():
        found = datetime.combine(found.date(), time(23, 59, 59))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def at(snapshot: Snapshot, name: str, stage: str, when: datetime) -> Told | None:
    """Return the event that had put a version into the stage by then; None if none had."""
    if snapshot.commit is None:
        return None
    commit = snapshot.ledger.at(snapshot.commit, int(when.timestamp()))
    past = Snapshot(snapshot.ledger, commit)
    state = past.states().get(name)
    if state is None or stage not in state.since:
        return None
    return told(past, list(past.events(name, [state.since[stage]])))[0]


def at_lines(item: Told) -> list[str]:
    """Return who put which version there, when, why, and from what it was made."""
    event = item.event
    gate = f"{event.evidence['verdict']}, sha256 {event.evidence['sha256']}" if (
        event.evidence) else "none"
    return [f"{event.model}@{event.version}", f"  since        {event.at} (event {event.seq})",
            f"  by           {event.actor}" + (f", {event.run_url}" if event.run_url else ""),
            f"  how          {event.subject}", f"  reason       {event.reason or '–'}",
            f"  data         {item.dataset_version}", f"  prompt       {item.prompt_version}",
            f"  gate report  {gate}"]


def outcome_lines(events: Sequence[Event]) -> list[str]:
    """Return a line per event that happened."""
    return [f"#{event.seq:<4} {event.subject}" for event in events]


def outcome_record(name: str, version: str, events: Sequence[Event]) -> dict[str, Any]:
    """Return what an operation did as plain data."""
    return {"model": name, "version": version, "events": [asdict(event) for event in events]}
