"""The champion: the version in production, fetched from the registry and loaded to be run again.

No version in production is a fact (NONE). A version that is there and cannot be had is NotMeasured:
a comparison that could not be made must not read as a pass.
"""

import json
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops import files
from mlops.errors import CheckFailed, NotMeasured, UsageError
from mlops.names import ModelRef, Version
from mlops.project import Project
from mlops.registry.connect import connect, default_name
from mlops.registry.ledger import Ledger
from mlops.registry.operations import Registry, read_states
from nlp.model import MODELS, Model, model_class

MAX_BYTES = 8 << 30


@dataclass(frozen=True)
class Champion:
    """A registered version that can be run, or the reason why there is none.

    `status` is COMPARED, NOT_COMPARED (asked for) or NONE; only with COMPARED there is a model.
    """

    status: str
    why: str
    version: str | None = None
    archive_sha256: str | None = None
    model: Model | None = None


NO_CHAMPION = Champion("NONE", "no version is in production")


def find(project: Project, model: str, choice: str, registry_name: str | None) -> Champion:
    """Return the champion of a model. `choice` is `auto`, `none` or `NAME@vX.Y.Z`."""
    if choice == "none":
        return Champion("NOT_COMPARED", "--champion none was given")
    named = None if choice == "auto" else ModelRef.parse(choice)
    entry = _entry(project, model, named, registry_name)
    if entry is None:
        return NO_CHAMPION
    registry, ref, manifest = entry
    digest = manifest["artifacts"][0]["sha256"]
    folder = _unpacked(project, registry, digest, str(ref))
    return Champion("COMPARED", _remark(manifest), ref.version.tag, digest, _load(folder, str(ref)))


def registered_metrics(project: Project, model: str,
                       registry_name: str | None) -> Mapping[str, Any] | None:
    """Return the metrics that the version in production was registered with; None without one."""
    entry = _entry(project, model, None, registry_name)
    return entry[2]["metrics"] if entry else None


def _entry(project: Project, model: str, named: ModelRef | None, registry_name: str | None
           ) -> tuple[Registry, ModelRef, Mapping[str, Any]] | None:
    """Return the named version's registry, name and manifest, or production's; None if none is."""
    opened = _open(project, registry_name, needed=named is not None)
    if opened is None:
        return None
    registry, commit = opened
    if named is None:
        state = read_states(registry.ledger, commit).get(model)
        tag = state.stages.get("production") if state else None
        if tag is None:
            return None
        named = ModelRef(model, Version.parse(tag))
    return registry, named, _manifest(registry.ledger, commit, named)


def _open(project: Project, name: str | None, needed: bool) -> tuple[Registry, str] | None:
    """Return the registry and the newest commit of its ledger; None if there is no ledger."""
    try:
        registry = connect(project, name)
    except UsageError:
        # Without a place for archives nothing can be fetched; that matters once there is a ledger.
        if name or needed or _has_ledger(project):
            raise
        return None
    commit = registry.ledger.fetch()
    if commit is None and needed:
        raise NotMeasured(f"{registry.ledger.remote}: no registry there yet")
    return (registry, commit) if commit else None


def _has_ledger(project: Project) -> bool:
    try:
        return Ledger(project.root, default_name()).fetch() is not None
    except UsageError:
        return False


def _manifest(ledger: Ledger, commit: str, ref: ModelRef) -> dict[str, Any]:
    blob = ledger.read(commit, f"models/{ref.name}/{ref.version.tag}/manifest.json")
    if blob is None:
        raise NotMeasured(f"{ref} is not in the registry; "
                          "see: python tools/registry.py show")
    return json.loads(blob)


def _remark(manifest: Mapping[str, Any]) -> str:
    return (f"run again on the current test split; registered on {manifest['dataset_version']} "
            f"from commit {manifest['source_commit'][:7]}")


def _unpacked(project: Project, registry: Registry, digest: str, ref: str) -> Path:
    """Return the folder of an archive's files, from the cache if they are still whole."""
    target = project.root / ".cache" / "champions" / digest
    if target.is_dir() and _is_whole(target):
        return target
    try:
        registry.store.verify(digest)
    except (CheckFailed, NotMeasured, OSError) as error:
        raise NotMeasured(f"the champion {ref} cannot be had: {error}") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=".incoming-"))
    try:
        unpack(registry.store.path(digest), draft)
        if not _is_whole(draft):
            raise NotMeasured(f"the champion {ref} cannot be had: its archive does not hold the "
                              "model that it names")
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def unpack(archive: Path, target: Path) -> None:
    """Unpack a tar of plain files. Links, devices and paths that lead out are NotMeasured."""
    try:
        with tarfile.open(archive, "r:") as members:
            total = 0
            for member in members:
                path = Path(member.name)
                total += member.size
                if (not member.isreg() or path.is_absolute() or ".." in path.parts
                        or total > MAX_BYTES):
                    raise NotMeasured(f"{archive}: refused to unpack {member.name!r}: not a plain "
                                      "file inside the archive, or too large")
                content = members.extractfile(member)
                assert content is not None
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                with open(target / path, "xb") as stream:
                    shutil.copyfileobj(content, stream, 1 << 20)
    except (tarfile.TarError, FileExistsError, EOFError) as error:
        raise NotMeasured(f"{archive}: not a readable archive: {error}") from None


def _about(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "model.json").read_text(encoding="utf-8"))


def _is_whole(folder: Path) -> bool:
    try:
        return files.sha256_tree(folder / "model") == _about(folder)["model_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _load(folder: Path, ref: str) -> Model:
    kind = _about(folder)["class"]
    if kind not in MODELS:
        raise NotMeasured(f"the champion {ref} cannot be had: it is of class {kind!r}, which "
                          "nlp/model.py has no more; keep the class, or type --champion none")
    try:
        return model_class(kind).load(folder / "model")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise NotMeasured(f"the champion {ref} cannot be had: it does not load with the "
                          f"present nlp/: {error}") from None
