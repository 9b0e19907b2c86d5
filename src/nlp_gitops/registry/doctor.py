"""What is torn or missing in a registry, and repairing it. History is never edited."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from nlp_gitops.core import git
from nlp_gitops.core.errors import Conflict, NotMeasured, UserError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry import checks, init_remote, leftovers, signing
from nlp_gitops.registry.checks import missing, unknown, unsigned
from nlp_gitops.registry.diagnosis import Advice, Diagnosis, Trouble
from nlp_gitops.registry.events import Event, State, malformed, parse_message
from nlp_gitops.registry.folder_store import FolderStore
from nlp_gitops.registry.ledger import BRANCH, Ledger
from nlp_gitops.registry.operations import Registry
from nlp_gitops.registry.replay import Replayed
from nlp_gitops.registry.transaction import write_tag
from nlp_gitops.registry.verify import Audit, audit

# GitHub starts no workflows for a push with more tags.
_TAGS_A_PUSH = 3
_ROUNDS = 3


def doctor(root: Path, registry: Registry, name: str, repair: bool) -> Diagnosis:
    """Examine the registry; with `repair` mend what can be mended and examine it again.

    `name` is the registry's for commands. Raises NotMeasured if the remote cannot be read.
    """
    mended: list[str] = []
    reasons: dict[str, str] = {}
    resting = list(_at_rest(registry, repair))
    # Stale locks would keep the rest from being read.
    if repair and _mend(resting, mended, reasons):
        resting = list(_at_rest(registry, repair))
    found = audit(root, registry, name, quick=True)
    torn = list(_torn(root, registry, found))
    for _ in range(_ROUNDS):
        if not (repair and _mend(torn, mended, reasons)):
            break
        found = audit(root, registry, name, quick=True)
        torn = list(_torn(root, registry, found))
    troubles = [_with_reason(item, reasons) for item in (*resting, *torn)]
    told = {subject for item in troubles for subject in _subjects(item)}
    faults = tuple(fault for fault in found.faults if fault.subject not in told)
    advice = _advice(registry, found) + Advice(unread=found.notes)
    return Diagnosis(tuple(mended), tuple(troubles), faults, advice)


def _subjects(item: Trouble) -> list[str]:
    """Return what a trouble is about as faults name it; one may be about several tags."""
    kind, _, names = item.subject.partition(" ")
    return [f"tag {name}" for name in names.split(", ")] if kind == "tag" else [item.subject]


def _mend(troubles: list[Trouble], mended: list[str], reasons: dict[str, str]) -> bool:
    """Mend what can be mended; note what was, and why the rest was not. Say if anything was."""
    before = len(mended)
    for item in troubles:
        if item.mend is None:
            continue
        try:
            item.mend()
        except (UserError, git.GitError, OSError) as error:
            reasons[item.subject] = str(error)
            continue
        mended.append(f"{item.subject} ({item.message})")
    return len(mended) > before


def _with_reason(item: Trouble, reasons: dict[str, str]) -> Trouble:
    reason = reasons.get(item.subject)
    return replace(item, message=f"{item.message}; not mended: {reason}") if reason else item


def _at_rest(registry: Registry, repairing: bool) -> Iterator[Trouble]:
    """Yield what lies about in the repositories and folders on this machine."""
    here, remote = registry.ledger.repo, registry.ledger.folder
    left = [*leftovers.of_work_repository(here),
            *(leftovers.of_remote(_git_folder(registry.ledger, remote)) if remote else ()),
            *(leftovers.of_store(registry.store, repairing)
              if isinstance(registry.store, FolderStore) else ())]
    for path in left:
        yield Trouble(str(path), "left behind by a process that was killed", "--repair removes it",
                      partial(leftovers.remove, path))
    for repo in filter(None, (here, remote)):
        for name in leftovers.drafts(repo):
            yield Trouble(name, "was left behind by a process that was killed",
                          "--repair removes it", partial(leftovers.remove_draft, repo, name))
    if remote and init_remote.is_bare(remote) and not init_remote.has_hook(remote):
        yield Trouble(str(remote), "has no update hook of this version, so that tags can be moved "
                      "and the ledger rewritten", "--repair installs it, or: python "
                      f"tools/registry.py init-remote {remote}",
                      partial(_install_hook, remote))


def _git_folder(ledger: Ledger, remote: Path) -> Path:
    try:
        return leftovers.git_folder(remote)
    except git.GitError as error:
        raise NotMeasured(f"cannot read the registry of {ledger.remote}: {error}") from None


def _install_hook(remote: Path) -> None:
    init_remote.install_hook(remote)


def _advice(registry: Registry, found: Audit) -> Advice:
    """Return what the ledger's workflow stubs lack; only GitHub runs them."""
    is_there = found.look.newest is not None or not found.look.faults
    if isinstance(registry.store, FolderStore) or not is_there:
        return Advice()
    return checks.advice(registry.ledger, found.look.newest)


def _torn(root: Path, registry: Registry, found: Audit) -> Iterator[Trouble]:
    """Yield what the ledger and the remote do not agree on, where the ledger can decide."""
    ledger, look = registry.ledger, found.look
    if look.newest is None and look.faults:
        yield Trouble("branch registry", f"was deleted on {ledger.remote}; this clone has it",
                      "--repair pushes it again",
                      partial(_push, ledger, [f"{ledger.ref}:{BRANCH}"]))
        return
    is_on_github = not isinstance(registry.store, FolderStore)
    # These are made and deleted on the ledger's word, so only while that is beyond doubt.
    if not look.faults and not found.replayed.faults:
        yield from _torn_tags(root, registry, found)
        if is_on_github:
            yield from _forgotten_drafts(registry, found)
    if is_on_github:
        for fault in found.faults:
            if fault.code == "R030":
                yield Trouble(fault.subject, fault.message, "--repair finishes its release",
                              partial(_publish, registry, ModelRef.parse(fault.subject)))
        if look.newest is not None:
            yield from checks.troubles(ledger, look.newest)


def _torn_tags(root: Path, registry: Registry, found: Audit) -> Iterator[Trouble]:
    tags, replayed = found.look.tags, found.replayed
    names = missing(tags, replayed.tags)
    for start in range(0, len(names), _TAGS_A_PUSH):
        some = names[start:start + _TAGS_A_PUSH]
        yield Trouble(f"tag {', '.join(some)}", "is missing on the remote",
                      "--repair makes it again from the ledger",
                      partial(_make_tags, root, registry, replayed, some))
    events = {name: _event_of(registry.ledger, name, tags[name][0])
              for name in unknown(tags, replayed.tags, replayed.states)}
    ahead = [event for event in events.values() if event and event.seq > replayed.states.get(
        event.model, State(event.model)).seq]
    for name, event in events.items():
        yield _orphan(registry.ledger, name, tags[name][0], event, len(ahead))


def _forgotten_drafts(registry: Registry, found: Audit) -> Iterator[Trouble]:
    """Yield drafts of ours that no version needs and nobody touched for a day."""
    from nlp_gitops.registry.github_store import ORPHAN_SECONDS, GitHubStore

    assert isinstance(registry.store, GitHubStore)
    # A state lists its newest versions only; an older one may still wait for its release.
    known = {item.archive_sha256 for item in (*found.replayed.versions.values(), *(
        item for state in found.replayed.states.values() for item in state.versions))}
    for orphan in registry.store.orphans(known):
        if orphan.age >= ORPHAN_SECONDS:
            yield Trouble(f"draft {orphan.id} ({orphan.title})", "was never registered",
                          "--repair deletes it", partial(registry.store.delete, orphan))


def _make_tags(root: Path, registry: Registry, replayed: Replayed, names: Sequence[str]) -> None:
    """Make tags as they were, byte for byte where they were not signed, and push them."""
    ledger, specs = registry.ledger, []
    for name in names:
        want = replayed.tags[name]
        oid = write_tag(ledger.repo, want.target, want.event, want.time, registry.sign,
                        want.committer)
        _check_signer(root, registry, oid)
        specs.append(f"{oid}:refs/tags/{name}")
    _push(ledger, specs)


def _check_signer(root: Path, registry: Registry, oid: str) -> None:
    """Raise Conflict for a new tag that `verify` would refuse; a pushed one is there to stay."""
    allowed = registry.settings.allowed_signers
    if allowed is None:
        return
    tag = git.git_bytes(registry.ledger.repo, "cat-file", "tag", oid)
    wrong = signing.verify(root, tag, root / Path(allowed).expanduser())
    if wrong:
        raise Conflict(f"the tag would not verify: it {wrong}; somebody whom {allowed} names must "
                       "type this, with registry.sign: true in project.yaml")


def _orphan(ledger: Ledger, name: str, oid: str, event: Event | None, ahead: int) -> Trouble:
    """Return what to do with a tag that no event made: only a torn one of ours is deleted.

    `ahead` counts the tags of events later than the ledger's last ones.
    """
    if event is None:
        return Trouble(f"tag {name}", "was put in by hand: it holds no event of this registry",
                       f"if nothing else needs it: git push {ledger.remote} :refs/tags/{name}")
    if ahead > _TAGS_A_PUSH:
        return Trouble(f"tag {name}", f"is one of {ahead} that tell of later events than the "
                       "ledger: more than a push can tear, somebody may have cut the ledger",
                       f"look for a clone that has the rest: git log {ledger.ref}")
    return Trouble(f"tag {name}", "was torn from its push: the ledger does not know it",
                   "--repair deletes it", partial(_delete, ledger, name, oid))


def _event_of(ledger: Ledger, name: str, oid: str) -> Event | None:
    """Return the event of a tag that our push wrote; None for any other tag."""
    try:
        git.git(ledger.repo, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                "--no-auto-maintenance", "--refmap=", ledger.remote, oid,
                env=git.token_environment())
        body = git.git(ledger.repo, "cat-file", "tag", oid).partition("\n\n")[2]
        event = parse_message(unsigned(body))
    except (git.GitError, ValueError):
        return None
    return event if malformed(event) is None and event.tag == name else None


def _delete(ledger: Ledger, name: str, oid: str) -> None:
    """Delete exactly this tag; a later one of the same name stays."""
    try:
        git.git(ledger.repo, "push", "--quiet", "--no-verify",
                f"--force-with-lease=refs/tags/{name}:{oid}", ledger.remote, f":refs/tags/{name}",
                env=git.token_environment())
    except git.GitError as error:
        if "stale info" in error.stderr:
            raise Conflict("somebody changed it meanwhile; type the command again") from None
        raise Conflict(f"{ledger.remote} refuses to delete the tag ({_said(error)}); on GitHub an "
                       f"administrator deletes it at /releases/tag/{quote(name)}, with the tag "
                       "ruleset switched off meanwhile") from None


def _said(error: git.GitError) -> str:
    """Return the first line that the remote itself said, else git's."""
    return next((line.removeprefix("remote: ").strip() for line in error.stderr.splitlines()
                 if line.startswith("remote: ")), str(error))


def _publish(registry: Registry, ref: ModelRef) -> None:
    snapshot = registry.snapshot()
    stage = snapshot.states()[ref.name].stage_of(ref.version.tag)
    registry.store.publish(snapshot.release(ref), stage)


def _push(ledger: Ledger, specs: Sequence[str]) -> None:
    git.git(ledger.repo, "push", "--quiet", "--porcelain", "--no-verify", ledger.remote, *specs,
            env=git.token_environment())
