"""What `bench_serving.py` runs inside a baked project: the bare model call, and parity."""

import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [".", str(Path(__file__).parent)]
import serving_peers  # noqa: E402

AT_HALF_LOAD = ("bare call, scikit-learn",)


def queued(times, rate):
    """Return how long calls take with their wait (ms), if they arrive at random, `rate` a second.

    One call runs at a time: the wait of the next one is Lindley's recursion (1952).
    """
    gaps = np.random.default_rng(0).exponential(1000 / rate, len(times))
    wait, found = 0.0, []
    for time_of_call, gap in zip(times, gaps):
        found.append(wait + time_of_call)
        wait = max(0.0, wait + time_of_call - gap)
    return found


def _row(name, rate, times):
    p50, p95, p99 = np.percentile(times, (50, 95, 99))
    print(f"| {name} | | {rate:,.0f} | {p50:.2f} | {p95:.2f} | {p99:.2f} | |", flush=True)


def main():
    """Print rows of the table for calls without a server; then the largest difference of scores."""
    texts = [json.loads(line)["text"] for line in open("bodies.jsonl", encoding="utf-8")]
    calls = {"bare call, scikit-learn": serving_peers.by_sklearn,
             "bare call, this project": lambda text: serving_peers.model.predict([text])}
    for name, call in calls.items():
        times = []
        for text in (texts * 10)[:3000]:
            begin = time.perf_counter()
            call(text)
            times.append((time.perf_counter() - begin) * 1000)
        rate = 1000 / np.mean(times)
        _row(name, rate, times)
        if name in AT_HALF_LOAD:
            _row(f"{name}, one at a time, at half its rate", rate / 2, queued(times, rate / 2))
    found = [(serving_peers.by_sklearn(text), serving_peers.model.predict([text])[0])
             for text in texts]
    same = sum(one["label"] == other.label for one, other in found)
    largest = max(abs(one["score"] - other.scores[one["label"]]) for one, other in found)
    print(f"\nThe labels of {same} of {len(texts)} texts are equal, and scores differ by at most "
          f"{largest:.1e}.\n", flush=True)


if __name__ == "__main__":
    main()
