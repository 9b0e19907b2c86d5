"""What the canary's tests share: counts of traffic as the service's page gives them."""

import numpy as np

from nlp_gitops.deploy.judge import Counts
from nlp_gitops.serving.metrics import SECOND_BOUNDS


def within(latencies):
    """Return how many latencies are at most each bound of the histogram."""
    places = np.searchsorted(SECOND_BOUNDS, latencies)
    return np.bincount(places, minlength=len(SECOND_BOUNDS) + 1)[:-1].cumsum()


def seen_so_far(requests, errors, histogram, labels=None):
    return Counts(int(requests), int(errors), 0, 0, SECOND_BOUNDS, tuple(histogram.tolist()),
                  labels or {})
