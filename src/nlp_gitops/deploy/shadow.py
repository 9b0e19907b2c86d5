"""A shadow: the candidate gets a copy of every request, and nobody gets its answers.

Both answers to a request are in the prediction log under the same request id. The judge of the
canary compares errors and speed; here the labels are compared, text by text.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.deploy import disagreement
from nlp_gitops.deploy.disagreement import Disagreement
from nlp_gitops.deploy.judge import Decision
from nlp_gitops.deploy.place import Place
from nlp_gitops.llm import session_of
from nlp_gitops.serving.release import load

# Answers that wait for the other side's, and latencies that are kept; older ones are forgotten.
_WAITING, _LATENCIES = 20_000, 10_000


def expected(place: Place, champion: ModelRef, candidate: ModelRef) -> Disagreement:
    """Return how often both versions differ on the test split.

    Raises NotMeasured where a model or a provider's answers cannot be had.
    """
    if not place.texts:
        raise UsageError("the test split is empty, so it predicts no disagreement")
    models = [load(place.project, ref, place.registry, "offline")[1]
              for ref in (champion, candidate)]
    session = session_of(place.project)
    for model in models:
        if hasattr(model, "session"):
            model.session = session
    return disagreement.offline(*(model.predict(place.texts) for model in models))


@dataclass
class Pairs:
    """Both sides' answers to the same requests, read from the prediction log as it grows."""

    log: Path
    champion: str
    candidate: str
    found: Disagreement
    latencies: dict[str, deque[float]] = field(default_factory=dict)
    _read: dict[Path, int] = field(default_factory=dict)
    _waiting: dict[tuple[Any, ...], tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._read = {path: path.stat().st_size for path in self._files()}
        self.latencies = {side: deque(maxlen=_LATENCIES)
                          for side in (self.champion, self.candidate)}

    def judged(self, decision: Decision) -> Decision:
        """Return the canary judge's decision, changed by what the labels say."""
        differing, texts = self._new_pairs()
        self.found = disagreement.after(self.found, self.found.live[0] + differing,
                                        self.found.live[1] + texts)
        if decision.verdict == "FAIL" or self.found.verdict == "PASS":
            return decision
        if self.found.verdict == "FAIL":
            return replace(decision, verdict="FAIL", why=self.found.words)
        return replace(decision, verdict="CONTINUE", why=self.found.words)

    def record(self) -> dict[str, Any]:
        """Return the comparison as plain data; latencies are milliseconds."""
        found = self.found
        return {"live": {"differing": found.live[0], "texts": found.live[1]},
                "test_split": {"differing": found.expected[0], "texts": found.expected[1]},
                "limit": round(found.limit, 5), "latency_ms": {
                    who: _percentiles(self.latencies[slot]) for who, slot in
                    (("champion", self.champion), ("candidate", self.candidate))}}

    def _files(self) -> list[Path]:
        return sorted(self.log.glob("dt=*/*.jsonl"))

    def _new_pairs(self) -> tuple[int, int]:
        differing = texts = 0
        for row in self._new_rows():
            side = row["variant"]
            if side not in self.latencies or "label" not in row:
                continue
            if row["row"] == 0:
                self.latencies[side].append(row["latency_ms"])
            # A caller may use one id twice; the text tells such requests apart.
            key = (row["request_id"], row["row"], row["characters"],
                   row.get("text", row.get("text_hmac")))
            other = self._waiting.get(key)
            if other is None or other[0] == side:
                self._waiting[key] = (side, row["label"])
                continue
            del self._waiting[key]
            texts += 1
            differing += other[1] != row["label"]
        for key in list(self._waiting)[:-_WAITING]:
            del self._waiting[key]
        return differing, texts

    def _new_rows(self) -> Iterator[Mapping[str, Any]]:
        for path in self._files():
            with open(path, "rb") as stream:
                stream.seek(self._read.get(path, 0))
                for line in stream:
                    # The rest of a line that is being written comes with the next look.
                    if not line.endswith(b"\n"):
                        break
                    self._read[path] = self._read.get(path, 0) + len(line)
                    yield json.loads(line)


def _percentiles(values: deque[float]) -> dict[str, float]:
    return {f"p{q}": round(float(np.percentile(values, q)), 2)
            for q in (50, 95, 99) if values}
