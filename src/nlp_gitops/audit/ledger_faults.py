"""Is the ledger of an audit file whole, and does it bear out the version's files and tags?"""

from collections.abc import Iterator
from pathlib import Path

from nlp_gitops.audit import chain, proof, story
from nlp_gitops.core import git
from nlp_gitops.core.errors import UserError
from nlp_gitops.core.files import sha256_bytes
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry.checks import tag_faults
from nlp_gitops.registry.events import Event, State
from nlp_gitops.registry.ledger import Ledger
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.version_files import paper_faults
from nlp_gitops.registry.walk import Change, Objects

# What messages alone tell of a state; the rest comes from manifests.
_TOLD = ("seq", "stages", "since", "production", "revoked", "highest", "tagger_time")


def faults(repo: Path, ref: ModelRef) -> Iterator[str]:
    """Yield a line for each fault of the ledger, the version's tags and the source's files."""
    try:
        head = story.head_of(repo)
        found = [f"ledger: {text}" for text in _ledger(repo, head, ref)]
        yield from found
        told = None if found else story.read(repo, ref)
        if told and told.source:
            paths = story.source_paths(repo, told.manifest)
            yield from (f"removed: {path} of the source commit, which has it" for path
                        in proof.left_out(repo, told.source.commit, list(paths.values())))
    except (UserError, git.GitError) as error:
        yield f"ledger: {error}"


def _ledger(repo: Path, head: str, ref: ModelRef) -> Iterator[str]:
    found = chain.walk(repo, head)
    yield from found.faults
    mine = {name: tag for name, tag in found.tags.items()
            if (tag.event.model, tag.event.version) == (ref.name, ref.version.tag)}
    paths = story.version_paths(ref, [tag.event for tag in mine.values()])
    missing = proof.left_out(repo, head, paths)
    yield from (f"removed: {path} of the newest tree, which has it" for path in missing)
    if missing:
        return
    yield from _states(repo, head, found)
    yield from _event_files(repo, head, found)
    objects = Objects(repo)
    files = {change.path: change for change in _listed(
        repo, head, f"models/{ref.name}/{ref.version.tag}")}
    for tag in mine.values():
        if tag.event.action == "register":
            yield from (f"R012 {text}" for text in paper_faults(objects, tag.event, files))
        yield from _evidence(repo, head, tag.event)
    yield from (f"{fault.code} {fault.subject}: {fault.message}" for fault in tag_faults(
        proof.tags(repo), mine, found.states, objects, ""))


def _states(repo: Path, head: str, found: chain.Chain) -> Iterator[str]:
    """Yield each model whose state is not what the events add up to."""
    stored = Snapshot(Ledger(repo, "."), head).states()
    for name in sorted(stored.keys() | found.states.keys()):
        here, wanted = stored.get(name, State(name)), found.states.get(name, State(name))
        if different := [key for key in _TOLD if getattr(here, key) != getattr(wanted, key)]:
            yield (f"R007 models/{name}/state.json is not what the events add up to "
                   f"({', '.join(different)} differ)")


def _event_files(repo: Path, head: str, found: chain.Chain) -> Iterator[str]:
    """Yield each event whose file, by its id, is not its commit's message, and files of none."""
    reports = {event.report_path for event in found.events if event.evidence}
    stored = {change.path: change.blob for name in found.states
              for change in _listed(repo, head, f"models/{name}/events", "-r")}
    for path in sorted(found.files.keys() | stored.keys() - reports):
        if found.files.get(path) != stored.get(path):
            yield f"R004 {path} is not the message of a commit"


def _evidence(repo: Path, head: str, event: Event) -> Iterator[str]:
    report = Ledger(repo, ".").read(head, event.report_path)
    if event.evidence and (report is None or sha256_bytes(report) != event.evidence.get("sha256")):
        yield f"R011 {event.report_path} is not the report that the event names"


def _listed(repo: Path, head: str, folder: str, *options: str) -> Iterator[Change]:
    """Yield the files of a folder of the newest tree."""
    for line in git.git(repo, "ls-tree", "-z", *options, f"{head}:{folder}").split("\0"):
        if line:
            about, _, name = line.partition("\t")
            mode, _, oid = about.split()
            yield Change(f"{folder}/{name}", "A", mode, oid)
