"""Counts of a running version: from one /metrics page, from all replicas, or from its log."""

import json
import math
import os
import socket
import urllib.error
import urllib.request
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.deploy.judge import Counts
from nlp_gitops.serving.metrics import (INVALID, OVERRUNS, PREDICTIONS, REQUESTS, SECOND_BOUNDS,
                                        SECONDS)

TOKEN_VARIABLE = "SERVICE_TOKEN"


def headers() -> dict[str, str]:
    """Return the headers that the services ask for: the token of the environment, if there is one.
    """
    token = os.environ.get(TOKEN_VARIABLE)
    return {"Authorization": f"Bearer {token}"} if token else {}


def of_service(url: str, seconds: float = 5.0) -> Counts:
    """Read a service's /metrics; raise NotMeasured if it does not answer."""
    request = urllib.request.Request(f"{url.rstrip('/')}/metrics", headers=headers())
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return of_page(answer.read().decode())
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise NotMeasured(f"{url}/metrics cannot be read: {error}") from None


def of_page(text: str) -> Counts:
    """Return the counts on a page in Prometheus' text format."""
    from prometheus_client.parser import text_string_to_metric_families

    status: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    within: Counter[float] = Counter()
    invalid = overruns = 0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == f"{REQUESTS}_total":
                status[sample.labels["status"]] += int(sample.value)
            elif sample.name == f"{PREDICTIONS}_total":
                labels[sample.labels["label"]] += int(sample.value)
            elif sample.name == f"{INVALID}_total":
                invalid += int(sample.value)
            elif sample.name == f"{OVERRUNS}_total":
                overruns += int(sample.value)
            elif sample.name == f"{SECONDS}_bucket":
                within[float(sample.labels["le"])] += int(sample.value)
    bounds = tuple(sorted(bound for bound in within if math.isfinite(bound)))
    return Counts(sum(status.values()), _of_class(status, "5"), invalid, _of_class(status, "4"),
                  bounds, tuple(within[bound] for bound in bounds), dict(labels), overruns)


def _of_class(status: Counter[str], first: str) -> int:
    return sum(number for code, number in status.items() if code.startswith(first))


def of_log(folder: Path, version: str) -> Counts:
    """Count a version's lines in a prediction log; raise NotMeasured if there is no such folder.

    A last line that is not whole yet is left for the next time. The log does not name unusable
    outputs apart; they are errors in it. It does not say which numbers of tokens are too many.
    """
    if not folder.is_dir():
        raise NotMeasured(f"{folder}: no such folder of prediction logs")
    status: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    within = [0] * len(SECOND_BOUNDS)
    for path in sorted(folder.glob("dt=*/*.jsonl")):
        with open(path, encoding="utf-8") as stream:
            for line in stream:
                row = json.loads(line) if line.endswith("\n") else {}
                if row.get("version") != version:
                    continue
                if "label" in row:
                    labels[row["label"]] += 1
                if row.get("row", 0) == 0:
                    status[str(row["status"])] += 1
                    place = bisect_left(SECOND_BOUNDS, row["latency_ms"] / 1000)
                    if place < len(within):
                        within[place] += 1
    for place in range(1, len(within)):
        within[place] += within[place - 1]
    return Counts(sum(status.values()), _of_class(status, "5"), 0, _of_class(status, "4"),
                  SECOND_BOUNDS, tuple(within), dict(labels))


@dataclass
class Replicas:
    """Adds up what each process counted. New ones count from their start; gone ones stay counted.
    """

    url: str
    total: Counts = Counts()
    _seen: dict[str, Counts] = field(default_factory=dict)

    def counts(self) -> Counts:
        """Return the sum; raise NotMeasured if no process answers."""
        answered = False
        for address in addresses(self.url):
            try:
                found = of_service(address)
            except NotMeasured:
                continue
            answered = True
            self.total = self.total.plus(_since(found, self._seen.get(address, Counts())))
            self._seen[address] = found
        if not answered:
            raise NotMeasured(f"{self.url}: no process behind it answers")
        return self.total


def addresses(url: str) -> list[str]:
    """Return a URL for each address that the name in this one has."""
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotMeasured(f"{url}: {error}") from None
    hosts = {f"[{where[0]}]" if family == socket.AF_INET6 else where[0]
             for family, _, _, _, where in found}
    return [f"{parts.scheme}://{host}:{parts.port or 80}" for host in sorted(hosts)]


def _since(found: Counts, last: Counts) -> Counts:
    try:
        return found.minus(last)
    except ValueError:
        # Another process has this address now, and began at nothing.
        return found
