"""Is the candidate worse than the champion on live traffic, or may it be promoted?

Pure functions over counts. Two questions, each answered with a bounded error however often one
looks:

- *Harm*: an e-process (`EProcess`) for each kind of bad answer; it ends the canary at once.
  All kinds together roll back an equally good candidate with a probability of at most `alpha`.
- *Promotion*: after `least`, 2 `least`, 4 `least` … answers of the candidate, the upper bound of
  the difference of shares must lie below the margin of each kind. The k-th of these looks spends
  `promote_alpha` / 2^k, so a candidate worse than a margin is promoted with at most that
  probability. The bound is Newcombe's (1998, method 10). No label's share may have moved by
  `label_margin` either; where one surely has, a person should judge: INCONCLUSIVE.

The e-process is the 2x2 safe test of Turner, Ly and Grünwald (2022, "Generic E-variables for exact
sequential k-sample tests"). A block holds `n_a` answers of the champion, `k_a` of them bad, and
`n_b` and `k_b` of the candidate. Its factor is

    (t_a/t_0)^k_a ((1-t_a)/(1-t_0))^(n_a-k_a) (t_b/t_0)^k_b ((1-t_b)/(1-t_0))^(n_b-k_b)

with t_0 = (n_a t_a + n_b t_b) / (n_a + n_b). If both shares are equal within each block, or the
candidate's is smaller, the product of factors has an expectation of at most 1, also where the
shares move from block to block, so it ever reaches 1/alpha with a probability of at most alpha.

t_a comes from the champion's past blocks. How much worse a bad candidate is nobody knows, so the
wealth is spread over several answers to that; their mean is an e-process as well.

With a `cap` no single block multiplies the wealth by more. Slow answers come in bursts: a process
that stalls for a moment makes all its answers slow. If stalls hit both processes equally often, a
cap of 2 keeps the expectation at most 1 however many answers one stall holds: for each block that
doubles the wealth there is, on average, one in which the champion stalled and it is nearly lost.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nlp_gitops.evaluation.statistics import wilson

# A bad candidate's share, as a multiple of the champion's.
MULTIPLES = (1.5, 2.0, 3.0, 6.0, 12.0, 30.0, 100.0)
# Before anything was seen, the champion is taken to be wrong on 1 of 200.
_PRIOR_BAD, _PRIOR_ALL = 0.5, 100.0
_HIGHEST = 0.95
KINDS = {"errors": "answers with a 5xx status", "slow": "slow answers",
         "invalid": "unusable outputs of the model", "refused": "requests refused with 4xx",
         "overruns": "requests with too many tokens"}
# What comes in bursts, one stall of a process, is no more than one observation.
_CAPS = {"slow": 2.0}
_LABEL_Z = 4.0


@dataclass(frozen=True)
class EProcess:
    """The logarithm of the wealth on each multiple, and the champion's past."""

    cap: float = math.inf
    wealth: tuple[float, ...] = (0.0,) * len(MULTIPLES)
    champion_all: int = 0
    champion_bad: int = 0

    def after(self, n_a: int, k_a: int, n_b: int, k_b: int) -> "EProcess":
        """Return the process after one more block."""
        share = (self.champion_bad + _PRIOR_BAD) / (self.champion_all + _PRIOR_ALL)
        t_a = min(share, _HIGHEST / 1.1)
        most = math.log(self.cap)
        factors = [_log_factor(n_a, k_a, n_b, k_b, t_a, min(t_a * multiple, _HIGHEST))
                   for multiple in MULTIPLES]
        wealth = tuple(old + min(factor, most)
                       for old, factor in zip(self.wealth, factors, strict=True))
        return EProcess(self.cap, wealth, self.champion_all + n_a, self.champion_bad + k_a)

    @property
    def value(self) -> float:
        """Return the mean wealth: 1 at the start, large where the candidate is worse."""
        return sum(math.exp(min(wealth, 700.0)) for wealth in self.wealth) / len(self.wealth)


def _log_factor(n_a: int, k_a: int, n_b: int, k_b: int, t_a: float, t_b: float) -> float:
    if not n_a or not n_b:
        return 0.0
    t_0 = (n_a * t_a + n_b * t_b) / (n_a + n_b)
    # Most blocks hold no bad answer: half of the logarithms are multiplied by 0.
    return ((k_a and k_a * math.log(t_a / t_0))
            + (n_a - k_a) * math.log((1 - t_a) / (1 - t_0))
            + (k_b and k_b * math.log(t_b / t_0))
            + (n_b - k_b) * math.log((1 - t_b) / (1 - t_0)))


@dataclass(frozen=True)
class Rules:
    """`margins` are differences of shares that a promotion tolerates; `slow_floor` is in seconds.
    """

    alpha: float = 0.01
    promote_alpha: float = 0.05
    least: int = 500
    slow_floor: float = 0.010
    label_margin: float = 0.10
    margins: Mapping[str, float] = field(default_factory=lambda: {
        "errors": 0.01, "slow": 0.05, "invalid": 0.01, "refused": 0.02,
        "overruns": 0.02})

    @property
    def threshold(self) -> float:
        """Return the e-value at which one kind ends the canary."""
        return len(self.margins) / self.alpha


@dataclass(frozen=True)
class Counts:
    """What one version answered since the canary began.

    `within[i]` is the number of answers within `bounds[i]` seconds.
    """

    requests: int = 0
    errors: int = 0
    invalid: int = 0
    refused: int = 0
    bounds: tuple[float, ...] = ()
    within: tuple[int, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)
    overruns: int = 0

    def minus(self, other: "Counts") -> "Counts":
        """Return what happened after `other`; raise ValueError if a number went back."""
        within = other.within or (0,) * len(self.within)
        found = Counts(
            self.requests - other.requests, self.errors - other.errors,
            self.invalid - other.invalid, self.refused - other.refused, self.bounds,
            tuple(new - old for new, old in zip(self.within, within, strict=True)),
            {label: number - other.labels.get(label, 0) for label, number in self.labels.items()},
            self.overruns - other.overruns)
        if min(found.requests, found.errors, found.invalid, found.refused, found.overruns) < 0:
            raise ValueError("its counters went back: the process was started again")
        return found

    def plus(self, other: "Counts") -> "Counts":
        """Return the sum of what two processes answered."""
        within = self.within or (0,) * len(other.within)
        return Counts(
            self.requests + other.requests, self.errors + other.errors,
            self.invalid + other.invalid, self.refused + other.refused, other.bounds,
            tuple(one + more for one, more in zip(within, other.within, strict=True)),
            {label: self.labels.get(label, 0) + other.labels.get(label, 0)
             for label in {*self.labels, *other.labels}}, self.overruns + other.overruns)


@dataclass(frozen=True)
class Course:
    """A judgement under way. `slow_from` is the index of the bound beyond which answers are slow.
    """

    rules: Rules = Rules()
    champion: Counts = Counts()
    candidate: Counts = Counts()
    processes: Mapping[str, EProcess] = field(
        default_factory=lambda: {kind: EProcess(_CAPS.get(kind, math.inf)) for kind in KINDS})
    slow_from: int | None = None
    looks: int = 0
    promotion_looks: int = 0


@dataclass(frozen=True)
class Row:
    """One kind of bad answer, on both sides. `upper` bounds the difference of shares."""

    kind: str
    champion: tuple[int, int]
    candidate: tuple[int, int]
    e_value: float
    upper: float
    margin: float


@dataclass(frozen=True)
class Decision:
    """`verdict` is PASS, FAIL, INCONCLUSIVE or CONTINUE; `why` is one sentence."""

    verdict: str
    why: str
    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()


def look(course: Course, champion: Counts, candidate: Counts) -> Course:
    """Return the course after one more look at both sides' counts since the canary began."""
    block_a, block_b = champion.minus(course.champion), candidate.minus(course.candidate)
    processes = {}
    for kind, process in course.processes.items():
        if kind == "slow" and course.slow_from is None:
            processes[kind] = process
            continue
        processes[kind] = process.after(block_a.requests, _bad(block_a, kind, course, False),
                                        block_b.requests, _bad(block_b, kind, course, True))
    # The bound for slow answers is chosen after the block, so no block judges itself.
    slow_from = course.slow_from
    if slow_from is None and champion.requests >= 50:
        slow_from = _slow_from(champion, course.rules.slow_floor)
    return replace(course, champion=champion, candidate=candidate, processes=processes,
                   slow_from=slow_from, looks=course.looks + 1)


def decide(course: Course) -> tuple[Course, Decision]:
    """Return the decision, and the course with a promotion look spent if one was due."""
    rules, number = course.rules, course.candidate.requests
    due = number >= rules.least * 2 ** course.promotion_looks
    alpha = rules.promote_alpha / 2 ** (course.promotion_looks + 1)
    rows = tuple(_row(course, kind, alpha) for kind in KINDS)
    warnings = tuple(_label_warnings(course.champion, course.candidate))
    harmful = [row for row in rows if row.e_value >= rules.threshold]
    if harmful:
        return course, Decision("FAIL", "; ".join(map(_harm, harmful)), rows, warnings)
    if not due:
        return course, Decision("CONTINUE", f"{number} of {rules.least} answers of the candidate",
                                rows, warnings)
    course = replace(course, promotion_looks=course.promotion_looks + 1)
    unsure = [row for row in rows if row.upper >= row.margin]
    if unsure or course.slow_from is None:
        why = "; ".join(f"{row.kind} may be {row.upper:.1%} more, {row.margin:.0%} is tolerated"
                        for row in unsure) or "too few answers of the champion"
        return course, Decision("CONTINUE", why, rows, warnings)
    shifted = _shifted_labels(course.champion, course.candidate, rules.label_margin)
    if shifted:
        return course, Decision("INCONCLUSIVE", "; ".join(shifted), rows, warnings)
    unsure_labels = _unsure_labels(course.champion, course.candidate, rules.label_margin, alpha)
    if unsure_labels:
        return course, Decision("CONTINUE", "; ".join(unsure_labels), rows, warnings)
    return course, Decision("PASS", f"not worse on {number} answers of the candidate and "
                            f"{course.champion.requests} of the champion", rows, warnings)


def _slow_from(champion: Counts, floor: float) -> int:
    """Return the first bound at or above the champion's 90th percentile and the floor.

    The last bound but one is the highest, since the candidate is compared one bound higher.
    """
    wanted = 0.9 * champion.requests
    quantile = bisect_left(champion.within, wanted)
    return min(max(quantile, bisect_left(champion.bounds, floor)), len(champion.bounds) - 2)


def _bad(counts: Counts, kind: str, course: Course, is_candidate: bool) -> int:
    if kind != "slow":
        return getattr(counts, kind)
    if course.slow_from is None or not counts.within:
        return 0
    # The candidate's bound is one step (a factor of 1.25) higher: a little slower is no harm.
    return counts.requests - counts.within[course.slow_from + is_candidate]


def _row(course: Course, kind: str, alpha: float) -> Row:
    a, b = course.champion, course.candidate
    pair_a = (_bad(a, kind, course, False), a.requests)
    pair_b = (_bad(b, kind, course, True), b.requests)
    return Row(kind, pair_a, pair_b, course.processes[kind].value,
               newcombe_upper(*pair_a, *pair_b, alpha), course.rules.margins[kind])


def _harm(row: Row) -> str:
    return (f"{row.kind}: {row.candidate[0]} of {row.candidate[1]} answers of the candidate, "
            f"{row.champion[0]} of {row.champion[1]} of the champion")


def newcombe_upper(k_a: int, n_a: int, k_b: int, n_b: int, alpha: float) -> float:
    """Return a one-sided upper bound of share b minus share a; 1 where a side has no answers."""
    if not n_a or not n_b:
        return 1.0
    p_a, p_b = k_a / n_a, k_b / n_b
    lower_a = wilson(p_a, n_a, 1 - 2 * alpha)[0]
    upper_b = wilson(p_b, n_b, 1 - 2 * alpha)[1]
    return min(p_b - p_a + math.hypot(upper_b - p_b, p_a - lower_a), 1.0)


def _label_warnings(champion: Counts, candidate: Counts) -> list[str]:
    """Return labels whose shares differ by more than chance explains."""
    return [_label_words(*pair) for pair in _label_pairs(champion, candidate)
            if _differ(*pair[1:], 0.0)]


def _shifted_labels(champion: Counts, candidate: Counts, margin: float) -> list[str]:
    """Return labels whose shares differ by more than chance and the margin explain."""
    return [_label_words(*pair) for pair in _label_pairs(champion, candidate)
            if _differ(*pair[1:], margin)]


def _unsure_labels(champion: Counts, candidate: Counts, margin: float, alpha: float) -> list[str]:
    """Return labels whose shares may differ by the margin or more."""
    return [_label_words(*pair) for pair in _label_pairs(champion, candidate)
            if max(newcombe_upper(*pair[1:], alpha),
                   newcombe_upper(*pair[3:], *pair[1:3], alpha)) >= margin]


def _label_pairs(champion: Counts, candidate: Counts) -> list[tuple[str, int, int, int, int]]:
    """Return (label, k_a, n_a, k_b, n_b) for each label; none if a side predicted nothing."""
    n_a, n_b = sum(champion.labels.values()), sum(candidate.labels.values())
    if not n_a or not n_b:
        return []
    return [(label, champion.labels.get(label, 0), n_a, candidate.labels.get(label, 0), n_b)
            for label in sorted({*champion.labels, *candidate.labels})]


def _differ(k_a: int, n_a: int, k_b: int, n_b: int, margin: float) -> bool:
    p = (k_a + k_b) / (n_a + n_b)
    error = math.sqrt(p * (1 - p) * (1 / n_a + 1 / n_b))
    return abs(k_a / n_a - k_b / n_b) > margin + _LABEL_Z * error


def _label_words(label: str, k_a: int, n_a: int, k_b: int, n_b: int) -> str:
    return (f"label {label!r}: {k_b / n_b:.1%} of the candidate's predictions, "
            f"{k_a / n_a:.1%} of the champion's")
