"""`project.yaml`, the one settings file: the project, its models, stages and registry."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from mlops import yamlfile
from mlops.errors import UsageError
from mlops.names import check_model_name

_BCP47 = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?"
                    r"(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(-x(-[A-Za-z0-9]{1,8})+)?")


@dataclass(frozen=True)
class ModelSettings:
    """One model: which class of `nlp/`, its parameters, and the prompt it uses, if any."""

    name: str
    kind: str
    task: str
    params: Mapping[str, Any]
    prompt: str | None
    description: str


@dataclass(frozen=True)
class RegistrySettings:
    """Stage order, stages that may be skipped, and where a non-GitHub remote keeps artifacts."""

    stages: tuple[str, ...]
    skippable: frozenset[str]
    artifacts: str | None


@dataclass(frozen=True)
class Project:
    """The settings of one repository. All paths are absolute."""

    root: Path
    name: str
    description: str
    owner: str
    github_owner: str
    task: str
    language: str
    license: str
    dataset: Path
    prompts: Path
    gates: Path
    models: Mapping[str, ModelSettings]
    registry: RegistrySettings
    tracking: tuple[str, ...] = ()

    def model(self, name: str | None = None) -> ModelSettings:
        """Return the named model's settings; without a name the first one's."""
        if name is None:
            return next(iter(self.models.values()))
        check_model_name(name)
        if name not in self.models:
            raise UsageError(f"{self.root / 'project.yaml'}: no model {name!r}; there are "
                             + ", ".join(self.models))
        return self.models[name]


def find_root(start: Path | None = None) -> Path:
    """Return the repository's root: the nearest folder upwards that holds project.yaml."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "project.yaml").is_file():
            return folder
    raise UsageError(f"{here}: no project.yaml here or above; run this inside the repository")


def load_project(root: Path | None = None) -> Project:
    """Read and check project.yaml; raise UsageError with file:line:column at its first fault."""
    root = root or find_root()
    document = yamlfile.read(root / "project.yaml", "project")
    value = document.value
    for key, check in (("license", check_license), ("language", check_language)):
        try:
            check(value[key])
        except UsageError as error:
            raise UsageError(f"{document.where(key)}: {error}") from None
    models = {name: _model(name, spec, value, document)
              for name, spec in value["models"].items()}
    return Project(
        root=root, name=value["name"], description=value["description"], owner=value["owner"],
        github_owner=value["github_owner"], task=value["task"], language=value["language"],
        license=value["license"], dataset=root / value.get("dataset", "data/dataset.yaml"),
        prompts=root / value.get("prompts", "prompts"),
        gates=root / value.get("gates", "gates.yaml"), models=models,
        registry=_registry(value.get("registry") or {}, document),
        tracking=tuple(value.get("tracking") or ()))


def check_license(text: str) -> str:
    """Return the licence, or raise UsageError: an SPDX expression or `internal`."""
    if text == "internal":
        return text
    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        raise UsageError(f"{text!r} is no SPDX licence; write for example Apache-2.0, CC-BY-4.0, "
                         "or internal") from None


def check_language(text: str) -> str:
    """Return the language tag, or raise UsageError: BCP 47 such as en or pt-BR."""
    if not _BCP47.fullmatch(text):
        raise UsageError(f"{text!r} is no BCP 47 language tag; write for example en, de or pt-BR")
    return text


def _model(name: str, spec: Mapping[str, Any], project: Mapping[str, Any],
           document: yamlfile.Document) -> ModelSettings:
    try:
        check_model_name(name)
    except UsageError as error:
        raise UsageError(f"{document.where('models', name)}: {error}") from None
    return ModelSettings(name=name, kind=spec["class"], task=spec.get("task", project["task"]),
                         params=spec.get("params") or {}, prompt=spec.get("prompt"),
                         description=spec.get("description", project["description"]))


def _registry(spec: Mapping[str, Any], document: yamlfile.Document) -> RegistrySettings:
    stages = tuple(spec.get("stages", ("staging", "shadow", "production")))
    skippable = frozenset(spec.get("may_skip", ("shadow",)))
    if stages[0] != "staging" or stages[-1] != "production":
        raise UsageError(f"{document.where('registry', 'stages')}: the order must begin with "
                         "staging and end with production")
    if not skippable < set(stages[1:-1]) | {""}:
        raise UsageError(f"{document.where('registry', 'may_skip')}: only stages between staging "
                         "and production can be skipped")
    return RegistrySettings(stages, skippable, spec.get("artifacts"))
