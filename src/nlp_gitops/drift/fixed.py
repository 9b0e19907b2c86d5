"""The plain rule: cosine distance of two mean embeddings above a fixed threshold.

Kept because people know it. With few lines chance alone exceeds it, and with many it overlooks
real drift: see nlp-gitops help drift. No sample size, no p-value.
"""

from typing import Any

import numpy as np

from nlp_gitops.drift.distances import plain_cosine
from nlp_gitops.drift.profile import Profile, check_layouts

THRESHOLD = 0.08


def verdict(reference: np.ndarray, current: np.ndarray,
            threshold: float = THRESHOLD) -> tuple[str, float]:
    """Return OK or ALERT, and the distance of two mean vectors (d,)."""
    distance = plain_cosine(current, reference)
    return "ALERT" if distance > threshold else "OK", distance


def compare(reference: Profile, current: Profile, threshold: float = THRESHOLD
            ) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the signal of every slice by the plain rule, in the shape of `judge.compare`.

    Raises UsageError if the profiles do not match.
    """
    check_layouts(reference, current)
    columns = reference.layout.columns
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in reference.layout.slice_names:
        sums = [profile.total(name)[columns["embedding"]] for profile in (reference, current)]
        numbers = [int(profile.total(name)[columns["embedded"]][0])
                   for profile in (reference, current)]
        if name != "all" and not any(numbers):
            continue
        if all(numbers):
            said, distance = verdict(sums[0], sums[1], threshold)
            signal: dict[str, Any] = {"verdict": said, "value": distance, "bound": threshold}
        else:
            signal = {"verdict": "NOT_MEASURED", "why": "no texts or profiles with embeddings"}
        found[name] = {"embedding": {**signal, "n": numbers[1], "n_reference": numbers[0]}}
    return found
