"""Faults of a server, planted by a test: each hits the next requests that it fits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

# What a fault does to a request.
REFUSE = "refuse"            # answers with `status` and `headers`; nothing is done
LOSE = "lose"                # does it, and answers with `status` all the same
CUT = "cut"                  # closes the connection before anything is done
CUT_AFTER = "cut after"      # does it, and closes the connection instead of answering
CUT_INSIDE = "cut inside"    # sends half of a download
STARTER = "starter"          # an upload leaves an empty asset in the state `starter`
ALTER = "alter"              # an upload is stored with one byte changed
STALE = "stale"              # a listing lacks its newest entry
HALT = "halt"                # does it, and never answers: whoever waits can be killed


@dataclass
class Fault:
    """What happens to the next `times` requests of this method and path, after `skip` others."""

    what: str
    method: str = ""
    path: str = ""
    times: int = 1
    skip: int = 0
    status: int = 502
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "Server Error"

    def fits(self, method: str, path: str) -> bool:
        """Say whether the fault hits such a request."""
        return method.startswith(self.method) and re.search(self.path, path) is not None


class Faults:
    """The faults that are to come, and a cut of every n-th request; 0 cuts none.

    `halting` says that a request with the fault HALT is done and waits.
    """

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._lock = Lock()
        self._count = 0
        self.every = 0
        self.every_what = CUT
        self.halting = False

    def plan(self, what: str, method: str = "", path: str = "", **more: object) -> None:
        """Plant a fault; see Fault."""
        self._planned.append(Fault(what, method, path, **more))

    @property
    def left(self) -> int:
        """Return how many planned faults have not happened yet."""
        return sum(fault.times for fault in self._planned)

    def next(self, method: str, path: str) -> Fault | None:
        """Return the fault that hits this request."""
        with self._lock:
            self._count += 1
            if self.every and self._count % self.every == 0:
                return Fault(self.every_what)
            for fault in self._planned:
                if fault.times and fault.fits(method, path):
                    if fault.skip:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None
