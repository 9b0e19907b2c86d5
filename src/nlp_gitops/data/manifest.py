"""The manifest `data/dataset.yaml`: which rows, in which shape, split how, in which version."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core import yamlfile
from nlp_gitops.core.errors import UsageError

SPLITS = ("train", "valid", "test")
ROW_SUFFIXES = (".jsonl", ".jsonl.gz", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class Field:
    """One column. Types are JSON types: `string`, `integer`, `number`, `boolean`, `spans`.

    `spans` is a list of `{"start": int, "end": int, "label": str}` over the text's code points.
    """

    name: str
    type: str = "string"
    enum: tuple[Any, ...] | None = None
    nullable: bool = False
    required: bool = True
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class DataFile:
    """One file of rows: `path` inside the repository, or `url` and its obligatory digest."""

    path: Path
    url: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Manifest:
    """A dataset version. Either `ratios` or `named` says what the splits are, the other is None."""

    path: Path
    name: str
    version: str
    fields: tuple[Field, ...]
    files: tuple[DataFile, ...]
    ratios: Mapping[str, float] | None
    named: Mapping[str, tuple[DataFile, ...]] | None
    group: str | None
    seed: int
    checks: Mapping[str, Any]
    test_sha256: str | None
    license: str | None
    languages: tuple[str, ...]
    document: yamlfile.Document

    def text(self, key: str) -> str:
        """Return a text of the manifest such as `description` or `limits`; empty if absent."""
        return str(self.document.value.get(key) or "").strip()

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the label names in the manifest's order; empty where the schema lists none."""
        return next((f.enum for f in self.fields if f.name == "label" and f.enum), ())

    @property
    def tag(self) -> str:
        """Return `NAME-vX.Y.Z`, the form used in lineage."""
        return f"{self.name}-v{self.version}"

    @property
    def split_names(self) -> tuple[str, ...]:
        """Return the splits that this dataset has, in the order train, valid, test."""
        given = self.named if self.named is not None else self.ratios or {}
        return tuple(name for name in SPLITS if name in given)


def load_manifest(path: Path) -> Manifest:
    """Read and check `dataset.yaml`; raise UsageError with file:line:column at its first fault."""
    return manifest_of(yamlfile.read(path, "dataset"))


def manifest_of(document: yamlfile.Document) -> Manifest:
    """Make a manifest of a document that keeps to the schema; raise UsageError for the rest."""
    path, value = document.path, document.value
    splits = dict(value.get("splits") or {"train": 0.8, "valid": 0.1, "test": 0.1})
    group, seed = splits.pop("group", None), splits.pop("seed", 0)
    fields = tuple(_field(name, spec, document) for name, spec in value["schema"].items())
    if group is not None and group not in {field.name for field in fields}:
        raise UsageError(f"{document.where('splits', 'group')}: group {group!r} is not a field of "
                         "schema; add it there or name another field")
    named = ratios = None
    if all(isinstance(share, (int, float)) for share in splits.values()):
        ratios = {name: float(share) for name, share in splits.items()}
        if abs(sum(ratios.values()) - 1) > 1e-6:
            raise UsageError(f"{document.where('splits')}: the ratios add up to "
                             f"{sum(ratios.values()):g}, not to 1")
        files = tuple(_file(path, item) for item in value.get("files") or _beside(path))
    elif any(isinstance(share, (int, float)) for share in splits.values()):
        raise UsageError(f"{document.where('splits')}: give ratios for all splits, "
                         "or files for all")
    else:
        named = {name: tuple(_file(path, item) for item in _as_list(spec))
                 for name, spec in splits.items()}
        files = tuple(file for group_files in named.values() for file in group_files)
    _refuse_outside(document, files)
    _refuse_twice(document, files)
    language = value.get("language")
    return Manifest(
        path=path, name=value["name"], version=value["version"], fields=fields, files=files,
        ratios=ratios, named=named, group=group, seed=seed,
        checks=_checks(value.get("quality_checks") or {}), test_sha256=value.get("test_sha256"),
        license=value.get("license"),
        languages=() if language is None else tuple(_as_list(language)), document=document)


def _field(name: str, spec: Any, document: yamlfile.Document) -> Field:
    if isinstance(spec, str):
        spec = {"type": spec}
    spec = {key: value for key, value in spec.items() if key != "description"}
    enum = spec.pop("enum", None)
    place = document.where("schema", name)
    if enum:
        spec.setdefault("type", _enum_type(enum, place))
        if spec["type"] != _enum_type(enum, place) and spec["type"] != "number":
            raise UsageError(f"{place}: the enum's values are not of type {spec['type']}; "
                             "put texts in quotes, for YAML reads no, yes, on and off as booleans")
    if name == "text" and spec.get("type", "string") != "string":
        raise UsageError(f"{place}: text is always a string")
    return Field(name, enum=tuple(enum) if enum else None, **spec)


def _enum_type(enum: list[Any], place: str) -> str:
    kinds = {"boolean" if isinstance(item, bool) else "string" if isinstance(item, str)
             else "integer" if isinstance(item, int) else "number" for item in enum}
    if kinds == {"integer", "number"}:
        return "number"
    if len(kinds) > 1:
        raise UsageError(f"{place}: the enum mixes types; put texts in quotes, for YAML reads "
                         "no, yes, on and off as booleans, and 1 as a number")
    return kinds.pop()


def _file(manifest: Path, spec: Any) -> DataFile:
    if isinstance(spec, str):
        return DataFile(manifest.parent / _inside(spec, manifest))
    name = spec["url"].split("?")[0].split("#")[0].rstrip("/").rsplit("/", 1)[-1]
    cache = _repository(manifest) / ".cache" / "data" / spec["sha256"][:16]
    return DataFile(cache / (name or "rows"), url=spec["url"], sha256=spec["sha256"])


def _repository(manifest: Path) -> Path:
    """Return the nearest folder upwards that holds project.yaml or .git, else the manifest's."""
    here = manifest.parent
    for folder in (here, *here.resolve().parents):
        if (folder / "project.yaml").exists() or (folder / ".git").exists():
            return folder
    return here


def _inside(spec: str, manifest: Path) -> Path:
    """Return a row file's path relative to the manifest's folder.

    Both `data/rows.jsonl` (from the repository's root) and `rows.jsonl` are accepted.
    """
    prefix = manifest.parent.name + "/"
    beside = manifest.parent / spec
    if spec.startswith(prefix) and not beside.exists():
        return Path(spec[len(prefix):])
    return Path(spec)


def _refuse_outside(document: yamlfile.Document, files: tuple[DataFile, ...]) -> None:
    root = document.path.resolve().parent
    for file in files:
        if file.url is None and not file.path.resolve().is_relative_to(root):
            raise UsageError(f"{document.where('files')}: {file.path} leads out of {root.name}/; "
                             "row files lie beside the manifest")


def _refuse_twice(document: yamlfile.Document, files: tuple[DataFile, ...]) -> None:
    seen: set[Path] = set()
    for file in files:
        path = file.path.resolve()
        if path in seen:
            raise UsageError(f"{document.where('splits')}: {file.path.name} is named twice; its "
                             "rows would be in two places")
        seen.add(path)


def _beside(path: Path) -> list[str]:
    found = sorted(item.name for item in path.parent.iterdir()
                   if item.name.endswith(ROW_SUFFIXES)) if path.parent.is_dir() else []
    if not found:
        raise UsageError(f"{path}: no `files`, and no row file ({', '.join(ROW_SUFFIXES)}) "
                         "beside it")
    return found


def _checks(given: Any) -> dict[str, Any]:
    checks: dict[str, Any] = {}
    for item in _as_list(given):
        checks.update(item)
    return checks


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
