"""Counts of all processes behind one name, such as the pods behind a headless Service."""

import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.deploy.counts import of_service
from nlp_gitops.deploy.judge import Counts


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
