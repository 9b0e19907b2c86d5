"""What the service counts, in the form that Prometheus reads. One process, one registry.

The names are here and nowhere else; `nlp_gitops/deploy/counts.py` reads them back.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import (CollectorRegistry, Counter, Gauge, Histogram,
                               disable_created_metrics, generate_latest)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from nlp_gitops.model import Prediction
from nlp_gitops.serving.release import Release

REQUESTS = "service_requests"
SECONDS = "service_request_seconds"
INVALID = "service_invalid_answers"
OVERRUNS = "service_token_overruns"
PREDICTIONS = "service_predictions"
CONTENT_TYPE = CONTENT_TYPE_LATEST
# 0.5 ms to 28 s, each bound 1.25 times the one before: the judge compares latencies by these steps.
STEP = 1.25
SECOND_BOUNDS = tuple(round(0.0005 * STEP ** power, 7) for power in range(50))
_SCORES = tuple(tenth / 20 for tenth in range(1, 20))
_CHARACTERS = tuple(2.0 ** power for power in range(3, 17))
_TOKENS = tuple(2.0 ** power for power in range(1, 14))


class Metrics:
    """The counters of one release. Every sample carries its model, version and variant.

    Texts of more than `max_tokens` tokens are overruns.
    """

    def __init__(self, release: Release, max_tokens: int | None = None) -> None:
        # Half of the page would be times at which counters were made.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._release = (release.model, release.version, release.variant)
        self._requests = self._made(Counter, REQUESTS, "answers by HTTP status", "status")
        self._labels = self._made(Counter, PREDICTIONS, "predictions by label", "label")
        self._seconds = self._one(Histogram, SECONDS, "time to answer", buckets=SECOND_BOUNDS)
        self._scores = self._one(Histogram, "service_score", "score of the predicted label",
                                 buckets=_SCORES)
        self._characters = self._one(Histogram, "service_text_characters", "length of texts",
                                     buckets=_CHARACTERS)
        self._tokens = self._one(Histogram, "service_text_tokens", "what the model sees of a text",
                                 buckets=_TOKENS)
        self._most_tokens = math.inf if max_tokens is None else max_tokens
        self._overruns = self._one(Counter, OVERRUNS, "requests with a text of too many tokens")
        self._invalid = self._one(Counter, INVALID, "answers of the model that were unusable")
        self._unleased = self._one(Counter, "service_unleased", "refused: the lease had expired")
        self.in_flight = self._one(Gauge, "service_requests_in_flight", "requests being answered")
        self._known: dict[tuple[str, str], Any] = {}
        self._made(Gauge, "service_release", "what is loaded", "dataset", "prompt",
                   "archive_sha256").labels(*self._release, release.dataset, release.prompt,
                                            release.archive_sha256).set(1)

    def request(self, status: int, seconds: float) -> None:
        """Count an answer to POST /predict."""
        self._child(self._requests, str(status)).inc()
        self._seconds.observe(seconds)

    def predicted(self, texts: Sequence[str], predictions: Sequence[Prediction],
                  tokens: Sequence[int]) -> None:
        """Count what was predicted for the n texts of a request, and their n numbers of tokens."""
        if max(tokens) > self._most_tokens:
            self._overruns.inc()
        for text, prediction, number in zip(texts, predictions, tokens, strict=True):
            self._tokens.observe(number)
            self._child(self._labels, prediction.label).inc()
            self._scores.observe(prediction.scores[prediction.label])
            self._characters.observe(len(text))

    def invalid(self) -> None:
        """Count an answer of the model that could not be used."""
        self._invalid.inc()

    def unleased(self) -> None:
        """Count a request that was turned away because the lease had expired."""
        self._unleased.inc()

    def dropped_lines(self, number: Callable[[], int]) -> None:
        """Show how many lines the prediction log had to leave out."""
        self._one(Gauge, "service_log_lines_dropped",
                  "lines lost to a full queue or disk").set_function(number)

    def failed_uploads(self, number: Callable[[], int]) -> None:
        """Show how often closed log files could not be copied."""
        self._one(Gauge, "service_log_uploads_failed", "tries that failed").set_function(number)

    def page(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _made(self, kind: Any, name: str, text: str, *labels: str, **more: Any) -> Any:
        return kind(name, text, ("model", "version", "variant", *labels), registry=self.registry,
                    **more)

    def _one(self, kind: Any, name: str, text: str, **more: Any) -> Any:
        return self._made(kind, name, text, **more).labels(*self._release)

    def _child(self, metric: Any, value: str) -> Any:
        # Finding a child by its labels takes a lock; this is the hot path.
        key = (metric._name, value)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = metric.labels(*self._release, value)
        return found
