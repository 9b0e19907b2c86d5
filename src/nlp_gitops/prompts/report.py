"""All prompts of a folder, checked: each file, the dataset's labels, and the merge base."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core import findings as found
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.findings import Finding
from nlp_gitops.core.merge_base import FETCH_ALL
from nlp_gitops.core.project import load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.prompts import checks
from nlp_gitops.prompts import format as answer_format
from nlp_gitops.prompts import history
from nlp_gitops.prompts.file import Prompt, read
from nlp_gitops.prompts.folder import Entry, survey


@dataclass(frozen=True)
class VersionNote:
    """What the newest version of a prompt should be called. `needed` is None if unknown."""

    file: str
    name: str
    declared: str
    needed: str | None
    reason: str


@dataclass(frozen=True)
class Report:
    """The result of a check. `prompts` counts names, not files."""

    prompts: int
    findings: tuple[Finding, ...]
    versions: tuple[VersionNote, ...]
    histories: tuple[history.History, ...]

    @property
    def verdict(self) -> str:
        """Return PASS, WARN or FAIL."""
        return found.verdict(self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return the stable shape of `--json`."""
        shape: dict[str, Any] = {
            "verdict": self.verdict,
            "prompts": self.prompts,
            "findings": [finding.as_dict() for finding in self.findings],
            "versions": [asdict(note) for note in self.versions],
        }
        if len(self.versions) == 1:
            note = self.versions[0]
            shape["version"] = {"declared": note.declared, "needed": note.needed,
                                "reason": note.reason}
        return shape


def check(folder: Path, base: str | None = None, data: Path | None = None) -> Report:
    """Check the prompts of a folder, or of one prompt's folder.

    `base` is a git ref; None means the merge base with the default branch. `data` is the dataset's
    manifest; None means data/dataset.yaml beside the prompts. Raise UsageError for a folder or
    manifest that cannot be read, and where a model of project.yaml has a prompt and none is there;
    NotMeasured for a `base` that is not there.
    """
    folder = _folder(folder)
    entries, findings = survey(folder) if folder.is_dir() else ([], [])
    if not entries and not findings:
        _require_unused(folder)
    prompts: dict[Path, Prompt] = {}
    for entry in entries:
        reading = read(entry.path)
        findings.extend(reading.findings)
        if reading.text is not None:
            findings.extend(checks.secrets(reading.text, str(entry.path)))
        if reading.prompt:
            findings.extend(checks.check(reading.prompt))
            prompts[entry.path] = reading.prompt
    findings.extend(_twins(entries))
    findings.extend(_label_faults(folder, _newest(entries, prompts), data))
    histories, unknown = _histories(folder, base, entries, prompts, findings)
    return Report(
        prompts=len({entry.name for entry in entries}), findings=tuple(findings),
        versions=tuple(_notes(histories, unknown)), histories=tuple(histories))


def _folder(path: Path) -> Path:
    if path.is_file():
        return path.parent
    # git keeps no empty folder: without any prompt `prompts/` is gone too.
    if not path.is_dir() and path.name != "prompts":
        raise UsageError(f"{path}: no such folder; prompts lie in prompts/NAME/prompt_vX.Y.Z.txt")
    return path


def _require_unused(folder: Path) -> None:
    """Raise UsageError if a model of the repository has a prompt of this folder, which has none."""
    root = next((up for up in folder.absolute().parents if (up / "project.yaml").is_file()), None)
    project = load_project(root) if root else None
    if project is None or project.prompts.resolve() != folder.resolve():
        return
    for model in project.models.values():
        if model.prompt:
            raise UsageError(f"{project.where('models', model.name, 'prompt')}: {model.name} has "
                             f"the prompt {model.prompt}, and there is no prompt file; write "
                             f"{folder / model.prompt / 'prompt_v0.1.0.txt'}")


def _twins(entries: Sequence[Entry]) -> Iterator[Finding]:
    for entry, twin in zip(entries, entries[1:]):
        if entry.key == twin.key:
            yield Finding("P042", f"version {twin.version} is also {entry.path.name}",
                          str(twin.path), hint="keep one of them")


def _newest(entries: Sequence[Entry], prompts: dict[Path, Prompt]) -> list[Prompt]:
    last = {entry.name: entry.path for entry in entries}
    return [prompts[path] for path in last.values() if path in prompts]


def _label_faults(folder: Path, newest: Sequence[Prompt], data: Path | None) -> list[Finding]:
    labelled = [prompt for prompt in newest if answer_format.labels(prompt.format) is not None]
    if not labelled:
        return []
    try:
        wanted = load_manifest(data or _default_data(folder)).labels
    except UsageError as error:
        if data:
            raise
        return [Finding("P033", f"labels not compared with the dataset: {error}",
                        str(labelled[0].path), severity="warning",
                        hint="fix it, or name the manifest with --data")]
    return [finding for prompt in labelled if wanted
            for finding in checks.labels(prompt, wanted)]


def _default_data(folder: Path) -> Path:
    """Return data/dataset.yaml beside `prompts/`, for `prompts/` and `prompts/NAME/` alike."""
    beside = [Path(os.path.normpath(folder / up / "data" / "dataset.yaml"))
              for up in ("..", "../..")]
    return next((path for path in beside if path.is_file()), beside[0])


def _histories(folder: Path, ref: str | None, entries: Sequence[Entry],
               prompts: dict[Path, Prompt],
               findings: list[Finding]) -> tuple[list[history.History], str | None]:
    """Return each prompt's history and add its faults; or the newest alone, and why no more."""
    grouped: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        grouped[entry.name].append(entry)
    try:
        past = history.past_files(folder, history.base_of(folder, ref), prompts)
    except NotMeasured as error:
        if ref is not None:
            raise
        if entries:
            findings.append(Finding("P044", f"version bump not checked: {error}",
                                    severity="warning", hint=FETCH_ALL))
        return [history.compare(name, group, prompts, ())
                for name, group in grouped.items()], f"not checked: {error}"
    histories = []
    for name in sorted({*grouped, *past}):
        before = past.get(name, ())
        histories.append(history.compare(name, grouped[name], prompts, before))
        findings.extend(history.faults(histories[-1]))
    return histories, None


def _notes(histories: Sequence[history.History], unknown: str | None) -> Iterator[VersionNote]:
    for item in histories:
        if item.newest is None:
            continue
        least, reason = (None, unknown) if unknown else history.needed(item)
        yield VersionNote(str(item.newest.path), item.name, str(item.newest.version),
                          None if least is None else str(least), reason)
