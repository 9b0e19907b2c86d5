"""What the service did: throughput, latency, errors and token use, from a profile's sums."""

from typing import Any

import numpy as np

from nlp_gitops.drift.columns import LATENCY_EDGES
from nlp_gitops.drift.profile import Profile

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def service(profile: Profile) -> dict[str, Any] | None:
    """Return the figures of all requests; None where the profile knows of none.

    Latencies are good to 5 %, half a step of the histogram.
    """
    total, columns = profile.total(), profile.layout.columns

    def one(name: str) -> float:
        return float(total[columns[name]].sum())

    requests = one("requests")
    if not requests:
        return None
    hourly = [float(vector[columns["requests"]][0]) for vector in profile.blocks["all"].values()]
    words = total[columns["words"]]
    found: dict[str, Any] = {
        "requests": int(requests), "texts": int(one("rows")),
        "requests_per_hour": requests / len(hourly), "busiest_hour": int(max(hourly)),
        "refused_rate": one("refused") / requests, "error_rate": one("failed") / requests}
    latency = total[columns["latency"]]
    for name, share in PERCENTILES.items():
        if latency.sum():
            found[f"latency_ms_{name}"] = percentile(latency, share)
    if words[0]:
        found["words_per_text"] = float(words[1] / words[0])
    for name in ("prompt_tokens", "completion_tokens"):
        if one(name):
            found[name] = int(one(name))
            found[f"{name}_per_request"] = one(name) / requests
    return found


def percentile(counts: np.ndarray, share: float) -> float:
    """Return a percentile of a latency histogram in milliseconds, within its bin by proportion."""
    cumulated = np.cumsum(counts)
    place = int(np.searchsorted(cumulated, share * cumulated[-1]))
    edges = np.concatenate([[0.0], LATENCY_EDGES, LATENCY_EDGES[-1:] * 1.1])
    before = cumulated[place - 1] if place else 0.0
    inside = (share * cumulated[-1] - before) / max(counts[place], 1)
    return float(edges[place] + (edges[place + 1] - edges[place]) * inside)
