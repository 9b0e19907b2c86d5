"""Prediction logs as the service writes them, and who reads them: this process, or Dask workers.

A file may end in the middle of a line: its writer is still at work, or was stopped. Any other line
that is none is left out and told with file and line. Memory is bounded, whatever a line holds.

Profiles of files add up to the last bit, so both give the same numbers. Dask is the extra `dask`:
a cluster on this machine, or the one that DASK_SCHEDULER_ADDRESS names; its workers need this
repository on their path. Any engine that can map over files fits here (`nlp-gitops help drift`
has Spark).
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from nlp_gitops.core.errors import NotMeasured, UsageError

_PIECE = 1 << 20
LONGEST = 4 * _PIECE
MOST_FAULTS = 20
SUFFIXES = (".jsonl", ".jsonl.gz")
_DAY = "dt="

Line = dict[str, Any]
ONE, DASK = "one", "dask"
# A file that killed so many workers is taken for the cause.
_RETRIES = 3
Result = TypeVar("Result")
Run = Callable[[Callable[[Any], Result], Sequence[Any]], Iterator[Result]]


@dataclass
class Faults:
    """What could not be read: the first faults with file:line, and how many there were."""

    lines: int = 0
    torn: int = 0
    wrong: int = 0
    told: list[str] = field(default_factory=list)

    def and_those_of(self, other: "Faults") -> "Faults":
        """Return the faults of both."""
        return Faults(self.lines + other.lines, self.torn + other.torn, self.wrong + other.wrong,
                      (self.told + other.told)[:MOST_FAULTS])

    def add(self, where: str, number: int, message: str) -> None:
        """Note a line that is none."""
        self.wrong += 1
        if len(self.told) < MOST_FAULTS:
            self.told.append(f"{where}:{number}: {message}")


def is_url(place: str) -> bool:
    """Say whether a place is a URL, which fsspec reads."""
    return "://" in place


def files_of(place: str, suffixes: Sequence[str] = SUFFIXES) -> list[str]:
    """Return the files of a log, oldest first; raise NotMeasured if there are none."""
    found = find(place, suffixes)
    if not found:
        raise NotMeasured(f"{place}: no prediction log here (files that end with "
                          f"{' or '.join(suffixes)})")
    return found


def find(place: str, suffixes: Sequence[str]) -> list[str]:
    """Return the files below a place, in order; a file that is named itself may end as it likes.

    Raises NotMeasured if the place does not exist.
    """
    if is_url(place):
        return sorted(_listed(place, suffixes))
    path = Path(place)
    if not path.exists():
        raise NotMeasured(f"{place}: no such file or folder")
    return [str(path)] if path.is_file() else sorted(
        str(item) for item in path.rglob("*") if item.name.endswith(tuple(suffixes)))


def day_of(path: str) -> str | None:
    """Return the day that a folder like dt=2026-03-01 names, or None."""
    return next((part.removeprefix(_DAY) for part in path.split("/") if part.startswith(_DAY)),
                None)


def read(place: str, faults: Faults, most: int = 2048) -> Iterator[list[tuple[Line, int]]]:
    """Yield a file's lines with their numbers, at most `most` at once; `faults` gets the rest."""
    first = 1
    with opened(place) as stream:
        for block, ended in _blocks(stream, most):
            yield _parsed(block, place, first, faults, ended)
            first += len(block)


@contextmanager
def opened(place: str) -> Iterator[BinaryIO]:
    """Open a file or URL; gzip is told by the name. Raises NotMeasured if it cannot be read."""
    try:
        with _raw(place) as raw:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if place.endswith(".gz") else raw
    except (OSError, EOFError, zlib.error) as error:
        raise NotMeasured(f"{place}: cannot be read: {error}") from None


def _raw(place: str) -> Any:
    if not is_url(place):
        return open(place, "rb")
    return _fsspec(place).open(place, "rb").open()


def _listed(place: str, suffixes: Sequence[str]) -> list[str]:
    library = _fsspec(place)
    try:
        system, path = library.core.url_to_fs(place)
        names = [path] if system.isfile(path) else system.find(path)
        return [system.unstrip_protocol(name) for name in names
                if name.endswith(tuple(suffixes)) or name == path]
    except Exception as error:
        # Every protocol of fsspec raises errors of its own, from a library of its own.
        reason = (str(error).splitlines() or [""])[0][:200]
        raise NotMeasured(f"{place}: cannot be listed: {type(error).__name__}: {reason}") from None


def _fsspec(place: str) -> Any:
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"{place}: reading a URL needs fsspec; install it with: "
                         "pip install fsspec, and the package of that protocol (s3fs, gcsfs, "
                         "adlfs)") from None
    return fsspec


def _blocks(stream: BinaryIO, most: int) -> Iterator[tuple[list[bytes], bool]]:
    """Yield blocks of lines, and whether the last of them ended with a line break."""
    rest, waiting, skipping = b"", [], False
    while piece := stream.read(_PIECE):
        *whole, rest = (rest + piece).split(b"\n")
        if skipping and whole:
            # The end of a line that was too long to be kept.
            whole[0], skipping = b"\x00", False
        if len(rest) > LONGEST:
            rest, skipping = b"\x00", True
        waiting += whole
        while len(waiting) >= most:
            yield waiting[:most], True
            del waiting[:most]
    if waiting:
        yield waiting, True
    if rest:
        yield [rest], False


def _parsed(block: list[bytes], where: str, first: int, faults: Faults,
            ended: bool) -> list[tuple[Line, int]]:
    faults.lines += len(block)
    try:
        # One call for the whole block is faster than one a line.
        found = json.loads(b"[" + b",".join(block) + b"]")
        if len(found) == len(block) and all(type(line) is dict for line in found):
            return list(zip(found, range(first, first + len(block))))
    except (ValueError, RecursionError):
        pass
    kept = []
    for number, line in enumerate(block, first):
        if not line.strip():
            faults.lines -= 1
            continue
        try:
            value = json.loads(line)
        except RecursionError:
            faults.add(where, number, "nested too deep")
        except ValueError:
            if ended:
                faults.add(where, number, "not a JSON line")
            else:
                faults.torn += 1
        else:
            if isinstance(value, dict):
                kept.append((value, number))
            else:
                faults.add(where, number, "a line must be a JSON object")
    return kept


def hour_of(text: Any, known: dict[str, int]) -> int:
    """Return the hours since 1970 (UTC) of an ISO 8601 time; raise ValueError if it is none.

    `known` remembers what was asked before.
    """
    if not isinstance(text, str):
        raise ValueError("`at` is no time")
    key = text[:13] + ("Z" if text[-1:] == "Z" else text[19:][-6:])
    if key not in known:
        moment = datetime.fromisoformat(text)
        offset = moment.utcoffset()
        if offset is None:
            raise ValueError("`at` has no time zone")
        if len(known) > 100_000:
            known.clear()
        whole = offset.total_seconds() % 3600 == 0
        hour = int(moment.timestamp() // 3600)
        if hour < 0:
            raise ValueError("`at` is before 1970")
        if not whole:
            return hour
        known[key] = hour
    return known[key]


@contextmanager
def chosen(name: str) -> Iterator[Run[Any]]:
    """Give what maps a function over files; raise UsageError if it is not installed."""
    if name == ONE:
        yield map
        return
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--engine dask needs the package distributed; install it with: "
                         "uv pip install distributed") from None
    with Client(set_as_default=False) as client:
        yield over(client)


def over(client: Any) -> Run[Any]:
    """Return what maps over files on a cluster's workers; a lost worker's files are read again."""
    def run(function: Callable[[Any], Result], names: Sequence[Any]) -> Iterator[Result]:
        from distributed import KilledWorker

        futures = client.map(function, names, retries=_RETRIES, pure=False)
        while futures:
            # In order, and each is let go once it is merged.
            try:
                yield futures.pop(0).result()
            except KilledWorker as error:
                raise NotMeasured(f"the cluster lost its workers: {error}") from None

    return run
