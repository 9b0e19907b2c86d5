"""Gates: the rules of `gates.yaml`, and the verdict on what was measured.

Nothing passes by absence: an empty slice, a missing metric or a value that is no number is
NOT_MEASURED, and so is the whole verdict unless something failed outright.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops import metrics, slices, yamlfile
from mlops.dataset.rows import Row
from mlops.errors import UsageError
from mlops.files import sha256_text

VERDICTS = ("PASS", "WARN", "INCONCLUSIVE", "NOT_MEASURED", "FAIL")
EXIT_CODES = {"PASS": 0, "WARN": 0, "INCONCLUSIVE": 0, "FAIL": 1, "NOT_MEASURED": 3}


@dataclass(frozen=True)
class Gate:
    """One rule: a metric, on all rows or on slices, with a bound on one side or both."""

    id: str
    metric: str
    slices: tuple[str, ...]
    min: float | None
    max: float | None
    why: str


@dataclass(frozen=True)
class Gates:
    """The whole file; `digest` changes with every rule, bound and reason."""

    gates: tuple[Gate, ...]
    slices: Mapping[str, Mapping[str, Any]]
    warmup: int
    requests: int
    digest: str


@dataclass(frozen=True)
class Verdict:
    """One gate judged, for all rows (`slice` is None) or for one slice. `n` counts rows."""

    id: str
    metric: str
    slice: str | None
    value: float | None
    bound: float
    side: str
    n: int
    verdict: str
    why: str
    reason: str


def load_gates(path: Path) -> Gates:
    """Read gates.yaml; raise UsageError with file:line:column at its first fault."""
    document = yamlfile.read(path, "gates")
    value = document.value
    defined = value.get("slices") or {}
    seen: set[str] = set()
    gates = []
    for number, spec in enumerate(value["gates"]):
        if spec["id"] in seen:
            raise UsageError(f"{document.where('gates', number, 'id')}: gate {spec['id']!r} stands "
                             "twice; give it another id")
        seen.add(spec["id"])
        for name in spec.get("slices", ()):
            if name not in defined:
                raise UsageError(f"{document.where('gates', number, 'slices')}: slice {name!r} is "
                                 "not defined under slices")
        if spec.get("slices") and spec["metric"].startswith("latency"):
            raise UsageError(f"{document.where('gates', number, 'slices')}: latency is measured "
                             "over all rows; leave slices out")
        gates.append(Gate(spec["id"], spec["metric"], tuple(spec.get("slices", ())),
                          spec.get("min"), spec.get("max"), spec["why"]))
    latency = value.get("latency") or {}
    return Gates(tuple(gates), defined, latency.get("warmup", 30), latency.get("requests", 300),
                 sha256_text(path.read_text(encoding="utf-8-sig")))


def override(gates: Gates, metric: str, side: str, bound: float) -> Gates:
    """Return gates whose bound on a metric over all rows is replaced, or added."""
    changed = tuple(replace(gate, **{side: bound}) if gate.metric == metric and not gate.slices
                    else gate for gate in gates.gates)
    if changed == gates.gates and not any(
            gate.metric == metric and not gate.slices and getattr(gate, side) == bound
            for gate in gates.gates):
        extra = Gate(f"flag-{metric}".replace("_", "-"), metric, (), None, None,
                     "Given on the command line.")
        changed += (replace(extra, **{side: bound}),)
    return replace(gates, gates=changed)


def judge(gates: Gates, rows: Sequence[Row], predicted: Sequence[str],
          latency: Mapping[str, float]) -> list[Verdict]:
    """Return a verdict for every gate and slice. `rows` and `predicted` have n entries each."""
    verdicts = []
    for gate in gates.gates:
        for name, indexes in _parts(gate, gates, rows):
            if gate.metric.startswith("latency"):
                value, n = latency.get(gate.metric, math.nan), int(latency.get("requests", 0))
            else:
                value, n = quality(gate.metric, rows, predicted, indexes), len(indexes)
            verdicts += [_verdict(gate, name, value, n, side)
                         for side in ("min", "max") if getattr(gate, side) is not None]
    return verdicts


def quality(metric: str, rows: Sequence[Row], predicted: Sequence[str],
            indexes: Sequence[int]) -> float:
    """Return `f1_macro` or `accuracy` over some rows; NaN if there are none."""
    gold = [str(rows[index]["label"]) for index in indexes]
    guess = [predicted[index] for index in indexes]
    matrix = metrics.confusion(gold, guess, sorted({*gold, *guess}))
    return metrics.f1_macro(matrix) if metric == "f1_macro" else metrics.accuracy(matrix)


def overall(verdicts: Sequence[Verdict]) -> str:
    """Return the worst verdict; nothing judged is NOT_MEASURED."""
    return max((item.verdict for item in verdicts), key=VERDICTS.index, default="NOT_MEASURED")


def _parts(gate: Gate, gates: Gates, rows: Sequence[Row]) -> list[tuple[str | None, list[int]]]:
    if not gate.slices:
        return [(None, list(range(len(rows))))]
    parts: list[tuple[str | None, list[int]]] = []
    for name in gate.slices:
        found = slices.members(gates.slices[name], name, rows)
        parts += found.items() if found else [(name, [])]
    return parts


def _verdict(gate: Gate, name: str | None, value: float, n: int, side: str) -> Verdict:
    bound = getattr(gate, side)
    where = f"{gate.metric} of {name}" if name else gate.metric
    if not n or not math.isfinite(value):
        missing = "no rows" if not n else "no number"
        return Verdict(gate.id, gate.metric, name, None, bound, side, n, "NOT_MEASURED", gate.why,
                       f"{where} was not measured ({missing})")
    passed = value >= bound if side == "min" else value <= bound
    relation = ("below" if side == "min" else "above") if not passed else "within"
    unit = " ms" if gate.metric.startswith("latency") else ""
    shown = f"{value:.1f}" if unit else f"{value:.3f}"
    return Verdict(gate.id, gate.metric, name, value, bound, side, n,
                   "PASS" if passed else "FAIL", gate.why,
                   f"{where} {shown}{unit} is {relation} {bound:g}{unit}")
