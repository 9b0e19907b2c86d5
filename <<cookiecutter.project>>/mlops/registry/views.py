"""The registry as people and machines read it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mlops.registry.events import Event, State, parse_message
from mlops.registry.ledger import Ledger
from mlops.registry.operations import Outcome
from mlops.tables import table


def show_record(states: Mapping[str, State]) -> dict[str, Any]:
    """Return the stable shape of `registry.py show --json`; versions newest first."""
    return {name: {"stages": dict(state.stages),
                   "versions": [item.version for item in state.versions],
                   "seq": state.seq} for name, state in sorted(states.items())}


def show_table(states: Mapping[str, State]) -> str:
    """Return one row per version that is in a stage, or revoked, or new."""
    rows = []
    for name, state in sorted(states.items()):
        for item in state.versions:
            held = [stage for stage, version in state.stages.items()
                    if version == item.version]
            rows.append((name, item.version, ", ".join(held) or "–", item.dataset_version,
                         item.prompt_version, item.registered, "revoked" if item.revoked else ""))
    if not rows:
        return "no versions yet; type: python tools/push_to_registry.py --stage Staging"
    return table(("model", "version", "stage", "data", "prompt", "registered", ""), rows)


def history(ledger: Ledger, name: str | None) -> list[Event]:
    """Return the events, newest first; only one model's if a name is given."""
    commit = ledger.fetch()
    if commit is None:
        return []
    events = []
    for _, message in ledger.messages(commit):
        try:
            event = parse_message(message)
        except ValueError:
            continue
        if name in (None, event.model):
            events.append(event)
    return events


def history_table(events: Sequence[Event]) -> str:
    """Return one row per event."""
    if not events:
        return "no events yet"
    return table(("model", "#", "when", "who", "action", "version", "stage", "replaces", "reason"),
                 [(event.model, event.seq, event.at, event.actor, event.action, event.version,
                   event.stage or "–", event.replaces or "–", event.reason or "")
                  for event in events])


def event_record(event: Event) -> dict[str, Any]:
    """Return an event as plain data."""
    return asdict(event)


def outcome_lines(outcome: Outcome) -> list[str]:
    """Return a line per event that happened."""
    return [f"#{event.seq:<4} {event.subject}" for event in outcome.events]


def outcome_record(name: str, outcome: Outcome) -> dict[str, Any]:
    """Return what an operation did as plain data."""
    return {"model": name, "version": outcome.version,
            "events": [event_record(event) for event in outcome.events]}
