"""What `bench_serving.py` runs inside a baked project: canary judges on the same simulated streams.

Beside ours, the rules of three tools as their documentation shows them: Argo Rollouts' success
rate (>= 95 % each 5 minutes, failureLimit 3), Flagger's (>= 99 %, p99 < 500 ms each minute, back
after 10 failed checks), and Kayenta's Mann-Whitney test at the end of the hour (98 % interval,
tolerance 0.25), on error rate and mean latency per minute.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from nlp_gitops.deploy.judge import Counts, Course, decide, look
from nlp_gitops.serving.metrics import SECOND_BOUNDS

MINUTES, EVERY = 60, 10
LOOKS = MINUTES * 60 // EVERY
A_MINUTE = 60 // EVERY
RATES = (2, 20, 200)
LABELS = ("negative", "neutral", "positive")
USUAL = (0.4, 0.2, 0.4)
Found = tuple[str, float]


@dataclass(frozen=True)
class Side:
    """One version: its share of errors, median latency in seconds, and shares of labels."""

    errors: float = 0.005
    median: float = 0.02
    labels: tuple[float, ...] = USUAL


SCENARIOS = {
    "equal, .5 % errors": (Side(), Side()),
    "equal, 2 % errors": (Side(0.02), Side(0.02)),
    "latency x1.5": (Side(), Side(median=0.03)),
    "errors .5 -> 1.5 %": (Side(), Side(0.015)),
    "errors .5 -> 5 %": (Side(), Side(0.05)),
    "label shift: 20 points": (Side(), Side(labels=(0.6, 0.2, 0.2))),
    "broken preprocessing: one label for 80 %": (Side(), Side(labels=(0.8, 0.1, 0.1)))}


@dataclass(frozen=True)
class Stream:
    """What one version answered, by look: (looks,) numbers, and (looks, …) counts."""

    requests: np.ndarray
    errors: np.ndarray
    within: np.ndarray
    labels: np.ndarray
    seconds: np.ndarray
    slow: np.ndarray


def stream(generator: np.random.Generator, rate: float, side: Side) -> Stream:
    """Return an hour of Poisson traffic with log-normal latencies (sigma 0.5)."""
    requests = generator.poisson(rate * EVERY, LOOKS)
    edges = np.array([0.0, *SECOND_BOUNDS, np.inf])
    shares = np.diff(_below(edges, side.median))
    buckets = generator.multinomial(requests, shares)
    middles = np.append((edges[:-2] + edges[1:-1]) / 2, SECOND_BOUNDS[-1])
    return Stream(requests, generator.binomial(requests, side.errors),
                  np.cumsum(buckets[:, :-1], axis=1), generator.multinomial(requests, side.labels),
                  buckets @ middles, (buckets * (middles > 0.5)).sum(axis=1))


def _below(seconds: np.ndarray, median: float) -> np.ndarray:
    from scipy.special import ndtr
    with np.errstate(divide="ignore"):
        return ndtr(np.log(seconds / median) / 0.5)


def ours(champion: Stream, candidate: Stream) -> Found:
    """Return (verdict, minutes) of our judge."""
    course = Course()
    for number, pair in enumerate(zip(_counts(champion), _counts(candidate), strict=True), 1):
        course = look(course, *pair)
        course, decision = decide(course)
        if decision.verdict != "CONTINUE":
            return decision.verdict, number * EVERY / 60
    return "INCONCLUSIVE", MINUTES


def _counts(found: Stream) -> list[Counts]:
    rows = zip(*(np.cumsum(part, axis=0).tolist() for part in (
        found.requests, found.errors, found.within, found.labels)), strict=True)
    return [Counts(requests, errors, 0, 0, SECOND_BOUNDS, tuple(within),
                   dict(zip(LABELS, labels))) for requests, errors, within, labels in rows]


def argo(champion: Stream, candidate: Stream) -> Found:
    """Return when four measurements, one every five minutes, had been below 95 %."""
    return _failed(_minutes(candidate.errors, 5) / np.maximum(_minutes(candidate.requests, 5), 1)
                   > 0.05, 4, 5)


def flagger(champion: Stream, candidate: Stream) -> Found:
    """Return when ten checks had failed."""
    requests = np.maximum(_minutes(candidate.requests, 1), 1)
    bad = (_minutes(candidate.errors, 1) / requests > 0.01) | (
        _minutes(candidate.slow, 1) / requests > 0.01)
    return _failed(bad, 10, 1)


def _failed(bad: np.ndarray, most: int, step: int) -> Found:
    for number, failures in enumerate(accumulate(bad.tolist()), 1):
        if failures >= most:
            return "FAIL", number * step
    return "PASS", MINUTES


def kayenta(champion: Stream, candidate: Stream) -> Found:
    """Return the verdict at the end of the hour."""
    sides = [[_minutes(side.errors, 1) / np.maximum(_minutes(side.requests, 1), 1),
              _minutes(side.seconds, 1) / np.maximum(_minutes(side.requests, 1), 1)]
             for side in (champion, candidate)]
    worse = any(_is_higher(control, experiment) for control, experiment in zip(*sides))
    return ("FAIL" if worse else "PASS"), MINUTES


def _is_higher(control: np.ndarray, experiment: np.ndarray) -> bool:
    n, m = len(control), len(experiment)
    differences = np.sort((experiment[:, None] - control[None, :]).ravel())
    lowest = max(int(n * m / 2 - 2.326 * np.sqrt(n * m * (n + m + 1) / 12)), 0)
    return bool(differences[lowest] > 0.25 * abs(np.median(differences)) > 0)


def _minutes(values: np.ndarray, number: int) -> np.ndarray:
    return values.reshape(-1, A_MINUTE * number).sum(axis=1)


JUDGES: dict[str, Callable[[Stream, Stream], Found]] = {
    "ours": ours, "Kayenta": kayenta, "Argo": argo, "Flagger": flagger}


def main() -> None:
    """Print one table per share of traffic: how often the candidate is not promoted, and when."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"### Canary judges: {runs} canaries of {MINUTES} minutes, our look every {EVERY} s\n")
    print("Share of canaries taken back before the hour is over, and the median of minutes until "
          "then; in brackets the share that ours promotes.\n")
    for weight in (10, 50):
        print(f"| {weight} % of the traffic | " + " | ".join(
            f"{rate} rps: {name}" for rate in RATES for name in JUDGES)
            + " |\n|---|" + "---:|" * (len(RATES) * len(JUDGES)))
        for name, sides in SCENARIOS.items():
            print(f"| {name} | " + " | ".join(
                cell for rate in RATES for cell in _cells(rate, weight / 100, sides, runs))
                + " |", flush=True)
        print()


def _cells(rate: int, weight: float, sides: tuple[Side, Side], runs: int) -> list[str]:
    generator = np.random.default_rng(1)
    found: dict[str, list[Found]] = {name: [] for name in JUDGES}
    for _ in range(runs):
        pair = (stream(generator, rate * (1 - weight), sides[0]),
                stream(generator, rate * weight, sides[1]))
        for name, judge in JUDGES.items():
            found[name].append(judge(*pair))
    return [_cell(found[name], name == "ours") for name in JUDGES]


def _cell(found: list[Found], is_ours: bool) -> str:
    back = [minutes for verdict, minutes in found
            if verdict == "FAIL" or (verdict == "INCONCLUSIVE" and minutes < MINUTES)]
    text = f"{len(back) / len(found):.2f}" + (f", {np.median(back):.1f}" if back else "")
    if is_ours:
        text += f" [{sum(verdict == 'PASS' for verdict, _ in found) / len(found):.2f}]"
    return text


if __name__ == "__main__":
    main()
