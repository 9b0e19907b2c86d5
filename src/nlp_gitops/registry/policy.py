"""What the registry allows: the order of stages, version numbers, and the protected branch."""

from collections.abc import Mapping
from typing import Any

from nlp_gitops.core import git
from nlp_gitops.core.errors import CheckFailed, Conflict, NotMeasured, UsageError
from nlp_gitops.core.names import ModelRef, Version
from nlp_gitops.core.project import RegistrySettings
from nlp_gitops.registry.events import STAGES, State, VersionState
from nlp_gitops.registry.ledger import Ledger


def check_stage(text: str, settings: RegistrySettings) -> str:
    """Return the stage in lower case, or raise UsageError that lists the stages."""
    stage = text.lower()
    allowed = (*settings.stages, "archived")
    if stage not in STAGES or stage not in allowed:
        raise UsageError(f"no stage {text!r}; there are {', '.join(allowed)}")
    return stage


def check_order(state: State, version: VersionState, stage: str,
                settings: RegistrySettings) -> str | None:
    """Return the stage that the version comes from, or raise: the order forbids the step.

    A version whose stage another one took meanwhile goes on from there. What is too old for the
    state to know goes on from the stage that it holds, or begins again in staging.
    """
    now = version.reached or state.stage_of(version.version)
    ref = f"{state.name}@{version.version}"
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
    if missing:
        raise CheckFailed(f"{ref} is in {now or 'no stage'} and cannot go to {stage} before "
                          f"{missing[0]}; type: python tools/promote.py {ref} --to "
                          f"{missing[0].capitalize()}")
    return now


def check_frozen(stage: str, settings: RegistrySettings) -> None:
    """Raise Conflict for a promotion to production while project.yaml forbids it."""
    if stage == "production" and settings.frozen:
        raise Conflict(f"promotions to production are frozen: {settings.frozen}; rollback works; "
                       "to go on, take promotion.frozen out of project.yaml")


def check_revoked(state: State, ref: ModelRef, stage: str, unrevoke: bool,
                  reason: str | None) -> bool:
    """Say whether the step lifts a revocation; raise if it may not happen without that."""
    if unrevoke and not (reason or "").strip():
        raise UsageError("--unrevoke needs --reason: why is this version good after all?")
    if ref.version.tag not in state.revoked:
        return False
    if stage != "archived" and not unrevoke:
        raise CheckFailed(f"{ref} was revoked and cannot be promoted; if that was wrong: "
                          f"python tools/promote.py {ref} --to Staging --unrevoke --reason '…'")
    return unrevoke


def check_evidence(ref: ModelRef, report: Mapping[str, Any], version: VersionState,
                   champion: VersionState | None, test_sha256: str | None) -> None:
    """Raise unless a gate report speaks for this model, on this test split, against this champion.

    `champion` is what production holds now, None if nothing. Another champion than the report's is
    Conflict (exit 4): nobody has compared with it.
    """
    again = f"type: python tools/eval_gate.py --candidate {ref}, then promote with --evidence"
    if report.get("verdict") not in ("PASS", "WARN"):
        raise CheckFailed(f"{ref}: its gate report says {report.get('verdict')}")
    lineage = report.get("lineage") or {}
    if lineage.get("model_sha256") != version.model_sha256:
        raise CheckFailed(f"{ref}: the gate report is about another model; {again}")
    if lineage.get("test_sha256") != test_sha256:
        raise CheckFailed(f"{ref}: the gate report judges another test split than the one in this "
                          f"repository; {again}")
    compared = lineage.get("champion_sha256")
    if champion is None or champion.version == ref.version.tag:
        return
    if compared is None:
        raise CheckFailed(f"{ref}: the gate report compares with no champion, but "
                          f"{champion.version} is in production; {again}")
    if compared != champion.archive_sha256:
        raise Conflict(f"{ref}: the gate report compares with {lineage.get('champion')}, but "
                       f"{champion.version} is in production now; {again}")


def check_current(state: State, stage: str, expected: str | None) -> None:
    """Raise Conflict unless `expected` (a version, or `none`) holds the stage. None: no check."""
    if expected is None:
        return
    holder = state.stages.get(stage) or "none"
    if holder != expected:
        raise Conflict(f"{stage} of {state.name} is {holder}, not {expected} as expected; "
                       "compare with the new champion and promote again")


def rollback_targets(state: State, wanted: str | None) -> list[str]:
    """Return the versions that production may go back to, best first; raise Conflict for none."""
    current = state.stages.get("production")
    if current is None:
        raise Conflict(f"{state.name} has no version in production, so nothing to roll back")
    past = list(dict.fromkeys(name for name in reversed(state.production) if name != current))
    if wanted is not None and wanted not in past:
        raise Conflict(f"{state.name}@{wanted} was not in production before {current}")
    if wanted in state.revoked:
        raise Conflict(f"{state.name}@{wanted} was revoked, so it is no earlier good version; "
                       "leave --to out, or name another one")
    good = [name for name in past if wanted in (None, name) and name not in state.revoked]
    if not good:
        raise Conflict(f"{state.name}: no earlier good version than {current}; "
                       "promote another version instead")
    return good


def next_version(state: State, task: str, labels_sha256: str, dataset_version: str,
                 prompt_version: str) -> Version:
    """Return the next number: major for other labels or task, minor for data or prompt.

    It is counted from the highest number ever given, and compared with the highest one known.
    """
    if not state.versions:
        return Version(1, 0, 0)
    newest = max(state.versions, key=lambda item: Version.parse(item.version))
    number = Version.parse(state.highest or newest.version)
    if (newest.task, newest.labels_sha256) != (task, labels_sha256):
        return number.bumped("major")
    if (newest.dataset_version, newest.prompt_version) != (dataset_version, prompt_version):
        return number.bumped("minor")
    return number.bumped("patch")


def check_protected(ledger: Ledger, branch: str | None, ref: ModelRef, commit: str) -> None:
    """Raise unless `commit` is part of the branch, as the registry's remote has it.

    The local registry has no branches of its own; there the repository's branch counts.
    """
    if branch is None:
        return
    tip = _local_tip(ledger, branch) if ledger.made_here else _remote_tip(ledger, branch)
    if git.is_ancestor(ledger.repo, commit, tip):
        return
    if git.git(ledger.repo, "rev-parse", "--is-shallow-repository") == "true":
        raise NotMeasured(f"{ref}: this clone is too shallow to see whether commit {commit[:7]} is "
                          f"on branch {branch}; type: git fetch --unshallow")
    raise CheckFailed(f"{ref} was made from commit {commit[:7]}, which is not on branch {branch}; "
                      "production takes only what was merged (registry.protected_branch in "
                      "project.yaml)")


def _local_tip(ledger: Ledger, branch: str) -> str:
    try:
        return git.git(ledger.repo, "rev-parse", "--verify", f"refs/heads/{branch}^{{commit}}")
    except git.GitError:
        raise NotMeasured(f"no branch {branch} here, which registry.protected_branch in "
                          "project.yaml names") from None


def _remote_tip(ledger: Ledger, branch: str) -> str:
    seen = f"{ledger.ref}-protected"
    try:
        git.git(ledger.repo, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                "--no-auto-maintenance", "--refmap=", ledger.remote,
                f"+refs/heads/{branch}:{seen}", env=git.token_environment())
    except git.GitError as error:
        if "couldn't find remote ref" in error.stderr:
            raise NotMeasured(f"{ledger.remote} has no branch {branch}, which registry."
                              "protected_branch in project.yaml names") from None
        raise NotMeasured(f"cannot read branch {branch} of {ledger.remote}: {error}") from None
    return git.git(ledger.repo, "rev-parse", seen)
