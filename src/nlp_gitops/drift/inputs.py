"""From what a user names to a profile: logs, profiles, or a model version's packed reference."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from functools import partial
from operator import itemgetter
from zlib import crc32

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.drift import logs
from nlp_gitops.drift.columns import LANGUAGE_FIELDS, UNTIMED, Layout, Reader, is_other
from nlp_gitops.drift.embedder import Embedder
from nlp_gitops.drift.logs import Faults, Line
from nlp_gitops.drift.profile import SUFFIX, Profile, from_bytes, measure, merge

# More hours than two years have do not belong into one report; memory grows with them.
MOST_HOURS = 17_600
SAMPLE = 500
ALL = (SUFFIX, *logs.SUFFIXES)
_DISCOVERED = 10_000
_MOST_VALUES = 20


@dataclass(frozen=True)
class Days:
    """A window of whole days, UTC; the last one included."""

    first: date
    last: date

    @property
    def hours(self) -> tuple[int, int]:
        """Return the first hour since 1970, and the one after the last."""
        start = (self.first - date(1970, 1, 1)).days * 24
        return start, start + ((self.last - self.first).days + 1) * 24


@dataclass(frozen=True)
class Work:
    """How files are read: lines of these hours; `keep` texts stay as a random sample.

    Can be sent to other machines.
    """

    layout: Layout
    embedder: Embedder | None = None
    model: str | None = None
    keep: int = 0
    hours: tuple[int, int] | None = None


@dataclass(frozen=True)
class Read:
    """What was read from a place. `sample` are lines with a text, by keys that are random."""

    place: str
    profile: Profile
    faults: Faults = field(default_factory=Faults)
    versions: Counter[str] = field(default_factory=Counter)
    sample: tuple[tuple[int, Line], ...] = ()
    others: int = 0


Run = Callable[[Callable[[str], Read], Sequence[str]], Iterable[Read]]


def days_of(places: Sequence[str]) -> list[date]:
    """Return the days that a log has folders for (dt=2026-03-01), oldest first."""
    found = set()
    for place in places:
        for name in logs.find(place, ALL):
            try:
                found.add(date.fromisoformat(logs.day_of(name) or ""))
            except ValueError:
                continue
    return sorted(found)


def is_profile(place: str) -> bool:
    """Say whether a place is a profile, or a folder of them and of no logs."""
    names = logs.find(place, ALL)
    return bool(names) and all(name.endswith(SUFFIX) for name in names)


def read_all(places: Sequence[str], work: Work, days: Days | None = None, run: Run = map) -> Read:
    """Read several logs or profiles as one; raise NotMeasured if nothing is in them.

    `run` maps a function over files; the built-in `map` does one after the other.
    """
    whole = Read("", Profile(work.layout))
    for place in places:
        part = (read_profiles(place, work.layout, days) if is_profile(place)
                else read_log(place, work, days, run))
        whole = together(whole, part, work.keep)
    if not whole.profile.blocks.get("all"):
        raise NotMeasured("".join((
            f"{whole.place}: no predictions in {whole.faults.lines:,} lines",
            f" of {days.first} to {days.last}" if days else "",
            f"; {whole.others:,} are of tests, shadows or other models" if whole.others else "",
            f"; first fault: {whole.faults.told[0]}" if whole.faults.told else "")))
    return whole


def together(one: Read, other: Read, keep: int) -> Read:
    """Return both as one; raise UsageError if they span too many hours."""
    profile = merge(one.profile, other.profile)
    if len(profile.blocks.get("all", ())) > MOST_HOURS:
        raise UsageError(f"{other.place}: the log spans more than two years of hours; name fewer "
                         "files, or a window with --days")
    return Read(", ".join(filter(None, (one.place, other.place))), profile,
                one.faults.and_those_of(other.faults), one.versions + other.versions,
                tuple(sorted([*one.sample, *other.sample], key=itemgetter(0))[:keep]),
                one.others + other.others)


def layout_of(place: str) -> Layout:
    """Return the layout of a folder of profiles, or of one."""
    return _profile(logs.files_of(place, (SUFFIX,))[0]).layout


def read_profiles(place: str, layout: Layout, days: Days | None = None) -> Read:
    """Read one profile, or all of a folder; raise UsageError if one has another layout."""
    whole = Profile(layout)
    for name in logs.files_of(place, (SUFFIX,)):
        if _is_within(name, days):
            part = _profile(name)
            whole = merge(whole, part.between(*days.hours) if days else part)
    return Read(place, whole)


def _profile(name: str) -> Profile:
    with logs.opened(name) as stream:
        return from_bytes(stream.read(), name)


def read_log(place: str, work: Work, days: Days | None = None, run: Run = map) -> Read:
    """Read the files of a log, in memory that does not grow with them."""
    names = [name for name in logs.files_of(place) if _is_within(name, days)]
    work = replace(work, hours=days.hours if days else None)
    whole = Read("", Profile(work.layout))
    for part in run(partial(read_file, work), names):
        whole = replace(together(whole, part, work.keep), place="")
    return replace(whole, place=place)


def read_file(work: Work, name: str) -> Read:
    """Read one file of a log."""
    faults = Faults()
    reader = Reader(work.layout, work.embedder, work.model, hours=work.hours)
    whole = Read("", Profile(work.layout), faults)
    for found in logs.read(name, faults):
        block = reader.own(found)
        lines = reader.columns(block, name, faults)
        versions = Counter(str(line.get("version")) for line, _ in block)
        # Only keys below the largest kept one can enter.
        limit = whole.sample[-1][0] if len(whole.sample) == work.keep > 0 else 1 << 32
        sample = tuple(_keyed(block, limit)) if work.keep else ()
        part = Read(name, measure(work.layout, lines), Faults(), versions, sample)
        whole = replace(together(whole, part, work.keep), place="", faults=faults)
    return replace(whole, place=name, others=reader.others)


def _is_within(name: str, days: Days | None) -> bool:
    """Say whether a file can hold lines of these days. Its folder says when they were written."""
    day = logs.day_of(name)
    if days is None or day is None:
        return True
    return str(days.first) <= day <= str(days.last + timedelta(days=1))


def _keyed(block: Sequence[tuple[Line, int]], limit: int) -> list[tuple[int, Line]]:
    """Return lines with a text whose key is below a limit; the smallest keys are a random choice.
    """
    return [(key, line) for line, number in block
            if isinstance(line.get("text"), str) and (key := crc32(
                f"{line.get('request_id')} {number}".encode("utf-8", "replace"))) < limit]


def discover(places: Sequence[str], slices: Sequence[str], model: str) -> Layout:
    """Return a layout from a log's first lines, for traffic of a model that was never packed."""
    labels: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    values: dict[str, Counter[str]] = {name: Counter() for name in slices}
    seen = 0
    for place in places:
        for name in logs.files_of(place):
            for block in logs.read(name, Faults()):
                for line, _ in block:
                    if is_other(line, model):
                        continue
                    fields = line.get("fields")
                    given = fields if isinstance(fields, dict) else line
                    labels.update([line["label"]] if isinstance(line.get("label"), str) else [])
                    languages.update(str(given[key]) for key in LANGUAGE_FIELDS if given.get(key))
                    for key, counts in values.items():
                        counts.update([str(given[key])] if given.get(key) is not None else [])
                seen += len(block)
                if seen > _DISCOVERED:
                    break
    return Layout(tuple(sorted(labels)), _commonest(languages),
                  tuple((name, _commonest(counts)) for name, counts in values.items()))


def _commonest(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(value for value, _ in counts.most_common(_MOST_VALUES)))


def span(profile: Profile) -> tuple[str, str] | None:
    """Return the first and the last hour of a profile as ISO 8601; None for rows without a time."""
    hours = [hour for hour in profile.blocks.get("all", {}) if hour != UNTIMED]
    if not hours:
        return None
    first, last = (datetime.fromtimestamp(hour * 3600, timezone.utc).isoformat(timespec="minutes")
                   for hour in (min(hours), max(hours)))
    return first, last
