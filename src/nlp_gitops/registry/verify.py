"""Is the registry what its ledger says? Reads everything, changes nothing."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nlp_gitops.core import git
from nlp_gitops.core.errors import NotMeasured, UserError
from nlp_gitops.core.names import ModelRef, Version
from nlp_gitops.registry import signing
from nlp_gitops.registry.attestations import Builds
from nlp_gitops.registry.checks import RemoteTags, Verifier, tag_faults
from nlp_gitops.registry.diagnosis import Fault
from nlp_gitops.registry.folder_store import FolderStore
from nlp_gitops.registry.ledger import BRANCH, Ledger
from nlp_gitops.registry.operations import Registry
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.replay import Replayed, replay
from nlp_gitops.registry.walk import Objects

# Others may write meanwhile; a look counts if the ledger was the same before and after it.
_LOOKS = 20
_SECOND_LOOKS = 2
_PAUSE_SECONDS = 0.5
# A quick look still sees a release that was never finished before the next one took its stage.
_NEWEST = 5
_BRING = ("delete what was altered, and register the same archive again: from its packed folder, "
          "or trained again from its source commit (docs/runbook.md, Rebuild)")


@dataclass(frozen=True)
class Look:
    """The remote at one moment: the ledger's newest commit, all tags, and what is wrong so far."""

    newest: str | None
    tags: RemoteTags
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Audit:
    """Everything that a verification found out; `notes` say what could not be checked."""

    look: Look
    replayed: Replayed
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return what a person reads, one line each."""
        return [*(fault.as_text() for fault in self.faults),
                *(f"note: {note}" for note in self.notes),
                f"{len(self.faults)} fault{'s' * (len(self.faults) > 1)}" if self.faults
                else "the registry is what its ledger says"]

    def record(self) -> dict[str, object]:
        """Return the stable shape of `--json`."""
        return {"faults": [fault.as_dict() for fault in self.faults], "notes": list(self.notes)}


def verify(root: Path, registry: Registry, name: str, quick: bool = False) -> list[Fault]:
    """Return every fault of the registry; none if it is what its ledger says.

    `quick` leaves out the archives of versions that are in no stage and not among the newest.
    Raises NotMeasured if the remote cannot be read.
    """
    return list(audit(root, registry, name, quick).faults)


def audit(root: Path, registry: Registry, name: str, quick: bool = False) -> Audit:
    """Return the faults and what was read on the way; `name` is the registry's for commands."""
    found = _audit(root, registry, name, quick)
    for _ in range(_SECOND_LOOKS):
        # A push in flight shows some of its refs before the others.
        if not any(fault.code in ("R020", "R024") for fault in found.faults):
            break
        time.sleep(_PAUSE_SECONDS)
        found = _audit(root, registry, name, quick)
    return found


def _audit(root: Path, registry: Registry, name: str, quick: bool) -> Audit:
    ledger = registry.ledger
    look = _look(ledger)
    objects = Objects(ledger.repo)
    replayed = (replay(ledger.repo, look.newest, objects) if look.newest
                else Replayed((), {}, {}, {}))
    bring(ledger, (look.tags[name][0] for name in replayed.tags if name in look.tags))
    repair = f"python tools/registry.py doctor --repair --registry {name}"
    tags = tuple(tag_faults(look.tags, replayed.tags, replayed.states, objects, repair,
                            _verifier(root, registry)))
    builds = Builds(registry.store, _file(root, registry.settings.attestation_root))
    archives = tuple(_archive_faults(registry, builds, look, replayed, quick, repair))
    return Audit(look, replayed, (*look.faults, *replayed.faults, *tags, *archives),
                 builds.notes())


def _look(ledger: Ledger) -> Look:
    if not ledger.is_there:
        return Look(None, {}, ())
    seen = ledger.last_seen()
    for _ in range(_LOOKS):
        newest = _newest(ledger)
        tags = ledger.remote_tags()
        if _newest(ledger) == newest:
            return Look(newest, tags, tuple(_rewritten(ledger, seen, newest)))
    raise NotMeasured(f"{ledger.remote}: others keep writing; try again")


def _newest(ledger: Ledger) -> str | None:
    """Return the remote ledger's newest commit, even of a ledger that was rewritten."""
    ref = f"{ledger.ref}-verify"
    try:
        git.git(ledger.repo, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                "--no-auto-maintenance", "--refmap=", ledger.remote, f"+{BRANCH}:{ref}",
                env=git.token_environment())
    except git.GitError as error:
        if "couldn't find remote ref" in error.stderr:
            return None
        raise NotMeasured(f"cannot read the registry of {ledger.remote}: {error}") from None
    return git.git(ledger.repo, "rev-parse", ref)


def _rewritten(ledger: Ledger, seen: str | None, newest: str | None) -> Iterator[Fault]:
    if seen is None or newest and ledger.contains(newest, seen):
        return
    what = "was rewritten" if newest else "was deleted"
    yield Fault("R001", "branch registry", f"{what}: commit {seen[:7]}, seen here, is not in it",
                f"what is lost: git log {ledger.ref}; put it back: "
                f"git push --force {ledger.remote} {ledger.ref}:{BRANCH}")


def bring(ledger: Ledger, oids: Iterable[str]) -> None:
    """Fetch the tag objects that are not here yet, by object id, so that no local tag is made."""
    wanted = "".join(f"{oid}\n" for oid in oids)
    known = git.git(ledger.repo, "cat-file", "--batch-check=%(objectname) %(objecttype)",
                    stdin=wanted.encode())
    absent = "".join(f"{line.split()[0]}\n" for line in known.splitlines()
                     if line.endswith(" missing"))
    if not absent:
        return
    try:
        git.git(ledger.repo, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                "--no-auto-maintenance", "--stdin", ledger.remote, stdin=absent.encode(),
                env=git.token_environment())
    except git.GitError as error:
        raise NotMeasured(f"cannot read the tags of {ledger.remote}: {error}") from None


def _verifier(root: Path, registry: Registry) -> Verifier | None:
    allowed = _file(root, registry.settings.allowed_signers)
    return None if allowed is None else partial(_signature, root, allowed)


def _file(root: Path, name: str | None) -> Path | None:
    """Return a file that project.yaml names, from the repository's root; None if it names none."""
    return None if name is None else root / Path(name).expanduser()


def _signature(root: Path, allowed: Path, tag: bytes) -> str | None:
    return signing.verify(root, tag, allowed)


def _archive_faults(registry: Registry, builds: Builds, look: Look, replayed: Replayed,
                    quick: bool, repair: str) -> Iterator[Fault]:
    snapshot = Snapshot(registry.ledger, look.newest)
    hint = _BRING if isinstance(registry.store, FolderStore) else f"{repair}; else {_BRING}"
    for model, version in replayed.versions:
        stage = replayed.states[model].stage_of(version)
        newest = {item.version for item in replayed.states[model].versions[:_NEWEST]}
        if quick and stage is None and version not in newest:
            continue
        ref = ModelRef(model, Version.parse(version))
        try:
            release = snapshot.release(ref)
        except UserError:
            # Its papers are broken; the replay has said how.
            continue
        for message in registry.store.faults(release, stage):
            yield Fault("R030", str(ref), message, hint)
        for archive in release.archives:
            yield from builds.faults(ref, archive)
