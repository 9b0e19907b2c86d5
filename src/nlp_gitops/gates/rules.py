"""The rules of `gates.yaml`: read, checked, and changed by flags of the command line."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from nlp_gitops.core import yamlfile
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.files import sha256_text
from nlp_gitops.evaluation.families import FAMILIES, family_of, split_metric

ALIASES = {"val_f1_macro": "f1_macro", "slice_f1": "f1_macro", "val_accuracy": "accuracy",
           "latency_ms.p50": "latency_ms_p50", "latency_ms.p95": "latency_ms_p95",
           "latency_ms.p99": "latency_ms_p99", "tokens.mean": "tokens_mean"}
CALIBRATION = ("ece", "brier", "roc_auc")
COMPARED = ("latency_ratio_p50", "latency_ratio_p95", "broken_ids")
FIGURES = ("latency_ms_p50", "latency_ms_p95", "latency_ms_p99", "tokens_mean", "tokens_p95",
           "cost_mean", "cost_total", "schema_valid_rate", "abstain_rate", "agreement", "leak_rate",
           "wrong_ids",
           *CALIBRATION, *COMPARED)


@dataclass(frozen=True)
class Gate:
    """One rule. Bounds that are None are not judged; `max_drop` is in the metric's unit, or a share
    of the champion's value if `relative`. `marginal` is False for a bound given as a flag. A rule
    with a `task` is for models of that task only.
    """

    id: str
    metric: str
    slices: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    max_drop: float | None = None
    relative: bool = False
    decide: str = "point"
    require: str = "evidence"
    on_inconclusive: str = "warn"
    support_rows: int = 0
    support_per_class: int = 0
    below_support: str = "report"
    severity: str = "fail"
    marginal: bool = True
    suite: str | None = None
    max_fail_rate: Mapping[str, float] = field(default_factory=dict)
    ids: str | None = None
    task: str | None = None
    why: str = ""

    @property
    def needs_champion(self) -> bool:
        """Say whether the whole rule is a comparison."""
        return self.metric in COMPARED


@dataclass(frozen=True)
class Waiver:
    """A gate that someone answers for until a day, that day included."""

    gate: str
    reason: str
    approver: str
    until: date


@dataclass(frozen=True)
class Gates:
    """The whole file; `digest` changes with every rule, bound and reason."""

    gates: tuple[Gate, ...]
    slices: Mapping[str, Mapping[str, Any]]
    waivers: tuple[Waiver, ...]
    confidence: float
    resamples: int
    seed: int
    min_rows: int
    champion_missing: str
    warmup: int
    requests: int
    digest: str
    path: Path = Path("gates.yaml")
    repeat_rows: int = 100
    repeat_times: int = 3

    @property
    def main(self) -> str:
        """Return the quality metric of the first rule that has one; slices are shown in it."""
        found = [gate.metric for gate in self.gates if family_of(gate.metric)]
        return found[0] if found else "f1_macro"


def load_gates(path: Path) -> Gates:
    """Read gates.yaml; raise UsageError with file:line:column at its first fault."""
    document = yamlfile.read(path, "gates")
    value = document.value
    slices = value.get("slices") or {}
    _check_patterns(document, slices)
    stats, latency = value.get("stats") or {}, value.get("latency") or {}
    repeats = value.get("repeats") or {}
    gates = tuple(_gate(document, number, spec, slices)
                  for number, spec in enumerate(value["gates"]))
    return Gates(
        gates=gates, slices=slices, waivers=_waivers(document, [gate.id for gate in gates]),
        confidence=stats.get("confidence", 0.95), resamples=stats.get("resamples", 2000),
        seed=stats.get("seed", 20240613), min_rows=value.get("min_rows", 1),
        champion_missing=(value.get("champion") or {}).get("missing", "absolute_only"),
        warmup=latency.get("warmup", 30), requests=latency.get("requests", 300),
        digest=sha256_text(path.read_text(encoding="utf-8-sig")), path=path,
        repeat_rows=repeats.get("rows", 100), repeat_times=repeats.get("times", 3))


def of_task(gates: Gates, task: str) -> Gates:
    """Return the rules that are for models of a task."""
    return replace(gates, gates=tuple(gate for gate in gates.gates if gate.task in (None, task)))


def canonical(metric: str) -> str:
    """Return a metric's name in this file's words: `val_f1_macro` is `f1_macro`."""
    return ALIASES.get(metric, metric)


def known_metric(metric: str) -> bool:
    """Say whether gates can judge a metric of this canonical name."""
    return metric in FIGURES or family_of(metric) is not None


def override(gates: Gates, metric: str, side: str, bound: float) -> Gates:
    """Return gates whose bound on a metric over all rows is replaced, or added.

    The point value decides against a bound given as a flag. A rule that bounds only the drop keeps
    to that.
    """
    def given(gate: Gate) -> bool:
        return (gate.metric == metric and getattr(gate, side) is not None and not gate.slices
                and not gate.suite)

    rule: dict[str, Any] = {side: bound, "decide": "point", "marginal": False}
    if any(map(given, gates.gates)):
        return replace(gates, gates=tuple(replace(gate, **rule) if given(gate) else gate
                                          for gate in gates.gates))
    name = re.sub("[^a-z0-9]+", "-", f"flag-{metric}".lower()).strip("-")
    extra = Gate(name, metric, why="Given on the command line.")
    return replace(gates, gates=(*gates.gates, replace(extra, **rule)))


def _gate(document: yamlfile.Document, number: int, spec: Mapping[str, Any],
          slices: Mapping[str, Any]) -> Gate:
    def refuse(key: str, message: str) -> UsageError:
        return UsageError(f"{document.where('gates', number, key)}: {message}")

    if spec["id"] in [other["id"] for other in document.value["gates"][:number]]:
        raise refuse("id", f"duplicate gate id {spec['id']!r}; give it another id")
    for name in spec.get("slices", ()):
        if name not in slices:
            raise refuse("slices", f"slice {name!r} is not defined under slices")
    if "suite" in spec:
        return Gate(id=spec["id"], metric="fail_rate", suite=spec["suite"], why=spec["why"],
                    max_fail_rate=spec["max_fail_rate"], severity=spec.get("severity", "fail"),
                    task=spec.get("task"))
    metric = canonical(spec["metric"])
    if not known_metric(metric):
        raise refuse("metric", f"no metric {metric!r}; {suggestion(metric)}")
    if metric in FIGURES and spec.get("slices"):
        raise refuse("slices", f"{metric} is measured over all rows; leave slices out")
    if metric in FIGURES and "max_drop" in spec:
        raise refuse("max_drop", f"{metric} has no max_drop; use max, or min")
    if metric.endswith("_ids") != ("ids" in spec):
        raise refuse("ids", "broken_ids and wrong_ids, and only these, need ids: the file that "
                            "lists the row ids")
    drop, relative = _drop(spec.get("max_drop"))
    require = spec.get("require", "evidence")
    support = spec.get("support") or {}
    return Gate(
        id=spec["id"], metric=metric, slices=tuple(spec.get("slices", ())), min=spec.get("min"),
        max=spec.get("max"), max_drop=drop, relative=relative,
        decide=spec.get("decide", "point"), require=require,
        on_inconclusive=spec.get("on_inconclusive", "fail" if require == "proof" else "warn"),
        support_rows=support.get("rows", 0), support_per_class=support.get("per_class", 0),
        below_support=spec.get("below_support", "report"),
        severity=spec.get("severity", "fail"), ids=spec.get("ids"),
        task=spec.get("task"), why=spec["why"])


def _drop(value: float | str | None) -> tuple[float | None, bool]:
    if isinstance(value, str):
        return float(value.removesuffix("%")) / 100, True
    return value, False


def suggestion(metric: str) -> str:
    """Return what an unknown metric may have meant, or the names there are."""
    known = [*FIGURES, *(name for family in FAMILIES for name in family.metrics),
             *(f"{name}[LABEL]" for family in FAMILIES for name in family.label_metrics)]
    close = difflib.get_close_matches(split_metric(metric)[0], known, 1)
    return f"did you mean {close[0]}?" if close else "there are " + ", ".join(sorted(known))


def _check_patterns(document: yamlfile.Document, slices: Mapping[str, Any]) -> None:
    for name, spec in slices.items():
        for part in spec.get("all", [spec]):
            rule = part.get("regex")
            if rule is None:
                continue
            try:
                re.compile(rule if isinstance(rule, str) else rule["match"])
            except re.error as error:
                raise UsageError(f"{document.where('slices', name)}: not a regular expression: "
                                 f"{error}") from None


def _waivers(document: yamlfile.Document, ids: list[str]) -> tuple[Waiver, ...]:
    found = []
    for number, spec in enumerate(document.value.get("waivers") or ()):
        place = document.where("waivers", number, "gate")
        if spec["gate"] not in ids:
            raise UsageError(f"{place}: no gate {spec['gate']!r}; there are {', '.join(ids)}")
        try:
            until = date.fromisoformat(spec["until"])
        except ValueError:
            raise UsageError(f"{document.where('waivers', number, 'until')}: {spec['until']!r} is "
                             "no date; write it like 2026-03-31") from None
        found.append(Waiver(spec["gate"], spec["reason"], spec["approver"], until))
    return tuple(found)
