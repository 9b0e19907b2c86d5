"""What tests of gates draw at random: answers of two models, and confidences."""

import numpy as np


def simulated(seed, n, labels=3, different=0.1):
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, labels, n)
    champion = np.where(generator.random(n) < 0.8, gold, generator.integers(0, labels, n))
    candidate = np.where(generator.random(n) < different, generator.integers(0, labels, n),
                         champion)
    return [np.array([f"c{i}" for i in range(labels)])[side].tolist()
            for side in (gold, candidate, champion)]


def calibrated(seed, n, shift):
    """Return confidences (n,) that are too high by `shift`, and what was right."""
    generator = np.random.default_rng([seed, n])
    confidence = generator.beta(6, 1.5, n)
    return confidence, generator.random(n) < confidence - shift
