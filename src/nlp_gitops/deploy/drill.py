"""The rollback drill: does a bad version take itself back, a good one pass, a dead judge let go?

One registered version plays both sides in a short-lived environment; the faults are planted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from nlp_gitops.core.errors import CheckFailed
from nlp_gitops.core.names import ModelRef
from nlp_gitops.deploy import canary, state
from nlp_gitops.deploy.counts import of_service
from nlp_gitops.deploy.place import Place, deployed, fetched, routed, started, without_canary
from nlp_gitops.deploy.state import State
from nlp_gitops.deploy.traffic import Traffic
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.serving import lease

FAULT = "errors=0.3"
PLAN = canary.Plan(every=0.5, deadline=40.0)
_LEASE_SECONDS = 2.0
_ENOUGH = 30


@dataclass(frozen=True)
class Part:
    """One thing that was tried: what, whether it went as it must, and what was seen."""

    what: str
    is_right: bool
    seen: str


def drill(place: Place, snapshot: Snapshot, ref: ModelRef) -> list[Part]:
    """Run all parts under load; raise CheckFailed if the version cannot even be started."""
    now = deployed(place, place.begun, snapshot, ref)
    found = []
    for part in (_bad, _dead_judge, _healthy):
        now, result = part(place, now, snapshot, ref)
        place.say(f"{'right' if result.is_right else 'WRONG'}: {result.what}: {result.seen}")
        found.append(result)
    return found


def _bad(place: Place, now: State, snapshot: Snapshot, ref: ModelRef) -> tuple[State, Part]:
    now, name = started(place, now, ref, fetched(place, snapshot, ref), FAULT)
    with Traffic(place.url, place.texts) as traffic:
        now, judged = canary.run(place, now, name, PLAN)
        later = answers_only(traffic)
    return now, Part(f"a candidate with {FAULT} is rolled back", judged.verdict == "FAIL" and later,
                     f"{judged.verdict} after {judged.seconds:.1f} s, traffic back in "
                     f"{judged.back_seconds:.2f} s: {judged.why}")


def answers_only(traffic: Traffic) -> bool:
    """Say whether all requests from now on are answered."""
    failed, goal = sum(traffic.tally.failed.values()), traffic.tally.answered + _ENOUGH
    wait_for(lambda: traffic.tally.answered >= goal)
    return sum(traffic.tally.failed.values()) == failed


def _dead_judge(place: Place, now: State, snapshot: Snapshot, ref: ModelRef) -> tuple[State, Part]:
    """Give the candidate a weight and a lease, and never renew it, as a killed judge does not."""
    now, name = started(place, now, ref, fetched(place, snapshot, ref))
    url = now.slots[name].url
    with Traffic(place.url, place.texts) as traffic:
        lease.grant(place.lease_of(name), _LEASE_SECONDS)
        now = routed(place, replace(state.save(place.folder, now), canary=name, weight=50))
        wait_for(lambda: of_service(url).requests > _ENOUGH)
        time.sleep(_LEASE_SECONDS + 0.5)
        ended = of_service(url).requests
        later = answers_only(traffic)
        answered = of_service(url).requests - ended
    failed = sum(traffic.tally.failed.values())
    now = without_canary(place, now, stop=False)
    return now, Part("a dead judge gives the traffic back", later and not failed and not answered,
                     f"{answered} answers of the candidate after its lease, {failed} failed "
                     "requests")


def _healthy(place: Place, now: State, snapshot: Snapshot, ref: ModelRef) -> tuple[State, Part]:
    now, name = started(place, now, ref, fetched(place, snapshot, ref))
    with Traffic(place.url, place.texts) as traffic:
        now, judged = canary.run(place, now, name, PLAN)
    failed = sum(traffic.tally.failed.values())
    return now, Part("a healthy candidate passes", judged.verdict == "PASS" and not failed,
                     f"{judged.verdict} after {judged.seconds:.1f} s, {failed} failed requests: "
                     f"{judged.why}")


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so; raise CheckFailed if it is not in time."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise CheckFailed(f"the drill got no answers within {seconds:g} s")
        time.sleep(0.05)
