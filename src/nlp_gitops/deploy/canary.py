"""A canary: the candidate gets a share of the traffic until the judge knows, or time is up.

In a shadow it gets a copy of every request instead (`shadow.py`); all else is the same.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.deploy import state
from nlp_gitops.deploy.counts import of_service
from nlp_gitops.deploy.judge import Counts, Course, Decision, Rules, decide, look
from nlp_gitops.deploy.place import Place, routed, without_canary
from nlp_gitops.deploy.state import State
from nlp_gitops.serving import lease

MOST_WEIGHT = 50
# Unreadable this often in a row, a side is taken to be dead.
PATIENCE = 3


@dataclass(frozen=True)
class Plan:
    """`steps` are the candidate's shares in per cent; seconds between looks, and to the end.

    A step lasts until the candidate has given `step_answers`. `mirrored` makes it a shadow.
    """

    steps: tuple[int, ...] = (10, MOST_WEIGHT)
    step_answers: int = 100
    every: float = 5.0
    deadline: float = 1800.0
    lease: float = lease.SECONDS
    rules: Rules = Rules()
    mirrored: bool = False


@dataclass(frozen=True)
class Judged:
    """How a canary ended: PASS, FAIL or INCONCLUSIVE, why, and the counts that decided it.

    `back_seconds` is the time from the verdict until the proxy sent the candidate nothing more.
    """

    verdict: str
    why: str
    decision: Decision | None
    looks: int
    seconds: float
    back_seconds: float
    reached_weight: int


def as_it_is(decision: Decision) -> Decision:
    """Return the judge's decision."""
    return decision


class _Silent(Exception):
    """A side whose counts cannot be read."""


@dataclass
class _Side:
    """One side's counts since the canary began."""

    who: str
    url: str
    base: Counts
    missed: int = 0

    def counts(self, last: Counts) -> Counts:
        """Return the counts; the last ones if they cannot be read now; raise _Silent if never."""
        try:
            found = of_service(self.url, seconds=2.0).minus(self.base)
            found.minus(last)
        except NotMeasured as error:
            self.missed += 1
            if self.missed >= PATIENCE:
                raise _Silent(f"the {self.who} does not answer: {error}") from None
            return last
        except ValueError as error:
            raise _Silent(f"the {self.who}: {error}") from None
        self.missed = 0
        return found


def run(place: Place, now: State, name: str, plan: Plan,
        also: Callable[[Decision], Decision] = as_it_is) -> tuple[State, Judged]:
    """Send traffic to the candidate in slot `name` and judge it; all traffic is back afterwards.

    `also` may change each decision by what else is known. Whatever ends this, an error or an
    interrupt too, the champion has the traffic. Where even that cannot be done, the lease ends
    within `plan.lease` seconds.
    """
    assert now.serving
    began = time.monotonic()
    sides = [_Side(who, now.slots[slot].url, of_service(now.slots[slot].url))
             for who, slot in (("champion", now.serving), ("candidate", name))]
    now = state.save(place.folder, replace(now, canary=name, weight=0))
    verdict, why, decision, looks, weight = "INCONCLUSIVE", "interrupted", None, 0, 0
    try:
        for verdict, why, decision, looks, weight in _looks(place, name, sides, plan, also):
            if verdict != "CONTINUE":
                break
            wanted = replace(now, weight=weight, mirrored=plan.mirrored)
            if wanted != now:
                now = routed(place, wanted)
                place.say("the candidate gets " + (
                    "a copy of every request" if plan.mirrored else f"{weight} % of the traffic"))
    finally:
        trial, decided = now.trial, time.monotonic()
        now = without_canary(place, now, stop=verdict != "PASS")
        back = time.monotonic() - decided
    place.say(f"{trial}: {verdict}: {why}")
    return now, Judged(verdict, why, decision, looks, decided - began, back, weight)


def _looks(place: Place, name: str, sides: Sequence[_Side], plan: Plan,
           also: Callable[[Decision], Decision]
           ) -> Iterator[tuple[str, str, Decision | None, int, int]]:
    """Yield (verdict, why, decision, looks, weight to have) at once, then every few seconds."""
    course, ends, step = Course(plan.rules), time.monotonic() + plan.deadline, 0
    lease.grant(place.lease_of(name), plan.lease)
    yield "CONTINUE", "", None, 0, plan.steps[0]
    while True:
        time.sleep(plan.every)
        reason = asked_to_stop(place.folder)
        if reason is not None:
            yield "INCONCLUSIVE", f"aborted: {reason}", None, course.looks, plan.steps[step]
        try:
            course = look(course, sides[0].counts(course.champion),
                          sides[1].counts(course.candidate))
        except _Silent as silent:
            yield (_verdict_on_silence(sides), str(silent), None, course.looks, plan.steps[step])
        course, decision = decide(course)
        decision = also(decision)
        if decision.verdict != "CONTINUE":
            yield decision.verdict, decision.why, decision, course.looks, plan.steps[step]
        if time.monotonic() > ends:
            said = f"no verdict within {plan.deadline:g} s: {_lacking(course, decision)}"
            yield "INCONCLUSIVE", said, decision, course.looks, plan.steps[step]
        lease.grant(place.lease_of(name), plan.lease)
        if course.candidate.requests >= plan.step_answers * (step + 1):
            step = min(step + 1, len(plan.steps) - 1)
        yield "CONTINUE", decision.why, decision, course.looks, plan.steps[step]


def _verdict_on_silence(sides: Sequence[_Side]) -> str:
    """Return FAIL if the candidate alone is silent: without a champion nothing can be compared."""
    return "INCONCLUSIVE" if sides[0].missed else "FAIL"


def _lacking(course: Course, decision: Decision) -> str:
    if not course.candidate.requests:
        return "no traffic reached the candidate"
    return decision.why


def ask_to_stop(folder: Path, reason: str) -> None:
    """Ask the deploy at work in this folder to end its canary; its next look sees it."""
    (folder / "abort").write_text(reason + "\n", encoding="utf-8")


def asked_to_stop(folder: Path) -> str | None:
    """Return why the canary was asked to end, or None."""
    try:
        return (folder / "abort").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def forget_the_ask(folder: Path) -> None:
    """Remove what an earlier abort left."""
    (folder / "abort").unlink(missing_ok=True)
