"""What is known about a model around an incident: its events, its deploys, and what follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from nlp_gitops.core.errors import Conflict, UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project
from nlp_gitops.incidents import reports
from nlp_gitops.incidents.reports import Deploy
from nlp_gitops.registry import policy, views
from nlp_gitops.registry.events import Event, State
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import ledger_of

# Looked at, from the newest; an incident does not reach back further.
_MOST_EVENTS = 500


@dataclass(frozen=True)
class Facts:
    """`events` are all that were looked at, oldest first; those since `since` are the incident's.

    `good` is the version that a rollback would bring, None if there is none. `seen` is what a
    person or a monitor saw, and when.
    """

    name: str
    since: datetime
    until: datetime
    events: tuple[Event, ...]
    deploys: tuple[Deploy, ...]
    production: str | None
    good: str | None
    seen: tuple[tuple[datetime, str], ...] = ()

    def recent(self) -> list[Event]:
        """Return the events within the time that is looked at."""
        return [event for event in self.events if self.since <= at(event) <= self.until]

    def last(self, action: str) -> Event | None:
        """Return the newest recent event of this kind."""
        return next((event for event in reversed(self.recent()) if event.action == action), None)

    def put_into_production(self, version: str, before: datetime) -> Event | None:
        """Return the event that had put a version into production by then."""
        return next((event for event in reversed(self.events) if event.version == version
                     and event.stage == "production" and at(event) <= before), None)

    def failed(self) -> Deploy | None:
        """Return the newest deploy to production that failed."""
        return next((deploy for deploy in reversed(self.deploys)
                     if deploy.failed and deploy.environment == "production"), None)


def at(event: Event) -> datetime:
    """Return when an event happened."""
    return datetime.fromisoformat(event.at)


def last_day() -> tuple[datetime, datetime]:
    """Return the time span that an incident looks at if nobody names one."""
    now = datetime.now(timezone.utc)
    return now - timedelta(days=1), now


def gather(project: Project, registry: str | None, name: str | None, folders: Sequence[Path],
           since: datetime, until: datetime) -> Facts:
    """Read ledger and reports; raise UsageError for a model that the registry does not hold."""
    ledger = ledger_of(project, registry)
    snapshot = Snapshot(ledger, ledger.fetch())
    name = name or project.model().name
    state = snapshot.states().get(name)
    if state is None:
        raise UsageError(f"the registry holds no model {name!r}; "
                         "see: python tools/registry.py show")
    told = views.history(snapshot, name, _MOST_EVENTS)
    deploys = tuple(deploy for deploy in reports.find(folders)
                    if since <= deploy.ended <= until and _about(deploy, name))
    return Facts(name, since, until, tuple(item.event for item in reversed(told)), deploys,
                 state.stages.get("production"), _good(state))


def _about(deploy: Deploy, name: str) -> bool:
    try:
        return ModelRef.parse(str(deploy.candidate)).name == name
    except UsageError:
        return False


def _good(state: State) -> str | None:
    try:
        return policy.rollback_targets(state, None)[0]
    except Conflict:
        return None
