"""Batch scoring: files of texts through one model version, in parts that survive a stop.

A plain file is cut into ranges of bytes at line ends, a packed one is one part. Each part becomes
one file of the output folder, whole or not at all; a part that is there is not scored again.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from nlp_gitops.core import files
from nlp_gitops.core.errors import UsageError
from nlp_gitops.drift import logs
from nlp_gitops.drift.logs import Run
from nlp_gitops.llm import Session
from nlp_gitops.model import Model, Prediction, classes

SCHEMA = "nlp-gitops/score/1"
PLAN = "score.json"
PART_BYTES = 8_000_000
_AT_ONCE = 1000


@dataclass(frozen=True)
class Part:
    """Some lines of a file: those that begin at `start` or later, and before `end`."""

    number: int
    source: str
    start: int
    end: int | None

    @property
    def name(self) -> str:
        """Return the name of the part's output."""
        return f"part-{self.number:05}.jsonl"


@dataclass(frozen=True)
class Task:
    """What every part needs: the model's files and class, the repository, and the output's folder.
    """

    model: str
    kind: str
    root: str
    out: str


def plan(places: Sequence[str]) -> list[Part]:
    """Return the parts of all files; raise NotMeasured if there are none."""
    found: list[Part] = []
    for place in places:
        for name in logs.files_of(place):
            size = None if name.endswith(".gz") or logs.is_url(name) else Path(name).stat().st_size
            if size is None:
                found.append(Part(len(found), name, 0, None))
            else:
                found += [Part(len(found) + number, name, start, min(start + PART_BYTES, size))
                          for number, start in enumerate(range(0, size, PART_BYTES))]
    return found


def score(task: Task, archive_sha256: str, parts: Sequence[Part], run: Run[Any],
          session: Session | None = None) -> dict[str, Any]:
    """Score what is not scored yet; return the plan with numbers of texts and faulty lines.

    A model that asks a provider does so in `session`. Raises UsageError if the folder holds the
    output of other texts or of another model, NotMeasured where no answer or budget is left.
    """
    out = Path(task.out)
    asked = {"schema": SCHEMA, "archive_sha256": archive_sha256,
             "parts": [asdict(part) for part in parts]}
    if (out / PLAN).is_file():
        before = json.loads((out / PLAN).read_text(encoding="utf-8"))
        if {key: before.get(key) for key in asked} != asked:
            raise UsageError(f"{out}: holds the output of other texts or of another version; "
                             "name a new folder with --out")
    files.write_json(out / PLAN, asked)
    left = [part for part in parts if not (out / part.name).is_file()]
    for _ in run(partial(score_part, task, session=session), left):
        pass
    texts = faulty = 0
    for part in parts:
        data = (out / part.name).read_bytes()
        wrong = data.count(b'"error": ')
        texts, faulty = texts + data.count(b"\n") - wrong, faulty + wrong
    found = {**asked, "texts": texts, "faulty": faulty, "resumed": len(parts) - len(left)}
    files.write_json(out / PLAN, found)
    return found


def score_part(task: Task, part: Part, session: Session | None = None) -> None:
    """Score one part and write its output."""
    model: Any = _loaded(task.kind, task.root, task.model)
    if session:
        model.session = session
    lines: list[str] = []
    for block in _blocks(part):
        rows = [(where, _row(line)) for where, line in block]
        predictions = iter(model.predict([row["text"] for _, row in rows if "error" not in row]))
        for where, row in rows:
            if "error" in row:
                lines.append(json.dumps({"id": where, "error": row["error"]}))
                continue
            found = next(predictions)
            lines.append(json.dumps({"id": row.get("id", where), **_told(found)},
                                    ensure_ascii=False))
    files.write_atomic(Path(task.out) / part.name, "".join(f"{line}\n" for line in lines))


def _told(found: Prediction) -> dict[str, Any]:
    """Return a prediction; where a provider gave no answer, with the reason."""
    told = {"label": found.label, "score": round(found.scores[found.label], 6)}
    return {**told, "fault": found.usage.fault} if found.usage and found.usage.fault else told


@lru_cache(maxsize=1)
def _loaded(kind: str, root: str, folder: str) -> Model:
    return classes.stored(kind, Path(root), folder).load(Path(folder))


def _row(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
        if isinstance(value["text"], str):
            return value if isinstance(value.get("id", ""), str) else {"text": value["text"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return {"error": "no JSON object with a `text`"}


def _blocks(part: Part) -> Iterator[list[tuple[str, bytes]]]:
    """Yield the lines of a part, each with file:byte, where it begins."""
    block: list[tuple[str, bytes]] = []
    with logs.opened(part.source) as stream:
        at = part.start
        if at:
            # A line belongs to the part in which it begins.
            stream.seek(at - 1)
            at += len(stream.readline()) - 1
        while part.end is None or at < part.end:
            line = stream.readline()
            if not line:
                break
            if line.strip():
                block.append((f"{part.source}:{at}", line))
            at += len(line)
            if len(block) == _AT_ONCE:
                yield block
                block = []
    yield block
