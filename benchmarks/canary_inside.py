"""What `bench_serving.py` runs inside a baked project: the canary's judge on simulated streams."""

import numpy as np

from mlops.rollout.eprocess import EProcess
from mlops.rollout.judge import Rules

MINUTES, EVERY = 60, 10
RUNS = 200
RATES = (2, 20, 200)
SCENARIOS = {"equal, .5 % errors": (0.005, 0.005), "equal, 2 % errors": (0.02, 0.02),
             "errors .5 -> 1.5 %": (0.005, 0.015), "errors .5 -> 5 %": (0.005, 0.05),
             "errors .5 -> 30 %": (0.005, 0.30)}


def main() -> None:
    """Print one table: how often, and after how many minutes, a canary is rolled back."""
    print(f"### The canary's judge: {RUNS} canaries of {MINUTES} minutes, a look every {EVERY} s\n")
    print("Share rolled back, and the median of minutes until then.\n")
    print("| | " + " | ".join(f"{rate} rps, {weight} %" for rate in RATES for weight in (10, 50))
          + " |\n|---|" + "---:|" * (2 * len(RATES)))
    for name, shares in SCENARIOS.items():
        cells = [_cell(rate, weight / 100, *shares) for rate in RATES for weight in (10, 50)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _cell(rate: int, weight: float, share_a: float, share_b: float) -> str:
    generator = np.random.default_rng(1)
    found = [minutes for minutes in (_minutes(generator, rate, weight, share_a, share_b)
                                     for _ in range(RUNS)) if minutes is not None]
    middle = f", {np.median(found):.1f}" if found else ""
    return f"{len(found) / RUNS:.2f}{middle}"


def _minutes(generator: np.random.Generator, rate: int, weight: float, share_a: float,
             share_b: float) -> float | None:
    looks = MINUTES * 60 // EVERY
    n_a = generator.poisson(rate * EVERY * (1 - weight), looks)
    n_b = generator.poisson(rate * EVERY * weight, looks)
    k_a, k_b = generator.binomial(n_a, share_a), generator.binomial(n_b, share_b)
    process = EProcess()
    for number, block in enumerate(zip(n_a.tolist(), k_a.tolist(), n_b.tolist(), k_b.tolist()), 1):
        process = process.after(*block)
        if process.value >= Rules().threshold:
            return number * EVERY / 60
    return None


if __name__ == "__main__":
    main()
