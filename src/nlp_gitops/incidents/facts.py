"""What is known about a model around an incident: events, deploys and their reports, in order."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import Conflict, UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project
from nlp_gitops.deploy.place import PORTS
from nlp_gitops.deploy.report import CANARY_SCHEMA, DEPLOY_SCHEMA, EXIT_CODES
from nlp_gitops.registry import policy, views
from nlp_gitops.registry.events import Event, State
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import ledger_of

MOST_BYTES = 5_000_000
# Looked at, from the newest; an incident does not reach back further.
_MOST_EVENTS = 500
Plain = Callable[[str], str]
# What comes first within one second, the finest that the ledger knows: a deploy ends, somebody sees
# it, the registry is changed, and the next deploy begins.
_ENDED, _SEEN, _CHANGED, _BEGAN = range(4)


@dataclass(frozen=True)
class Deploy:
    """One deploy. `detected` is when a canary was refused, `restored` when it had no traffic."""

    environment: str
    rehearsal: bool
    verdict: str
    why: str
    candidate: str | None
    champion: str | None
    serving: str | None
    began: datetime
    ended: datetime
    looked_seconds: float | None
    back_seconds: float | None

    @property
    def failed(self) -> bool:
        """Say whether it did not do what it was for."""
        return self.verdict != "PASS"


def find(folders: Iterable[Path]) -> list[Deploy]:
    """Return every deploy that left a report in these folders, in the order in which they ended."""
    found = set()
    for folder in folders:
        for path in folder.rglob("*.json"):
            deploy = _read(path)
            if deploy:
                found.add(deploy)
    return sorted(found, key=lambda deploy: (deploy.ended, deploy.began, deploy.verdict))


def _read(path: Path) -> Deploy | None:
    if path.stat().st_size > MOST_BYTES:
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return _deploy(value) if value.get("schema") in (DEPLOY_SCHEMA, CANARY_SCHEMA) else None
    except (OSError, ValueError, AttributeError, KeyError, TypeError, UsageError):
        # Other reports lie here too, and a half one tells nothing.
        return None


def _deploy(value: Mapping[str, Any]) -> Deploy:
    canary = value.get("canary") or {}
    # Both `ended` and the ledger know whole seconds only; a rounded begin would seem too early.
    ended = datetime.fromisoformat(value["ended"])
    began = ended - timedelta(seconds=int(value["seconds"]))
    if value["environment"] not in PORTS or value["verdict"] not in EXIT_CODES:
        raise ValueError("no deploy of this project")
    candidate, champion, serving = (_version(value[key])
                                    for key in ("candidate", "champion", "serving"))
    return Deploy(
        value["environment"], bool(value["rehearsal"]), value["verdict"], str(value["why"]),
        candidate, champion, serving, began, ended, canary.get("seconds"),
        canary.get("back_seconds"))


def _version(text: str | None) -> str | None:
    return str(ModelRef.parse(text)) if text is not None else None


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
    deploys = tuple(deploy for deploy in find(folders)
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


@dataclass(frozen=True)
class Moment:
    """Something that happened, to the second. `text` is Markdown."""

    at: datetime
    order: int
    text: str

    @property
    def line(self) -> str:
        """Return the line of a list."""
        return f"- {stamp(self.at)} {self.text}"


def stamp(moment: datetime) -> str:
    """Return a time in UTC to the second."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def moments(facts: Facts, plain: Plain) -> list[Moment]:
    """Return everything that happened, in order. `plain` makes free text harmless."""
    found = [Moment(at(event), _CHANGED, _event(event, plain)) for event in facts.recent()]
    found += [Moment(when.replace(microsecond=0), _SEEN, plain(text)) for when, text in facts.seen]
    for deploy in facts.deploys:
        found += _deploy_line(deploy, plain)
    return sorted(found, key=lambda moment: (moment.at, moment.order))


def _event(event: Event, plain: Plain) -> str:
    where = f" to {event.stage}" if event.action in ("promote", "rollback") else ""
    replaced = f", replaces `{event.replaces}`" if event.replaces else ""
    why = f": {plain(event.reason)}" if event.reason else ""
    run = f", [run]({event.run_url})" if event.run_url else ""
    return (f"event {event.seq}: {event.action} `{event.version}`{where}{replaced}, by "
            f"{plain(event.actor)}{run}{why}")


def _deploy_line(deploy: Deploy, plain: Plain) -> list[Moment]:
    what = "rehearsal" if deploy.rehearsal else "deploy"
    against = f" against `{deploy.champion}`" if deploy.champion else ""
    serving = f"; `{deploy.serving}` has the traffic" if deploy.failed and deploy.serving else ""
    place = f"{what} to {deploy.environment}"
    return [Moment(deploy.began, _BEGAN, f"{place} began: `{deploy.candidate}`{against}"),
            Moment(deploy.ended, _ENDED, f"{place}: **{deploy.verdict}**: {plain(deploy.why)}"
                                         f"{serving}")]


def durations(facts: Facts) -> list[str]:
    """Return how long it took to notice and to end it, as far as ledger and reports know."""
    found = []
    for deploy in facts.deploys:
        if deploy.failed and deploy.looked_seconds is not None:
            found.append(f"canary of `{deploy.candidate}`: refused after "
                         f"{deploy.looked_seconds:.0f} s, without traffic "
                         f"{deploy.back_seconds or 0:.1f} s later")
    rollback = facts.last("rollback")
    if rollback and rollback.replaces:
        found += _rolled_back(facts, rollback, rollback.replaces)
    return found


def _rolled_back(facts: Facts, rollback: Event, bad: str) -> list[str]:
    began = facts.put_into_production(bad, at(rollback))
    back = next((deploy for deploy in facts.deploys if not deploy.rehearsal and not deploy.failed
                 and deploy.ended >= at(rollback)
                 and deploy.serving == f"{facts.name}@{rollback.version}"), None)
    found = []
    if began:
        found.append(f"`{bad}` was in production for {words(at(rollback) - at(began))}, from "
                     f"{stamp(at(began))} to {stamp(at(rollback))}")
    if back:
        found.append(f"`{rollback.version}` had the traffic {words(back.ended - at(rollback))} "
                     "after the rollback")
    return found


def words(span: timedelta) -> str:
    """Return a time span for people."""
    seconds = int(span.total_seconds())
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
