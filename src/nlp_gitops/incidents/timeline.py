"""The time line of an incident in UTC, from the ledger's events and the reports of deploys."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from nlp_gitops.incidents.facts import Facts, at
from nlp_gitops.incidents.reports import Deploy
from nlp_gitops.registry.events import Event

Plain = Callable[[str], str]


# What comes first within one second, the finest that the ledger knows: a deploy ends, somebody sees
# it, the registry is changed, and the next deploy begins.
_ENDED, _SEEN, _CHANGED, _BEGAN = range(4)


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
        found += _deploy(deploy, plain)
    return sorted(found, key=lambda moment: (moment.at, moment.order))


def _event(event: Event, plain: Plain) -> str:
    where = f" to {event.stage}" if event.action in ("promote", "rollback") else ""
    replaced = f", replaces `{event.replaces}`" if event.replaces else ""
    why = f": {plain(event.reason)}" if event.reason else ""
    run = f", [run]({event.run_url})" if event.run_url else ""
    return (f"event {event.seq}: {event.action} `{event.version}`{where}{replaced}, by "
            f"{plain(event.actor)}{run}{why}")


def _deploy(deploy: Deploy, plain: Plain) -> list[Moment]:
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
