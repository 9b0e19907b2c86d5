"""`project.yaml`, the one settings file: the project, its models, stages and registry."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nlp_gitops.core import yamlfile
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import check_model_name

SCHEMA = Path(__file__).resolve().parents[1] / "schemas" / "project.schema.json"
_BCP47 = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?"
                    r"(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(-x(-[A-Za-z0-9]{1,8})+)?")


@dataclass(frozen=True)
class ModelSettings:
    """One model: the dotted path of its class, its parameters, and the prompt it uses, if any."""

    name: str
    kind: str
    task: str
    params: Mapping[str, Any]
    prompt: str | None
    description: str


@dataclass(frozen=True)
class RegistrySettings:
    """Stage order, stages that may be skipped, and where and how versions are kept.

    `artifacts` is the folder for archives of a remote that is not GitHub. Production takes only
    commits on `protected_branch`; None takes any. `sign` asks for SSH-signed tags, and `verify`
    checks them against `allowed_signers`, and attestations of builds by `attestation_root`; None
    is the root of Sigstore's public instance. `frozen` says why nothing may go to production now.
    """

    stages: tuple[str, ...] = ("staging", "shadow", "production")
    skippable: frozenset[str] = frozenset({"shadow"})
    artifacts: str | None = None
    protected_branch: str | None = "main"
    github_host: str | None = None
    sign: bool = False
    allowed_signers: str | None = None
    attestation_root: str | None = None
    frozen: str | None = None


@dataclass(frozen=True)
class Contacts:
    """Whom to turn to in an incident, as texts for people; None is not set."""

    on_call: str | None = None
    escalation: str | None = None
    channel: str | None = None
    status_page: str | None = None


@dataclass(frozen=True)
class ServiceSettings:
    """What the service takes at most, and what its log keeps of a text.

    `seconds` is the time for a body to arrive, and for an answer. `log_text` is `masked`, `keyed`,
    `hashed` or `none` (see `serving/prediction_log.py`); a log file is closed at `log_bytes`,
    and then copied to `log_url`. Texts of more than `max_tokens` tokens are counted as overruns.
    `answer` and `application` are dotted paths: what becomes of a prediction, and the service.
    """

    max_body_bytes: int = 1_000_000
    max_text_characters: int = 20_000
    max_batch: int = 256
    max_concurrent: int = 64
    seconds: float = 10.0
    log_text: str = "masked"
    log_bytes: int = 64_000_000
    log_url: str | None = None
    max_tokens: int | None = None
    answer: str = "nlp_gitops.serving.application:answer"
    application: str = "nlp_gitops.serving.application:application"


@dataclass(frozen=True)
class DriftSettings:
    """Where logs and labels lie (folders or URLs), and when drift is an alarm.

    `slices` are fields of a row and of a log line. `bounds` and the least numbers of lines are
    explained in `drift/judge.py`; `min_accuracy` makes a lower estimate CRITICAL. `owners`
    are named in the issue. Without settings of their own logs are those of `make serve`.
    """

    logs: str | None = None
    feedback: str | None = None
    days: int = 7
    reference_days: int = 28
    slices: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    alpha: float = 0.01
    min_rows: int = 500
    min_slice_rows: int = 200
    bounds: Mapping[str, float] = field(default_factory=dict)
    min_accuracy: float | None = None
    mmd: bool = False
    calibration: str = "drift_calibration.json"
    embedder: str | None = None


@dataclass(frozen=True)
class LlmSettings:
    """How a command may ask a provider. `max_cost` and `max_tokens` end it with exit code 3.

    `concurrency` is the number of requests on their way at once.
    """

    max_cost: float | None = None
    max_tokens: int | None = None
    concurrency: int = 8
    requests_per_minute: float | None = None
    cassettes: str = "tests/cassettes"


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
    metrics: tuple[str, ...] = ()
    service: ServiceSettings = ServiceSettings()
    drift: DriftSettings = DriftSettings()
    llm: LlmSettings = LlmSettings()
    auto_promotion: bool = False
    private_names: Path | None = None
    contacts: Contacts = Contacts()

    def where(self, *keys: str | int) -> str:
        """Return `file:line:column` of a value in project.yaml."""
        from nlp_gitops.core import yamlfile

        return yamlfile.read(self.root / "project.yaml").where(*keys)

    def model(self, name: str | None = None) -> ModelSettings:
        """Return the named model's settings; without a name the first one's."""
        if name is None:
            return next(iter(self.models.values()))
        check_model_name(name)
        if name not in self.models:
            raise UsageError(f"{self.root / 'project.yaml'}: no model {name!r}; there are "
                             + ", ".join(self.models))
        return self.models[name]

    def option(self, name: str) -> str:
        """Return what a command needs to mean this model; nothing for the first one."""
        return "" if name == self.model().name else f" --model {name}"


def find_root(start: Path | None = None) -> Path:
    """Return the repository's root: the nearest folder upwards that holds project.yaml."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "project.yaml").is_file():
            return folder
    raise UsageError(f"{here}: no project.yaml here or above; run this inside the repository")


def load_project(root: Path | None = None) -> Project:
    """Read and check project.yaml; raise UsageError with file:line:column at its first fault.

    A file that was checked once is not parsed again until it changes: that is most of the time
    that a short command like `registry.py show` would take.
    """
    root = root or find_root()
    path = root / "project.yaml"
    value = yamlfile.recall(path, SCHEMA, Path(__file__))
    if value is None:
        value = _checked(path)
        yamlfile.remember(value, path, SCHEMA, Path(__file__))
    names = (value.get("privacy") or {}).get("names")
    models = {name: ModelSettings(
        name=name, kind=spec["class"], task=spec.get("task", value["task"]),
        params=spec.get("params") or {}, prompt=spec.get("prompt"),
        description=spec.get("description", value["description"]))
        for name, spec in value["models"].items()}
    promotion = value.get("promotion") or {}
    return Project(
        root=root, name=value["name"], description=value["description"], owner=value["owner"],
        github_owner=value["github_owner"], task=value["task"], language=value["language"],
        license=value["license"], dataset=root / value.get("dataset", "data/dataset.yaml"),
        prompts=root / value.get("prompts", "prompts"),
        gates=root / value.get("gates", "gates.yaml"), models=models,
        registry=replace(_registry(value.get("registry") or {}), frozen=promotion.get("frozen")),
        tracking=tuple(value.get("tracking") or ()),
        metrics=tuple(value.get("metrics") or ()),
        service=ServiceSettings(**value.get("service") or {}),
        drift=_drift(value.get("drift") or {}), llm=LlmSettings(**value.get("llm") or {}),
        auto_promotion=promotion.get("auto", False),
        contacts=Contacts(**value.get("contacts") or {}),
        private_names=root / names if names else None)


def _checked(path: Path) -> dict[str, Any]:
    """Return the values of project.yaml after every check that can fail."""
    from nlp_gitops.core import yamlfile

    document = yamlfile.read(path, "project")
    value = document.value
    for key, check in (("license", check_license), ("language", check_language)):
        try:
            check(value[key])
        except UsageError as error:
            raise UsageError(f"{document.where(key)}: {error}") from None
    for name in value["models"]:
        try:
            check_model_name(name)
        except UsageError as error:
            raise UsageError(f"{document.where('models', name)}: {error}") from None
    settings = _registry(value.get("registry") or {})
    if settings.stages[0] != "staging" or settings.stages[-1] != "production":
        raise UsageError(f"{document.where('registry', 'stages')}: the order must begin with "
                         "staging and end with production")
    if not settings.skippable < set(settings.stages[1:-1]) | {""}:
        raise UsageError(f"{document.where('registry', 'may_skip')}: only stages between staging "
                         "and production can be skipped")
    return value


def _registry(spec: Mapping[str, Any]) -> RegistrySettings:
    default = RegistrySettings()
    stages = tuple(spec.get("stages", default.stages))
    return RegistrySettings(
        stages, frozenset(spec.get("may_skip", default.skippable & set(stages))),
        spec.get("artifacts"), spec.get("protected_branch", "main"), spec.get("github_host"),
        spec.get("sign", False), spec.get("allowed_signers"), spec.get("attestation_root"))


def _drift(spec: Mapping[str, Any]) -> DriftSettings:
    lists = {name: tuple(spec[name]) for name in ("slices", "owners") if name in spec}
    return DriftSettings(**{**spec, **lists})


def check_license(text: str) -> str:
    """Return the licence, or raise UsageError: an SPDX expression or `internal`."""
    if text == "internal":
        return text
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        raise UsageError(f"{text!r} is not a valid SPDX licence; write for example "
                         "Apache-2.0, CC-BY-4.0, or internal") from None


def check_language(text: str) -> str:
    """Return the language tag, or raise UsageError: BCP 47 such as en or pt-BR."""
    if not _BCP47.fullmatch(text):
        raise UsageError(f"{text!r} is no BCP 47 language tag; write for example en, de or pt-BR")
    return text
