"""The stages and the newest events as Markdown, for a job's summary."""

from collections.abc import Iterable

from nlp_gitops.registry.events import Event, State
from nlp_gitops.reporting.markdown import escape


def stage_summary(states: Iterable[State], events: Iterable[Event]) -> str:
    """Return two tables. Reasons and names of people stay text."""
    lines = ["### The registry now", "", "| model | stage | version |", "|---|---|---|"]
    lines += [_line(state.name, stage, version) for state in states
              for stage, version in state.stages.items()]
    lines += ["", "| # | model | what | who | why |", "|---|---|---|---|---|"]
    lines += [_line(str(event.seq), event.model, event.subject, event.actor, event.reason or "–")
              for event in events]
    return "\n".join(lines)


def _line(*cells: str) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
