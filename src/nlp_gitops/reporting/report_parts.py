"""The parts of a report, typed. What was not measured is None; every text is fit to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Pair = tuple[float, float]


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
