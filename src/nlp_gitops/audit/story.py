"""What an audit file tells of a version, read from the ledger and the source commit alone."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any

from nlp_gitops.audit import chain
from nlp_gitops.core import git_objects, yamlfile
from nlp_gitops.core.errors import CheckFailed, UserError
from nlp_gitops.core.files import sha256_text
from nlp_gitops.core.names import ModelRef
from nlp_gitops.prompts import file as prompt_file
from nlp_gitops.registry.events import Event, State
from nlp_gitops.registry.ledger import BRANCH, Ledger
from nlp_gitops.registry.reading import PAPERS, Snapshot, source_commit

PROJECT = "project.yaml"


@dataclass(frozen=True)
class Period:
    """A time in production: the event that began it, and the one that ended it, if any has."""

    since: Event
    until: Event | None


@dataclass(frozen=True)
class Source:
    """The source commit; `files` are those of it that say what was asked of the model.

    `agrees` says of some of them whether they are what the manifest names by digest.
    """

    commit: str
    author: str
    time: str
    subject: str
    files: Mapping[str, bytes]
    agrees: Mapping[str, bool]


@dataclass(frozen=True)
class Story:
    """A version, its events in order with their reports by number, and where it stood when."""

    ref: ModelRef
    head: str
    state: State
    papers: Mapping[str, bytes]
    manifest: Mapping[str, Any]
    events: Sequence[Event]
    reports: Mapping[int, bytes]
    periods: Sequence[Period]
    source: Source | None


def head_of(repo: Path) -> str:
    """Return the newest commit of the ledger; raise CheckFailed where there is none."""
    head = git_objects.resolve(repo, f"{BRANCH}^{{commit}}")
    if head is None:
        raise CheckFailed("holds no ledger")
    return head


def read(repo: Path, ref: ModelRef) -> Story:
    """Read a version's story from a repository that `proof.opened` gives.

    Raises UserError where the ledger does not hold it.
    """
    head = head_of(repo)
    snapshot = Snapshot(Ledger(repo, "."), head)
    papers = snapshot.papers(ref)
    papers.pop("report.json", None)
    manifest = json.loads(papers["manifest.json"])
    state = snapshot.states()[ref.name]
    everything = [event for event in chain.walk(repo, head).events
                  if event.model == ref.name]
    events = [event for event in everything if event.version == ref.version.tag]
    reports = {event.seq: report for event in events
               if (report := snapshot.report(ref.name, event.seq)) is not None}
    return Story(ref, head, state, papers, manifest, events, reports,
                 periods(everything, ref.version.tag), _source(repo, manifest))


def periods(events: Iterable[Event], version: str) -> list[Period]:
    """Return a version's times in production, from all events of its model in order."""
    found: list[Period] = []
    holder: Event | None = None
    for event in events:
        if event.stage != "production":
            continue
        if holder and holder.version == version:
            found.append(Period(holder, event))
        holder = event
    if holder and holder.version == version:
        found.append(Period(holder, None))
    return found


def ledger_paths(ref: ModelRef, events: Sequence[Event]) -> list[str]:
    """Return what an audit file holds of the newest tree, from all events of the ledger.

    Every model's state, the lists of all events by id, and the version's own files.
    """
    mine = [event for event in events
            if (event.model, event.version) == (ref.name, ref.version.tag)]
    return list(dict.fromkeys(
        [*(f"models/{event.model}/state.json" for event in events),
         *(str(PurePosixPath(event.path).parent) for event in events),
         *version_paths(ref, mine)]))


def version_paths(ref: ModelRef, events: Iterable[Event]) -> list[str]:
    """Return a version's files in the newest tree, whether it has them or not."""
    folder = f"models/{ref.name}/{ref.version.tag}"
    return [f"models/{ref.name}/state.json", *(f"{folder}/{name}" for name in PAPERS),
            *(path for event in events for path in (event.path, event.report_path))]


def source_paths(repo: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of the source commit that belong to the story, whether it has them or not.

    By what they are; `prompt` only for a model that has one.
    """
    settings = _settings(repo, source_commit(manifest))
    dataset = PurePosixPath(settings.get("dataset", "data/dataset.yaml"))
    prompt = manifest.get("prompt")
    return {"settings": PROJECT, "gates": settings.get("gates", "gates.yaml"),
            "dataset": dataset.as_posix(), "data card": dataset.with_name("README.md").as_posix(),
            "model card": f"docs/cards/{manifest['name']}.md", "owners": ".github/CODEOWNERS",
            **({"prompt": f"{settings.get('prompts', 'prompts')}/{prompt['name']}/"
                f"prompt_v{prompt['version']}.txt"} if prompt else {})}


def _settings(repo: Path, commit: str) -> Mapping[str, Any]:
    """Return project.yaml of a commit; nothing where there is none."""
    return _parsed((Ledger(repo, ".").read(commit, PROJECT) or b"").decode("utf-8", "replace"))


def _parsed(text: str) -> Mapping[str, Any]:
    """Return a file's map; nothing where it is not readable as one."""
    try:
        value = yamlfile.parse(text, Path(PROJECT)).value
    except UserError:
        return {}
    return value if isinstance(value, dict) else {}


def _source(repo: Path, manifest: Mapping[str, Any]) -> Source | None:
    commit = source_commit(manifest)
    found = git_objects.read(repo, commit)
    if found is None:
        return None
    header, _, message = found.text.partition("\n\n")
    fields = dict(line.partition(" ")[::2] for line in header.splitlines())
    time = datetime.fromtimestamp(int(fields["committer"].split()[-2]), timezone.utc)
    paths = source_paths(repo, manifest)
    blobs = dict(zip(paths, Ledger(repo, ".").read_all(commit, list(paths.values())), strict=True))
    texts = {what: blob.decode("utf-8", "replace") for what, blob in blobs.items() if blob}
    return Source(commit, fields["author"].rsplit(" ", 2)[0], f"{time:%Y-%m-%dT%H:%M:%SZ}",
                  (message.splitlines() or [""])[0],
                  {paths[what]: blob for what, blob in blobs.items() if blob is not None},
                  {paths[what]: _agrees(what, paths[what], text, manifest)
                   for what, text in texts.items() if what in ("gates", "dataset", "prompt")})


def _agrees(what: str, path: str, text: str, manifest: Mapping[str, Any]) -> bool:
    """Say whether a file of the source is the one that the manifest names."""
    if what == "gates":
        return sha256_text(text) == manifest.get("gates_sha256")
    if what == "prompt":
        prompt = prompt_file.read(Path(path), text).prompt
        return prompt is not None and prompt.digest == manifest["prompt"]["sha256"]
    given = _parsed(text)
    pinned = manifest["dataset_sha256"]
    return (f"{given.get('name')}-v{given.get('version')}" == manifest["dataset_version"]
            and isinstance(pinned, dict) and given.get("test_sha256") == pinned.get("test"))
