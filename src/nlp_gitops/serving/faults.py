"""Faults planted on purpose, for drills: does the rollout notice, and go back by itself?

A fault shows after the first `BEGINS` texts, like those that a smoke test does not find.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nlp_gitops.core.errors import UsageError
from nlp_gitops.model import Prediction

Predict = Callable[[Sequence[str]], Sequence[Prediction]]
KINDS = {"errors": "share of answers that are an error", "slow": "milliseconds added to each",
         "invalid": "share of answers without a usable label",
         "label": "share of answers with the same label"}
BEGINS = 80


@dataclass(frozen=True)
class Fault:
    """`errors=0.05`, `slow=40`, `invalid=0.05` or `label=0.5`."""

    kind: str
    size: float


def parse(text: str) -> Fault:
    """Read `KIND=SIZE`; raise UsageError for anything else."""
    kind, _, size = text.partition("=")
    try:
        fault = Fault(kind, float(size))
    except ValueError:
        fault = Fault("", 0.0)
    if fault.kind not in KINDS or not 0 < fault.size <= (60_000 if kind == "slow" else 1):
        raise UsageError(f"--fault {text!r}: write KIND=SIZE, with one of "
                         + ", ".join(f"{name} ({what})" for name, what in KINDS.items()))
    return fault


def planted(fault: Fault, predict: Predict, seed: int = 0) -> Predict:
    """Return `predict` with the fault in it."""
    draw = random.Random(seed)
    seen = 0

    def spoilt(prediction: Prediction) -> Prediction:
        if draw.random() >= fault.size:
            return prediction
        label = min(prediction.scores) if fault.kind == "label" else ""
        return Prediction(label, {**prediction.scores, label: prediction.scores.get(label, 0.0)})

    def faulty(texts: Sequence[str]) -> Sequence[Prediction]:
        nonlocal seen
        seen += len(texts)
        if seen <= BEGINS:
            return predict(texts)
        if fault.kind == "slow":
            time.sleep(fault.size / 1000)
        # A batch that fails is asked again one by one, so the share holds for single texts.
        if fault.kind == "errors" and (len(texts) > 1 or draw.random() < fault.size):
            raise RuntimeError("a planted fault")
        found = predict(texts)
        return [spoilt(item) for item in found] if fault.kind in ("invalid", "label") else found

    return faulty
