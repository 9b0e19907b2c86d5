"""Any interleaving of operations keeps the registry whole, compared with a plain model of it.

REGISTRY_EXAMPLES and REGISTRY_STEPS make the test larger; tests/drills runs it in full size.
"""

import copy
import json
import os
import shutil
import tempfile
from datetime import datetime, timezone
from functools import cache
from itertools import count
from pathlib import Path

import pytest
import tiny_registry as tiny
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nlp_gitops.core.errors import CheckFailed, Conflict, UsageError
from nlp_gitops.core.names import Version
from nlp_gitops.registry import operations, views
from nlp_gitops.registry.events import State, VersionState, apply
from nlp_gitops.registry.verify import verify

pytestmark = pytest.mark.long

STAGES = st.sampled_from(["staging", "shadow", "production", "production", "archived"])
ORDER = ["staging", "shadow", "production"]


class Plain:
    """What must hold, in the plainest form: stages, who reached what, who was revoked."""

    def __init__(self):
        self.contents, self.stages, self.reached = {}, {}, {}
        self.revoked, self.champions, self.past = set(), [], []

    def put(self, version, stage):
        self.stages[stage], self.reached[version] = version, stage
        if stage == "production":
            self.champions.append(version)

    def is_there(self, version, stage):
        """Say whether a promotion has nothing to do; what was archived since may come back."""
        return self.stages.get(stage) == version and (
            stage == "archived" or self.reached[version] != "archived")

    def refusal(self, version, stage, unrevoke):
        """Return the error that a promotion with good evidence must end in, or None."""
        champion = self.stages.get("production")
        if version in self.revoked and stage != "archived" and not unrevoke:
            return CheckFailed
        if stage == "archived" and version == champion:
            return CheckFailed
        began = self.reached[version] in ORDER
        if stage in ("shadow", "production") and not began:
            return CheckFailed
        return None

    def rollback_target(self, wanted):
        """Return the version that production goes back to, or None if there is none."""
        current = self.stages.get("production")
        good = [item for item in self.champions if item != current and item not in self.revoked]
        return next((item for item in reversed(good) if wanted in (None, item)), None)


class Registry(RuleBasedStateMachine):
    """Operations on one model in a real repository, each compared with the plain model."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="registry-states-"))
        self.registry = tiny.copied(begun().registry, self.folder)
        self.plain, self.seq = copy.deepcopy(begun().plain), begun().seq
        self.numbers = count(len(self.plain.contents))

    def teardown(self):
        if not hasattr(self, "registry"):
            return
        try:
            assert verify(self.registry.ledger.repo, self.registry, "origin") == []
        finally:
            shutil.rmtree(self.folder)

    def known(self, pick):
        versions = sorted(self.plain.contents)
        return versions[pick % len(versions)]

    def landed(self, outcome):
        """Remember the stages after an operation, by the ledger's own time."""
        self.seq += len(outcome.events)
        state = self.registry.states()["m"]
        if outcome.events:
            self.plain.past.append((state.tagger_time, dict(self.plain.stages)))

    @rule(dataset=st.sampled_from(["rows-v1.0.0", "rows-v1.1.0"]),
          labels=st.sampled_from([["bad", "good"], ["bad", "good"], ["bad", "good", "mixed"]]))
    def register(self, dataset, labels):
        before = self.registry.states().get("m")
        content = f"weights {next(self.numbers)}"

        outcome = tiny.register(self.registry, self.folder, content, dataset_version=dataset,
                                labels=labels)

        assert outcome.version not in self.plain.contents
        assert before is None or Version.parse(outcome.version) > tiny.newest(before)
        self.plain.contents[outcome.version] = content, dataset, labels
        self.plain.put(outcome.version, "staging")
        self.landed(outcome)

    @rule(major=st.integers(1, 3), minor=st.integers(0, 3))
    def register_with_a_number(self, major, minor):
        wanted, content = f"v{major}.{minor}.7", f"weights {next(self.numbers)}"
        taken = wanted in self.plain.contents
        before = self.registry.snapshot().commit

        if taken:
            with pytest.raises(Conflict):
                tiny.register(self.registry, self.folder, content, wanted)
            assert self.registry.snapshot().commit == before
            return
        outcome = tiny.register(self.registry, self.folder, content, wanted)

        assert outcome.version == wanted
        self.plain.contents[wanted] = content, "rows-v1.0.0", ["bad", "good"]
        self.plain.put(wanted, "staging")
        self.landed(outcome)

    @rule(pick=st.integers(0, 50))
    def register_the_same_archive_again(self, pick):
        version = self.known(pick)
        content, dataset, labels = self.plain.contents[version]
        before = self.registry.snapshot().commit

        outcome = tiny.register(self.registry, self.folder, content, dataset_version=dataset,
                                labels=labels)

        assert (outcome.version, outcome.events) == (version, ())
        assert self.registry.snapshot().commit == before

    @rule(pick=st.integers(0, 50), stage=STAGES, unrevoke=st.booleans())
    def promote(self, pick, stage, unrevoke):
        version, plain = self.known(pick), self.plain
        more = {"unrevoke": True, "reason": "good after all"} if unrevoke else {}
        before = self.registry.snapshot().commit
        replaced, there = plain.stages.get(stage), plain.is_there(version, stage)
        refusal = None if there else plain.refusal(version, stage, unrevoke)

        if refusal:
            with pytest.raises(refusal):
                tiny.promote(self.registry, f"m@{version}", stage, **more)
            assert self.registry.snapshot().commit == before
            return
        outcome = tiny.promote(self.registry, f"m@{version}", stage, **more)

        if there:
            assert outcome.events == ()
            return
        assert outcome.events[0].replaces == replaced
        if stage == "production" and replaced:
            plain.put(replaced, "archived")
        plain.put(version, stage)
        if unrevoke:
            plain.revoked.discard(version)
        self.landed(outcome)

    @rule(pick=st.integers(0, 50), stage=STAGES)
    def promote_on_a_wrong_expectation(self, pick, stage):
        version = self.known(pick)
        before = self.registry.snapshot().commit
        if self.plain.is_there(version, stage):
            return

        with pytest.raises(Conflict):
            tiny.promote(self.registry, f"m@{version}", stage, expected="v99.0.0")

        assert self.registry.snapshot().commit == before

    @rule(pick=st.integers(0, 50), stage=st.sampled_from(["staging", "shadow", "production"]))
    def promote_on_stale_evidence(self, pick, stage):
        version, champion = self.known(pick), self.plain.stages["production"]
        stale = next(item for item in self.plain.champions if item != champion)
        if version == champion or self.plain.is_there(version, stage):
            return
        snapshot = self.registry.snapshot()
        candidate, old = (snapshot.version(tiny.ref(f"m@{tag}")) for tag in (version, stale))
        report = json.dumps(tiny.gate_report(candidate.model_sha256, old)).encode()

        with pytest.raises((Conflict, CheckFailed)) as caught:
            tiny.promote(self.registry, f"m@{version}", stage, evidence=report)

        allowed = self.plain.refusal(version, stage, False) is None
        assert caught.type is (Conflict if allowed else CheckFailed)
        assert self.registry.snapshot().commit == snapshot.commit

    @rule(pick=st.one_of(st.none(), st.integers(0, 50)))
    def roll_back(self, pick):
        wanted = None if pick is None else self.known(pick)
        target, bad = self.plain.rollback_target(wanted), self.plain.stages["production"]
        before = self.registry.snapshot().commit

        if target is None:
            with pytest.raises(Conflict):
                operations.rollback(self.registry, "m", "drill", wanted)
            assert self.registry.snapshot().commit == before
            return
        outcome = operations.rollback(self.registry, "m", "drill", wanted)

        assert outcome.version == target
        self.plain.put(bad, "archived")
        self.plain.put(target, "production")
        self.plain.revoked.add(bad)
        self.landed(outcome)

    @rule()
    def promote_what_is_not_there(self):
        with pytest.raises(UsageError, match="not registered"):
            tiny.promote(self.registry, "m@v98.0.0", "staging")

    @invariant()
    def everything_agrees(self):
        if not hasattr(self, "registry"):
            return
        snapshot = self.registry.snapshot()
        state = snapshot.states()["m"]
        events = [item.event for item in views.history(snapshot, "m", None)][::-1]
        logged = [item.event for item in views.history(snapshot, None, None)][::-1]

        assert [event.seq for event in events] == list(range(1, self.seq + 1))
        assert events == logged
        assert state == replayed(snapshot, events, state.tagger_time)
        assert state.stages == self.plain.stages == shown(snapshot)
        assert set(state.revoked) == self.plain.revoked
        assert state.stages.get("production") not in state.revoked
        assert {event.tag for event in events} == set(self.registry.ledger.remote_tags())
        self.the_past_is_as_it_was(snapshot)

    def the_past_is_as_it_was(self, snapshot):
        """Compare `at` with the remembered stages, at the beginning and at one later moment."""
        # Registration takes two events, one second apart; before the second nothing is in a stage.
        began = self.plain.past[0][0]
        assert views.at(snapshot, "m", "staging", moment(began - 1)) is None
        time, stages = self.plain.past[self.seq % len(self.plain.past)]
        for stage in ("staging", "production"):
            told = views.at(snapshot, "m", stage, moment(time))
            assert (told.event.version if told else None) == stages.get(stage)


@cache
def begun():
    """Return a machine with the past that each example goes on from; nobody changes it."""
    machine = Registry()
    machine.temporary = tempfile.TemporaryDirectory(prefix="registry-states-")
    machine.folder = Path(machine.temporary.name)
    machine.registry = tiny.registry_in(machine.folder)
    machine.plain, machine.numbers, machine.seq = Plain(), count(), 0
    # Most of what can go wrong needs a past: two good versions and a revoked one.
    for _ in range(3):
        machine.register("rows-v1.0.0", ["bad", "good"])
        machine.promote(-1, "production", False)
    machine.roll_back(None)
    return machine


def replayed(snapshot, events, tagger_time):
    """Return the state that the events add up to."""
    state = State("m", tagger_time=tagger_time)
    for event in events:
        registered = None
        if event.action == "register":
            path = f"models/m/{event.version}/version.json"
            registered = VersionState(**json.loads(snapshot.ledger.read(snapshot.commit, path)))
        state = apply(state, event, registered)
    return state


def shown(snapshot):
    return views.show_record(snapshot.states())["m"]["stages"]


def moment(time):
    return datetime.fromtimestamp(time, timezone.utc)


# Shrinking a failure would take minutes: every step is real git.
Registry.TestCase.settings = settings(
    phases=(Phase.generate,),
    max_examples=int(os.environ.get("REGISTRY_EXAMPLES", "2")), deadline=None, database=None,
    stateful_step_count=int(os.environ.get("REGISTRY_STEPS", "10")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


class TestAnyInterleaving(Registry.TestCase):
    """The state machine as a test."""
