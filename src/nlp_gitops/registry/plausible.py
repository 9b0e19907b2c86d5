"""What an event can and cannot say, given the state before it. Pure functions."""

from collections.abc import Iterator, Mapping

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry.events import STAGES, Event, State, VersionState

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
