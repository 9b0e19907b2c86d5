"""A report as typed parts, ready to be shown.

A report may come from an older version or from a fork's pull request. So nothing in it is trusted:
what is missing or has the wrong type becomes None or empty, and every text is one line, cut, and
without personal data or control characters. Renderers only lay out and escape.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nlp_gitops.privacy.sensitive import mask

REPORT_SCHEMA = "nlp-gitops/report/1"
WORST_FIRST = ("FAIL", "NOT_MEASURED", "INCONCLUSIVE", "WARN", "PASS")
NAME, TEXT, REASON = 80, 200, 400
SHOWN_ROWS = 10
SHOWN_LINES = 200

Pair = tuple[float, float]

# What would break a line, a terminal or an XML parser, or turn the direction of the page's text.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Waiver:
    """A gate that someone answers for until a day."""

    reason: str
    approver: str
    until: str
    expired: bool


@dataclass(frozen=True)
class Gate:
    """One rule as it was judged, on all rows or on a slice."""

    id: str
    metric: str
    slice: str
    value: float | None
    interval: Pair | None
    bound: float | None
    side: str
    champion: float | None
    delta: float | None
    delta_interval: Pair | None
    max_drop: float | None
    n: float | None
    mde: float | None
    rows_needed: float | None
    verdict: str
    counts_as: str
    severity: str
    why: str
    reason: str
    waiver: Waiver | None

    @property
    def blocks(self) -> bool:
        """Say whether this gate alone keeps the model out."""
        return self.counts_as in ("FAIL", "NOT_MEASURED", "INCONCLUSIVE")

    @property
    def waived(self) -> bool:
        """Say whether a waiver holds."""
        return self.waiver is not None and not self.waiver.expired


@dataclass(frozen=True)
class Slice:
    """The model's quality on some of the rows."""

    name: str
    n: float | None
    value: float | None
    interval: Pair | None
    bound: float | None
    champion: float | None
    delta: float | None
    delta_interval: Pair | None

    @property
    def misses(self) -> bool:
        """Say whether the value lies below the bound."""
        return self.value is not None and self.bound is not None and self.value < self.bound

    @property
    def verdict(self) -> str:
        """Return FAIL below the bound, else nothing."""
        return "FAIL" if self.misses else ""


@dataclass(frozen=True)
class LabelScore:
    """The quality of one label."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: float | None


@dataclass(frozen=True)
class Confusion:
    """Counts by gold label (rows) and predicted label (columns)."""

    labels: Sequence[str]
    counts: Sequence[Sequence[float]]
    champion: Sequence[Sequence[float]] | None


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same confidence."""

    start: float
    end: float
    confidence: float | None
    accuracy: float | None
    n: float


@dataclass(frozen=True)
class Latency:
    """How long single predictions took: `counts[i]` lie between `edges[i]` and `edges[i+1]`."""

    edges: Sequence[float]
    counts: Sequence[float]
    champion: Sequence[float] | None
    requests: float | None
    ratios: Mapping[str, float]


@dataclass(frozen=True)
class ChangedRow:
    """A row that one of the two models has right and the other wrong."""

    id: str
    text: str
    label: str
    champion: str
    prediction: str


@dataclass(frozen=True)
class Fault:
    """A row for which a provider gave no answer that could be accepted, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Behaviour:
    """One behavioural test and how often it failed."""

    name: str
    suite: str
    kind: str
    n: float | None
    failed: float | None
    examples: Sequence[str]

    @property
    def title(self) -> str:
        """Return the name with the suite it belongs to."""
        return f"{self.suite}: {self.name}" if self.suite else self.name

    @property
    def verdict(self) -> str:
        """Return FAIL if a case failed, else nothing."""
        return "FAIL" if self.failed else ""


@dataclass(frozen=True)
class Champion:
    """What the model was compared with; `status` is COMPARED, NOT_COMPARED or NONE."""

    version: str
    status: str
    why: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class View:
    """The whole report. Gates and slices stand worst first."""

    verdict: str
    headline: str
    model: str
    run: str
    created: str
    confidence: float
    metrics: Mapping[str, float]
    champion: Champion
    gates: Sequence[Gate]
    slices: Sequence[Slice]
    per_class: Sequence[LabelScore]
    confusion: Confusion | None
    bins: Sequence[Bin]
    latency: Latency | None
    broken: Sequence[ChangedRow]
    fixed: Sequence[ChangedRow]
    broken_total: int
    fixed_total: int
    rows_compared: bool
    prompt_change: Sequence[str]
    faults: Sequence[Fault]
    faults_total: int
    behaviour: Sequence[Behaviour]
    hints: Sequence[str]
    lineage: Mapping[str, str]


def shown(value: object, limit: int = NAME) -> str:
    """Return anything as one short line without personal data and control characters."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return _line(text, limit)


# The thousands of reports of a registry say the same few things.
@lru_cache(maxsize=10_000)
def _line(text: str, limit: int) -> str:
    text = mask(_UNSHOWN.sub("\ufffd", " ".join(text.split())))
    return text if len(text) <= limit else text[:limit - 1].rstrip() + "…"


def diff_line(line: object) -> str:
    """Return a line of `prompts.diff.lines`; an unchanged "- x" must not look removed."""
    text = shown(line, REASON)
    return f"· {text}" if str(line).startswith("   ") else text


def number(value: object) -> float | None:
    """Return a number that can be drawn, or None. Nothing measured here is beyond 10 to the 15."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return None
    return float(value)


def view(report: Mapping[str, Any]) -> View:
    """Return the report's typed parts."""
    created = shown(report.get("created"))
    gates = sorted((_gate(item, created) for item in _items(report.get("gates"))), key=_badness)
    changed = _mapping(report.get("changed_rows"))
    faults = _mapping(report.get("faults"))
    broken, fixed = _changed(changed.get("broken")), _changed(changed.get("fixed"))
    return View(
        # A pass without a gate is no pass.
        verdict=_verdict(report.get("verdict")) if gates else "NOT_MEASURED",
        headline=shown(report.get("headline"), REASON) or _headline(gates),
        model=shown(report.get("model")) or "model", run=shown(report.get("run"), TEXT),
        created=created, confidence=number(report.get("confidence")) or 0.95,
        metrics=_numbers(report.get("metrics")),
        champion=_champion(report.get("champion")), gates=gates,
        slices=sorted(map(_slice, _items(report.get("slices"))), key=_margin),
        per_class=sorted(map(_label_score, _mapping(report.get("per_class")).items()),
                         key=lambda item: -1.0 if item.f1 is None else item.f1),
        confusion=_confusion(_mapping(report.get("confusion"))),
        bins=_bins(_mapping(report.get("calibration"))),
        latency=_latency(_mapping(report.get("latency"))),
        broken=broken[:SHOWN_ROWS], fixed=fixed[:SHOWN_ROWS],
        broken_total=_total(changed.get("broken_total"), broken),
        fixed_total=_total(changed.get("fixed_total"), fixed), rows_compared=bool(changed),
        prompt_change=[diff_line(line) for line in _list(report.get("prompt_change"))
                       [:SHOWN_LINES]],
        faults=[Fault(shown(item.get("id")), shown(item.get("fault"), REASON))
                for item in _items(faults.get("rows"))[:SHOWN_ROWS]],
        faults_total=int(number(faults.get("total")) or 0),
        behaviour=sorted(map(_behaviour, _items(report.get("behaviour"))),
                         key=lambda item: -(item.failed or 0)),
        hints=[shown(hint, REASON) for hint in _list(report.get("hints")) if hint],
        lineage={shown(key): shown(value, TEXT)
                 for key, value in _flat(_mapping(report.get("lineage")))})


def _gate(item: Mapping[str, Any], created: str) -> Gate:
    figures = {key: number(item.get(key)) for key in (
        "value", "bound", "champion", "delta", "max_drop", "n", "mde", "rows_needed")}
    side, waiver = item.get("side"), _waiver(_mapping(item.get("waiver")), created)
    severity = "warn" if item.get("severity") == "warn" else "fail"
    return Gate(
        id=shown(item.get("id")) or "gate", metric=shown(item.get("metric")),
        slice=shown(item.get("slice")), interval=_pair(item.get("interval")),
        side=side if side in ("min", "max", "drop") else "min",
        delta_interval=_pair(item.get("delta_interval")), verdict=_verdict(item.get("verdict")),
        counts_as=_counts_as(item, severity, waiver), severity=severity,
        why=shown(item.get("why"), REASON), reason=shown(item.get("reason"), REASON),
        waiver=waiver, **figures)


def _counts_as(item: Mapping[str, Any], severity: str, waiver: Waiver | None) -> str:
    """Return what the policy made of the verdict: as recorded, else by severity and waiver."""
    verdict = _verdict(item.get("verdict"))
    if item.get("counts_as") in WORST_FIRST:
        return str(item["counts_as"])
    excused = severity == "warn" or verdict == "INCONCLUSIVE" or (waiver and not waiver.expired)
    return "WARN" if excused and verdict != "PASS" else verdict


def _waiver(item: Mapping[str, Any], created: str) -> Waiver | None:
    if not item:
        return None
    until = shown(item.get("until"))
    return Waiver(shown(item.get("reason"), REASON), shown(item.get("approver")), until,
                  bool(until and created and until[:10] < created[:10]))


def _badness(gate: Gate) -> tuple[int, bool, bool, float]:
    """Return a sort key: worst verdict first, what blocks before what warns, then by distance."""
    distance = 0.0
    if gate.value is not None and gate.bound is not None:
        distance = (gate.value - gate.bound) / (abs(gate.bound) or 1.0)
        distance = -distance if gate.side == "max" else distance
    return WORST_FIRST.index(gate.verdict), not gate.blocks, gate.severity == "warn", distance


def _slice(item: Mapping[str, Any]) -> Slice:
    figures = {key: number(item.get(key)) for key in ("n", "value", "bound", "champion", "delta")}
    return Slice(name=shown(item.get("name")) or "slice", interval=_pair(item.get("interval")),
                 delta_interval=_pair(item.get("delta_interval")), **figures)


def _margin(item: Slice) -> tuple[bool, float]:
    """Return a sort key: missed bounds first, then by distance to the bound, or by value."""
    if item.value is None:
        return True, math.inf
    return not item.misses, item.value - (item.bound or 0.0)


def _headline(gates: Sequence[Gate]) -> str:
    bad = [gate.reason or f"{gate.id} is {gate.verdict}" for gate in gates
           if gate.verdict != "PASS"]
    if not bad:
        return f"{len(gates)} gates passed" if gates else "no gate was judged"
    more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
    return "; ".join(bad[:3]) + more


def _champion(value: object) -> Champion:
    item = _mapping(value)
    status = item.get("status")
    if status not in ("COMPARED", "NOT_COMPARED", "NONE"):
        status = "COMPARED" if item.get("metrics") else "NOT_COMPARED" if item else "NONE"
    return Champion(shown(item.get("version")), str(status), shown(item.get("why"), REASON),
                    _numbers(item.get("metrics")))


def _label_score(item: tuple[str, Any]) -> LabelScore:
    figures = _mapping(item[1])
    return LabelScore(shown(item[0]), **{key: number(figures.get(key)) for key in (
        "precision", "recall", "f1", "support")})


def _confusion(item: Mapping[str, Any]) -> Confusion | None:
    labels = [shown(label) for label in _list(item.get("labels"))]
    counts = _square(item.get("counts"), len(labels))
    if not labels or counts is None:
        return None
    return Confusion(labels, counts, _square(item.get("champion_counts"), len(labels)))


def _square(value: object, side: int) -> list[list[float]] | None:
    rows = [_counts(row) for row in _list(value)]
    if len(rows) != side or any(row is None or len(row) != side for row in rows):
        return None
    return [row for row in rows if row is not None]


def _bins(item: Mapping[str, Any]) -> list[Bin]:
    bins = []
    for part in _items(item.get("bins")):
        start, end = number(part.get("from")), number(part.get("to"))
        if start is not None and end is not None and 0 <= start < end <= 1:
            bins.append(Bin(start, end, number(part.get("confidence")),
                            number(part.get("accuracy")), number(part.get("n")) or 0.0))
    return bins


def _latency(item: Mapping[str, Any]) -> Latency | None:
    edges, counts = _counts(item.get("edges")), _counts(item.get("counts"))
    if not edges or not counts or len(edges) != len(counts) + 1 or edges != sorted(set(edges)):
        return None
    champion = _counts(item.get("champion_counts"))
    ratios = {key: number(item.get(f"ratio_{key}")) for key in ("p50", "p95")}
    return Latency(edges, counts, champion if champion and len(champion) == len(counts) else None,
                   number(item.get("requests")),
                   {key: value for key, value in ratios.items() if value is not None})


def _changed(value: object) -> list[ChangedRow]:
    return [ChangedRow(shown(row.get("id")), shown(row.get("text"), TEXT), shown(row.get("label")),
                       shown(row.get("champion")), shown(row.get("prediction")))
            for row in _items(value)]


def _behaviour(item: Mapping[str, Any]) -> Behaviour:
    return Behaviour(shown(item.get("name")), shown(item.get("suite")), shown(item.get("kind")),
                     number(item.get("n")), number(item.get("failed")),
                     [shown(example, TEXT) for example in _list(item.get("examples"))[:3]])


def _verdict(value: object) -> str:
    # An unknown word is never read as a pass.
    return str(value) if value in WORST_FIRST else "NOT_MEASURED"


def _total(value: object, rows: Sequence[ChangedRow]) -> int:
    return max(int(number(value) or 0), len(rows))


def _pair(value: object) -> Pair | None:
    numbers = [number(part) for part in _list(value)]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return None
    return min(numbers[0], numbers[1]), max(numbers[0], numbers[1])


def _counts(value: object) -> list[float] | None:
    numbers = [number(part) for part in _list(value)]
    kept = [part for part in numbers if part is not None and part >= 0]
    return kept if len(kept) == len(numbers) else None


def _numbers(value: object) -> dict[str, float]:
    pairs = ((shown(key), number(part)) for key, part in _mapping(value).items())
    return {key: part for key, part in pairs if part is not None}


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, part in value.items():
        name = f"{prefix}{key}"
        pairs += (_flat(part, f"{name} ") if isinstance(part, Mapping) and not prefix
                  else [(name, part)])
    return [(name, part) for name, part in pairs if part is not None]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in _list(value) if isinstance(item, Mapping)]
