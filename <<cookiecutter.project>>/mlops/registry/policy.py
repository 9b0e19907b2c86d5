"""What the registry allows: the order of stages, and the next version's number. Pure functions."""

from mlops.errors import CheckFailed, Conflict, UsageError
from mlops.names import Version
from mlops.project import RegistrySettings
from mlops.registry.events import STAGES, State, VersionState


def check_stage(text: str, settings: RegistrySettings) -> str:
    """Return the stage in lower case, or raise UsageError that lists the stages."""
    stage = text.lower()
    allowed = (*settings.stages, "archived")
    if stage not in STAGES or stage not in allowed:
        raise UsageError(f"no stage {text!r}; there are {', '.join(allowed)}")
    return stage


def check_promotion(state: State, version: VersionState, stage: str,
                    settings: RegistrySettings) -> str | None:
    """Return the stage that the version leaves, or raise: the order forbids the step."""
    now = state.stage_of(version.version)
    ref = f"{state.name}@{version.version}"
    if version.revoked and stage != "archived":
        raise CheckFailed(f"{ref} was revoked and cannot be promoted")
    if stage == "archived":
        if state.stages.get("production") == version.version:
            raise CheckFailed(f"{ref} is in production and cannot be archived, only replaced; "
                              "promote another version or roll back")
        return now
    if stage == "staging":
        return now
    order = settings.stages
    reached = order.index(now) if now in order else -1
    between = order[reached + 1:order.index(stage)]
    missing = [name for name in between if name not in settings.skippable]
    if now == "archived" or missing:
        raise CheckFailed(f"{ref} is in {now or 'no stage'} and cannot go to {stage} before "
                          f"{missing[0] if missing else 'staging'}; type: python tools/promote.py "
                          f"{ref} --to {(missing[0] if missing else 'staging').capitalize()}")
    return now


def check_current(state: State, stage: str, expected: str | None) -> None:
    """Raise Conflict unless `expected` (a version, or `none`) holds the stage. None: no check."""
    if expected is None:
        return
    holder = state.stages.get(stage) or "none"
    if holder != expected:
        raise Conflict(f"{stage} of {state.name} is {holder}, not {expected} as expected; "
                       "compare with the new champion and promote again")


def rollback_target(state: State, wanted: str | None) -> VersionState:
    """Return the version that production goes back to; raise Conflict if there is none."""
    current = state.stages.get("production")
    if current is None:
        raise Conflict(f"{state.name} has no version in production, so nothing to roll back")
    past = [name for name in reversed(state.production) if name != current]
    for name in past if wanted is None else [wanted]:
        found = state.find(name)
        if wanted and (found is None or name not in past):
            raise Conflict(f"{state.name}@{wanted} was not in production before {current}")
        if found and not found.revoked:
            return found
    raise Conflict(f"{state.name}: no earlier good version than {current}; "
                   "promote another version instead")


def next_version(state: State, task: str, labels: tuple[str, ...], dataset_version: str,
                 prompt_version: str) -> Version:
    """Return the next number: major for other labels or task, minor for data or prompt."""
    if not state.versions:
        return Version(1, 0, 0)
    newest = max(state.versions, key=lambda item: Version.parse(item.version))
    number = Version.parse(newest.version)
    if newest.task != task or set(newest.labels) != set(labels):
        return number.bumped("major")
    if (newest.dataset_version, newest.prompt_version) != (dataset_version, prompt_version):
        return number.bumped("minor")
    return number.bumped("patch")
