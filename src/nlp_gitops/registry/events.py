"""Events, what one can say after the other, and the state they add up to. Pure; no git here.

An event is one change of the registry. Its number `seq` counts all events of one model without
gaps and alone decides order; clocks never do.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, get_args, get_origin, get_type_hints

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef, Version

EVENT_SCHEMA = "nlp-gitops/event/1"
STATE_SCHEMA = "nlp-gitops/state/1"
STAGES = ("staging", "shadow", "production", "archived")
KEPT_VERSIONS = 100
KEPT_PRODUCTION = 50


@dataclass(frozen=True)
class Event:
    """One entry of the ledger. `at` is UTC in ISO 8601, `evidence` names a report by digest."""

    model: str
    seq: int
    action: str
    version: str
    stage: str | None
    actor: str
    at: str
    id: str
    previous_stage: str | None = None
    replaces: str | None = None
    manifest_sha256: str | None = None
    evidence: Mapping[str, Any] | None = None
    reason: str | None = None
    run_url: str | None = None
    unrevoked: bool = False

    @property
    def subject(self) -> str:
        """Return the line for people: the commit's and the tag's subject."""
        if self.action == "register":
            return f"register {self.model} {self.version}"
        arrow = f" {self.previous_stage or 'new'} -> {self.stage}"
        replaced = f" (replaces {self.replaces})" if self.replaces else ""
        return f"{self.action} {self.model} {self.version}{arrow}{replaced}"

    @property
    def tag(self) -> str:
        """Return the git tag of this event."""
        if self.action == "register":
            return f"{self.model}@{self.version}"
        return f"{self.model}#{self.stage}#{self.seq}"

    @property
    def path(self) -> str:
        """Return the event's file in the ledger: `models/NAME/events/173/17342.json`."""
        return event_path(self.model, self.seq)

    @property
    def report_path(self) -> str:
        """Return the file of the report that the event rests on."""
        return report_path(self.model, self.seq)

    @property
    def body(self) -> str:
        """Return the event as one line of canonical JSON."""
        return json.dumps({"schema": EVENT_SCHEMA, **vars(self)}, sort_keys=True,
                          ensure_ascii=False, separators=(",", ":")) + "\n"

    @property
    def message(self) -> str:
        """Return subject, blank line and body: the message of commit and tag."""
        return f"{self.subject}\n\n{self.body}"


def event_path(model: str, seq: int) -> str:
    """Return the ledger's file of an event."""
    return f"models/{model}/events/{seq // 100:03d}/{seq}.json"


def report_path(model: str, seq: int) -> str:
    """Return the ledger's file of the report that an event rests on."""
    return f"models/{model}/events/{seq // 100:03d}/{seq}-report.json"


def parse_message(message: str) -> Event:
    """Return the event of a ledger commit or tag; raise ValueError if it holds none."""
    return parse_event(message.partition("\n\n")[2])


def parse_event(body: str) -> Event:
    """Return the event of a canonical JSON line; raise ValueError for anything else."""
    record = json.loads(body)
    if not isinstance(record, dict) or record.pop("schema", None) != EVENT_SCHEMA:
        raise ValueError("no event in this message")
    try:
        return Event(**record)
    except TypeError as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True)
class VersionState:
    """What the state keeps of one version.

    `commit` is its register commit on the ledger. `reached` is the stage it was put in last; it
    stays when another version takes that stage.
    """

    version: str
    seq: int
    archive_sha256: str
    manifest_sha256: str
    model_sha256: str
    task: str
    labels_sha256: str
    dataset_version: str
    prompt_version: str
    source_commit: str
    registered: str
    tags: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    reached: str | None = None


@dataclass(frozen=True)
class State:
    """Stages, counters and the newest versions of one model: the file `state.json`.

    `since` is the event that put a version into its stage. `production` lists the last holders of
    production, oldest first. `revoked` names every version that must not come back. `highest` is
    the highest number ever given.
    """

    name: str
    seq: int = 0
    stages: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)
    versions: tuple[VersionState, ...] = ()
    production: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()
    highest: str | None = None
    tagger_time: int = 0

    def find(self, version: str) -> VersionState | None:
        """Return a version among the newest ones, or None."""
        return next((item for item in self.versions if item.version == version), None)

    def stage_of(self, version: str) -> str | None:
        """Return the furthest stage that this version holds now."""
        return next((stage for stage in ("production", "shadow", "staging", "archived")
                     if self.stages.get(stage) == version), None)

    def to_json(self) -> str:
        """Return the canonical text of `state.json`."""
        value = {"schema": STATE_SCHEMA, **asdict(self)}
        return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


_KINDS = {record: get_type_hints(record) for record in (VersionState, State)}


def state_from_json(text: str) -> State:
    """Read `state.json`; raise ValueError if it is none."""
    value = json.loads(text)
    if not isinstance(value, dict) or value.pop("schema", None) != STATE_SCHEMA:
        raise ValueError("not a state of this registry")
    try:
        state = State(versions=tuple(map(_version, value.pop("versions"))),
                      production=tuple(value.pop("production")),
                      revoked=tuple(value.pop("revoked")), **value)
        _check_kinds(state)
        given = () if state.highest is None else (state.highest,)
        for tag in (*state.stages.values(), *state.production, *state.revoked, *given):
            Version.parse(tag)
    except (TypeError, KeyError, UsageError) as error:
        raise ValueError(f"not a state of this registry: {error}") from None
    if state.stages.keys() != state.since.keys():
        raise ValueError("not a state of this registry: stages and since differ")
    return state


def version_from_json(text: str) -> VersionState:
    """Read `version.json`; raise ValueError if it is none."""
    try:
        return _version(json.loads(text))
    except (TypeError, UsageError) as error:
        raise ValueError(f"not a version of this registry: {error}") from None


def _version(value: Any) -> VersionState:
    found = VersionState(**value)
    _check_kinds(found)
    Version.parse(found.version)
    return found


def _check_kinds(record: VersionState | State) -> None:
    """Raise TypeError for a value of another kind than its field's."""
    for name, kind in _KINDS[type(record)].items():
        value = getattr(record, name)
        # Most are plain texts, and a state has thousands of them.
        if type(value) is not kind and not _is_of(value, kind):
            raise TypeError(f"{name} is of the wrong kind")


def _is_of(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Mapping:
        key_kind, item_kind = get_args(kind)
        return isinstance(value, dict) and all(
            isinstance(key, key_kind) and isinstance(item, item_kind)
            for key, item in value.items())
    if get_origin(kind) is tuple:
        return all(isinstance(item, get_args(kind)[0]) for item in value)
    return isinstance(value, kind)


def apply(state: State, event: Event, registered: VersionState | None = None) -> State:
    """Return the state after an event. `registered` is the new version of a register event.

    Raises ValueError for an event that does not follow the state's last one.
    """
    if event.seq != state.seq + 1:
        raise ValueError(f"event {event.seq} does not follow {state.seq}")
    state = replace(state, seq=event.seq)
    if event.action == "register":
        kept = (registered, *state.versions) if registered else state.versions
        highest = max(state.highest or event.version, event.version, key=Version.parse)
        return replace(state, versions=kept[:KEPT_VERSIONS], highest=highest)
    revoked = set(state.revoked)
    if event.action == "revoke":
        revoked.add(event.version)
    if event.unrevoked:
        revoked.discard(event.version)
    stage = str(event.stage)
    production = state.production
    if stage == "production":
        production = (*production, event.version)[-KEPT_PRODUCTION:]
    versions = tuple(replace(item, reached=stage) if item.version == event.version else item
                     for item in state.versions)
    return replace(state, versions=versions, stages={**state.stages, stage: event.version},
                   since={**state.since, stage: event.seq}, production=production,
                   revoked=tuple(sorted(revoked)))


_STAGE_OF = {"archive": "archived", "revoke": "archived", "rollback": "production"}


def has_kinds(event: Event) -> bool:
    """Say whether every value of an event is of the kind that the registry writes."""
    texts = (event.model, event.version, event.action, event.actor, event.at, event.id)
    perhaps = (event.stage, event.previous_stage, event.replaces, event.manifest_sha256,
               event.reason, event.run_url)
    evidence = event.evidence
    return (isinstance(event.seq, int) and all(isinstance(text, str) for text in texts)
            and all(text is None or isinstance(text, str) for text in perhaps)
            and (evidence is None or isinstance(evidence, Mapping) and all(
                isinstance(evidence.get(key), str) for key in ("verdict", "sha256"))))


def malformed(event: Event) -> str | None:
    """Return what is wrong with an event by itself; None if nothing."""
    if not has_kinds(event):
        return "its event has fields of the wrong kind"
    try:
        if str(ModelRef.parse(f"{event.model}@{event.version}")).partition("@")[2] != event.version:
            return f"its version {event.version!r} is not written like v1.2.0"
    except UsageError as error:
        return f"its event is about no version: {error}"
    if event.action == "register":
        return None if event.stage is None else "registers a version into a stage"
    if event.action not in ("promote", *_STAGE_OF):
        return f"its event has the unknown action {event.action!r}"
    if event.stage not in STAGES or event.stage != _STAGE_OF.get(event.action, event.stage):
        return f"its event cannot {event.action} to {event.stage!r}"
    return None


def faults(event: Event, before: State, known: VersionState | None
           ) -> Iterator[tuple[str, str]]:
    """Yield (code, message) for what cannot have happened in the state before."""
    if event.action == "register":
        if before.find(event.version):
            yield "R006", f"registers {event.version} a second time"
        return
    if known is None:
        yield "R006", f"moves {event.version}, which was never registered"
        return
    if event.manifest_sha256 != known.manifest_sha256:
        yield "R012", f"names another manifest of {event.version} than the registered one"
    if event.stage == "archived":
        if before.stages.get("production") == event.version:
            yield "R006", f"archives {event.version}, which production still holds"
        return
    if event.replaces != before.stages.get(str(event.stage)):
        yield "R006", (f"says that it replaces {event.replaces}, but {event.stage} held "
                       f"{before.stages.get(str(event.stage))}")
    if event.version in before.revoked and not event.unrevoked:
        yield "R006", f"moves {event.version}, which was revoked"
    if event.action == "promote" and not _passed(event):
        yield "R011", f"promotes {event.version} without a gate report that passed"


def _passed(event: Event) -> bool:
    return event.evidence is not None and event.evidence.get("verdict") in ("PASS", "WARN")
