"""Register, promote, roll back: what each decides on a snapshot of the ledger."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlp_gitops.core.errors import CheckFailed, Conflict, NotMeasured, UsageError, UserError
from nlp_gitops.core.files import sha256_bytes, sha256_text
from nlp_gitops.core.names import ModelRef, Version, check_model_name
from nlp_gitops.core.project import RegistrySettings
from nlp_gitops.registry import policy
from nlp_gitops.registry.events import STAGES, Event, State, VersionState
from nlp_gitops.registry.ledger import Ledger
from nlp_gitops.registry.packaging import Package, checksums
from nlp_gitops.registry.policy import check_protected
from nlp_gitops.registry.reading import Snapshot, assets, source_commit
from nlp_gitops.registry.store import Asset, Store
from nlp_gitops.registry.transaction import Signer, Step, timestamp, transact, version_files


@dataclass(frozen=True)
class Registry:
    """A ledger, the store of its archives, and the rules of this repository."""

    ledger: Ledger
    store: Store
    settings: RegistrySettings
    sign: Signer | None = None

    def snapshot(self) -> Snapshot:
        """Return the newest ledger; everything read from it belongs together."""
        return Snapshot(self.ledger, self.ledger.fetch())

    def states(self) -> dict[str, State]:
        """Return the state of every model."""
        return self.snapshot().states()


@dataclass(frozen=True)
class Outcome:
    """What an operation did: its events in order; none if there was nothing to do."""

    version: str
    events: tuple[Event, ...]


def register(registry: Registry, package: Package, test_sha256: str | None,
             version: str | None = None, reason: str | None = None) -> Outcome:
    """Register a packed model and put it in staging. The same archive again changes nothing.

    `test_sha256` is the digest of the repository's pinned test split.
    """
    manifest = package.manifest
    name = manifest["name"]
    report = json.loads(package.report)

    def decide(snapshot: Snapshot, state: State) -> Sequence[Step]:
        if snapshot.by_archive(name, package.archive_sha256):
            return ()
        number = _number(snapshot, state, manifest, version)
        text = json.dumps({**manifest, "version": number.tag, "seq": state.seq + 1}, indent=2,
                          sort_keys=True, ensure_ascii=False) + "\n"
        entry = version_state(manifest, number.tag, state.seq + 1, sha256_text(text))
        ref = ModelRef(name, number)
        policy.check_evidence(ref, report, entry, _champion(snapshot, state), test_sha256)
        papers = _papers(package, text.encode())
        first, second = version_files(name, entry, papers)
        return (
            Step("register", number.tag, manifest_sha256=entry.manifest_sha256, registered=entry,
                 files=first),
            Step("promote", number.tag, stage="staging", manifest_sha256=entry.manifest_sha256,
                 reason=reason, replaces=state.stages.get("staging"), files=second,
                 evidence=package.report))

    snapshot = registry.snapshot()
    # What will be refused is refused before the archive travels.
    if decide(snapshot, snapshot.states().get(name, State(name))) or _is_lost(
            registry, snapshot, name, assets(manifest)[0]):
        registry.store.keep(name, {item: package.folder / item.name for item in assets(manifest)})
    events = transact(registry.ledger, name, decide, registry.sign)
    tag = registry.snapshot().by_archive(name, package.archive_sha256)
    assert tag is not None
    # Also for a version that is there already: an earlier call may have died before this line.
    _publish(registry, _touched(events) or [ModelRef(name, Version.parse(tag))])
    return Outcome(tag, events)


def _is_lost(registry: Registry, snapshot: Snapshot, name: str, archive: Asset) -> bool:
    """Say whether an archive is registered and gone; an altered one is for a person to look at."""
    tag = snapshot.by_archive(name, archive.sha256)
    if tag is None:
        return False
    try:
        registry.store.check(ModelRef(name, Version.parse(tag)), archive)
    except NotMeasured:
        return True
    except CheckFailed:
        pass
    return False


def promote(registry: Registry, ref: ModelRef, stage: str, test_sha256: str | None,
            evidence: bytes | None = None, expected: str | None = None, reason: str | None = None,
            unrevoke: bool = False) -> Outcome:
    """Move a version to a stage. Production's replaced version is archived in the same push.

    Without `evidence` the gate report that the version was registered with has to do.
    """

    def decide(snapshot: Snapshot, state: State) -> Sequence[Step]:
        version = snapshot.version_in(state, ref)
        # An archived version may go back to a stage that nobody has taken since.
        returns = version.reached == "archived" != stage
        if state.stages.get(stage) == version.version and not returns:
            return ()
        policy.check_frozen(stage, registry.settings)
        policy.check_current(state, stage, expected)
        lifted = policy.check_revoked(state, ref, stage, unrevoke, reason)
        left = policy.check_order(state, version, stage, registry.settings)
        report = None
        if stage != "archived":
            report = evidence if evidence is not None else _own_report(snapshot, ref, version)
            policy.check_evidence(ref, _report(report), version, _champion(snapshot, state),
                                  test_sha256)
            registry.store.check(ref, assets(snapshot.manifest(ref))[0])
        if stage == "production":
            check_protected(registry.ledger, registry.settings.protected_branch, ref,
                            source_commit(snapshot.manifest(ref)))
        return _moved(snapshot, state, version, stage, left, report, reason, lifted)

    events = transact(registry.ledger, ref.name, decide, registry.sign)
    _publish(registry, _touched(events))
    return Outcome(ref.version.tag, events)


def _moved(snapshot: Snapshot, state: State, version: VersionState, stage: str, left: str | None,
           report: bytes | None, reason: str | None, lifted: bool) -> Sequence[Step]:
    replaced = state.stages.get(stage)
    step = Step("archive" if stage == "archived" else "promote", version.version, stage=stage,
                previous_stage=left, replaces=replaced, reason=reason, evidence=report,
                manifest_sha256=version.manifest_sha256, commit=version.commit, unrevoked=lifted)
    if stage != "production" or not replaced:
        return (step,)
    old = snapshot.version_in(state, ModelRef(state.name, Version.parse(replaced)))
    return (step, Step("archive", replaced, stage="archived", previous_stage="production",
                       manifest_sha256=old.manifest_sha256, commit=old.commit,
                       reason=f"replaced by {version.version}"))


def rollback(registry: Registry, name: str, reason: str, to: str | None = None) -> Outcome:
    """Put production back to the last good version and revoke the present one.

    No gate runs: the version was good enough once. Its archive's digest is verified before.
    """
    if not reason.strip():
        raise UsageError("a rollback needs its reason: --reason 'what went wrong'")
    began = registry.states().get(name, State(name)).stages.get("production")

    def decide(snapshot: Snapshot, state: State) -> Sequence[Step]:
        bad_tag = state.stages.get("production")
        if bad_tag != began:
            raise Conflict(f"production of {name} went from {began} to {bad_tag} meanwhile; look "
                           "at python tools/registry.py history, then decide again")
        good_tag = policy.rollback_targets(state, to)[0]
        good, bad = (snapshot.version_in(state, ModelRef(name, Version.parse(tag)))
                     for tag in (good_tag, str(bad_tag)))
        ref = ModelRef(name, Version.parse(good_tag))
        registry.store.check(ref, assets(snapshot.manifest(ref))[0])
        return (
            Step("rollback", good_tag, stage="production", replaces=bad_tag, reason=reason,
                 previous_stage=good.reached, manifest_sha256=good.manifest_sha256,
                 commit=good.commit),
            Step("revoke", str(bad_tag), stage="archived", previous_stage="production",
                 reason=reason, manifest_sha256=bad.manifest_sha256, commit=bad.commit))

    events = transact(registry.ledger, name, decide, registry.sign)
    _publish(registry, _touched(events))
    return Outcome(events[0].version, events)


def revoke(registry: Registry, ref: ModelRef, reason: str, evidence: bytes) -> Outcome:
    """Archive a version that must not come back. `evidence` is the report that condemns it.

    Raises CheckFailed for the version in production, which is rolled back instead.
    """

    def decide(snapshot: Snapshot, state: State) -> Sequence[Step]:
        version = snapshot.version_in(state, ref)
        if version.version in state.revoked:
            return ()
        left = policy.check_order(state, version, "archived", registry.settings)
        return (Step("revoke", version.version, stage="archived", previous_stage=left,
                     reason=reason, evidence=evidence, manifest_sha256=version.manifest_sha256,
                     commit=version.commit),)

    events = transact(registry.ledger, ref.name, decide, registry.sign)
    _publish(registry, _touched(events))
    return Outcome(ref.version.tag, events)


def resolve(snapshot: Snapshot, text: str, default: str) -> ModelRef:
    """Return the version that `NAME@vX.Y.Z` or `NAME@STAGE` names; no NAME means `default`."""
    name, _, rest = text.partition("@")
    if rest.lower() not in STAGES:
        return ModelRef.parse(text if name else default + text)
    state = snapshot.states().get(check_model_name(name or default))
    version = state.stages.get(rest.lower()) if state else None
    if version is None:
        raise UsageError(f"no version of {name or default} is in {rest.lower()}; "
                         "see: python tools/registry.py show")
    return ModelRef(name or default, Version.parse(version))


def _number(snapshot: Snapshot, state: State, manifest: Mapping[str, Any],
            wanted: str | None) -> Version:
    """Return the new version's number; raise Conflict if the wanted one is taken."""
    number = Version.parse(wanted) if wanted else policy.next_version(
        state, manifest["task"], labels_sha256(manifest), manifest["dataset_version"],
        manifest["prompt_version"])
    while _is_taken(snapshot, state, number):
        if wanted:
            raise Conflict(f"{state.name}@{number.tag} is registered already, with another "
                           "archive; leave --version out for the next number")
        number = number.bumped("patch")
    return number


def _is_taken(snapshot: Snapshot, state: State, number: Version) -> bool:
    try:
        snapshot.version_in(state, ModelRef(state.name, number))
    except UsageError:
        return False
    return True


def version_state(manifest: Mapping[str, Any], tag: str, seq: int, digest: str) -> VersionState:
    """Return what the state keeps of a version; `digest` is that of its manifest."""
    return VersionState(
        version=tag, seq=seq, archive_sha256=manifest["artifacts"][0]["sha256"],
        manifest_sha256=digest, model_sha256=manifest["model_sha256"], task=manifest["task"],
        labels_sha256=labels_sha256(manifest), dataset_version=manifest["dataset_version"],
        prompt_version=manifest["prompt_version"], source_commit=manifest["source_commit"],
        registered=timestamp(), tags=manifest["tags"])


def labels_sha256(manifest: Mapping[str, Any]) -> str:
    """Return one digest of a model's label set, whatever their order."""
    return sha256_text("\0".join(sorted(manifest["labels"])))


def _papers(package: Package, manifest: bytes) -> dict[str, bytes]:
    """Return the version's small files; SHA256SUMS covers the manifest with its number."""
    papers = {name: (package.folder / name).read_bytes()
              for name in ("metrics.json", "MODEL_CARD.md")}
    papers["manifest.json"] = manifest
    digests = {**package.digests, "manifest.json": sha256_bytes(manifest)}
    return {**papers, "SHA256SUMS": checksums(digests).encode()}


def _champion(snapshot: Snapshot, state: State) -> VersionState | None:
    tag = state.stages.get("production")
    return snapshot.version_in(state, ModelRef(state.name, Version.parse(tag))) if tag else None


def _own_report(snapshot: Snapshot, ref: ModelRef, version: VersionState) -> bytes:
    """Return the gate report that the version was registered with."""
    blob = snapshot.report(ref.name, version.seq + 1)
    if blob is None:
        raise CheckFailed(f"{ref} has no gate report in the ledger; it cannot be promoted")
    return blob


def _report(blob: bytes) -> Mapping[str, Any]:
    try:
        report = json.loads(blob)
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise CheckFailed("the gate report is not readable JSON; give the report.json that "
                          "python tools/eval_gate.py wrote")
    return report


def _publish(registry: Registry, refs: Sequence[ModelRef]) -> None:
    """Let the store show what the ledger says of versions; the last one wins."""
    snapshot = registry.snapshot()
    states = snapshot.states()
    for ref in refs:
        try:
            registry.store.publish(snapshot.release(ref),
                                   states[ref.name].stage_of(ref.version.tag))
        except UserError as error:
            raise NotMeasured(f"the ledger has it, but the release of {ref} does not show it yet: "
                              f"{error}; finish it: python tools/registry.py doctor --repair"
                              ) from None


def _touched(events: Sequence[Event]) -> list[ModelRef]:
    """Return the versions that events moved or displaced, the new holder of the stage last."""
    found: list[ModelRef] = []
    for event in reversed(events):
        found += [ModelRef(event.model, Version.parse(tag))
                  for tag in (event.replaces, event.version) if tag]
    return sorted(set(found), key=lambda ref: max(
        number for number, other in enumerate(found) if other == ref))
