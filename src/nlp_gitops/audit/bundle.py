"""Writing an audit file: a tar that is a function of the ledger and the source commit alone.

    NAME-vX.Y.Z/index.html       for people
    NAME-vX.Y.Z/audit.json       which version, which commit of the ledger
    NAME-vX.Y.Z/version/         manifest, metrics, model card, digests, as registered
    NAME-vX.Y.Z/events/          each event of the version, and the report that it rests on
    NAME-vX.Y.Z/source/          gates, dataset, prompt and settings at the source commit
    NAME-vX.Y.Z/proof/           the git objects that all of this is derived from
    NAME-vX.Y.Z/SHA256SUMS
"""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from nlp_gitops.audit import chain, proof, story
from nlp_gitops.audit.ledger_faults import faults
from nlp_gitops.audit.page import page
from nlp_gitops.core import files
from nlp_gitops.core.errors import CheckFailed
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry.events import Event
from nlp_gitops.registry.operations import Registry
from nlp_gitops.registry.packaging import checksums
from nlp_gitops.registry.reading import source_commit
from nlp_gitops.registry.verify import bring
from nlp_gitops.reporting import markup

SCHEMA = "nlp-gitops/audit/1"
INDEX, ABOUT, SUMS = "index.html", "audit.json", "SHA256SUMS"
LEDGER, SOURCE = "proof/ledger.bundle", "proof/source.pack"


def make(root: Path, registry: Registry, ref: ModelRef) -> bytes:
    """Return the audit file of a registered version.

    Raises CheckFailed where the ledger is not whole: a file made from it would prove nothing.
    """
    snapshot = registry.snapshot()
    manifest = snapshot.manifest(ref)
    assert snapshot.commit
    events = chain.events(registry.ledger.repo, snapshot.commit)
    proofs = {LEDGER: proof.ledger_bundle(
        root, snapshot.commit, _tags(registry, events, ref), story.ledger_paths(ref, events))}
    commit = source_commit(manifest)
    if proof.has_commit(root, commit):
        paths = story.source_paths(root, manifest)
        proofs[SOURCE] = proof.source_pack(root, commit, list(paths.values()))
    with proof.opened(proofs[LEDGER], proofs.get(SOURCE)) as repo:
        for fault in faults(repo, ref):
            raise CheckFailed(f"{fault}; see: python tools/registry.py verify")
        return archive(ref, contents(repo, ref, proofs, writer()))


def contents(repo: Path, ref: ModelRef, proofs: Mapping[str, bytes],
             written_by: str) -> dict[str, bytes]:
    """Return every file by its name, derived from a repository that `proof.opened` gives."""
    told = story.read(repo, ref)
    about = {"schema": SCHEMA, "version": str(ref), "ledger": told.head, "written_by": written_by}
    found = {**proofs, ABOUT: (json.dumps(about, indent=2) + "\n").encode(),
             **{f"version/{name}": data for name, data in told.papers.items()},
             **{f"events/{event.seq}.json": event.body.encode() for event in told.events},
             **{f"events/{seq}-report.json": data for seq, data in told.reports.items()}}
    if told.source:
        found.update({f"source/{path}": data for path, data in told.source.files.items()})
    digests = {name: files.sha256_bytes(found[name]) for name in sorted(found)}
    found[INDEX] = page(told, digests).encode("utf-8", "replace")
    return found | {SUMS: sums(found)}


def sums(found: Mapping[str, bytes]) -> bytes:
    """Return SHA256SUMS of files by name."""
    return checksums({name: files.sha256_bytes(data) for name, data in found.items()}).encode()


def archive(ref: ModelRef, found: Mapping[str, bytes]) -> bytes:
    """Return a tar with sorted names, no times and no owners, so that equal files are equal."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(found):
            info = tarfile.TarInfo(f"{folder(ref)}/{name}")
            info.mode, info.size = 0o644, len(found[name])
            tar.addfile(info, io.BytesIO(found[name]))
    return buffer.getvalue()


def folder(ref: ModelRef) -> str:
    """Return the folder that an audit file unpacks into."""
    return f"{ref.name}-{ref.version.tag}"


def writer() -> str:
    """Return the digest of the code that writes the page; another one may word it otherwise."""
    here = Path(__file__).parent
    return files.sha256_files({path.name: path for path in (
        *here.glob("*.py"), *here.glob("*.css"), Path(markup.__file__))})


def _tags(registry: Registry, events: Sequence[Event], ref: ModelRef) -> dict[str, str]:
    """Return the version's tags with their object ids, and bring the objects here."""
    names = [event.tag for event in events
             if (event.model, event.version) == (ref.name, ref.version.tag)]
    remote = registry.ledger.remote_tags()
    for name in names:
        if name not in remote:
            raise CheckFailed(f"tag {name} is missing; type: python tools/registry.py doctor "
                              "--repair")
    found = {name: remote[name][0] for name in names}
    bring(registry.ledger, found.values())
    return found
