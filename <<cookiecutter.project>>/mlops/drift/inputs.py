"""From what a user names to a profile: logs, profiles, or a model version's packed reference."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from zlib import crc32

from mlops.drift import logs
from mlops.drift.columns import LANGUAGE_FIELDS, SHADOW, Reader
from mlops.drift.embedder import Embedder
from mlops.drift.layout import Layout
from mlops.drift.logs import Faults, Line
from mlops.drift.profile import SUFFIX, UNTIMED, Profile, from_bytes, measure, merge
from mlops.errors import NotMeasured, UsageError

# More hours than two years have do not belong into one report; memory grows with them.
MOST_HOURS = 17_600
SAMPLE = 500
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
class Read:
    """What was read from a place, and a random sample of its lines that have a text."""

    place: str
    profile: Profile
    faults: Faults = field(default_factory=Faults)
    versions: Counter[str] = field(default_factory=Counter)
    sample: tuple[Line, ...] = ()
    others: int = 0


def days_of(places: Sequence[str]) -> list[date]:
    """Return the days that a log has folders for (dt=2026-03-01), oldest first."""
    found = set()
    for place in places:
        for name in logs.files_of(place, (SUFFIX,) if is_profile(place) else logs.SUFFIXES):
            try:
                found.add(date.fromisoformat(logs.day_of(name) or ""))
            except ValueError:
                continue
    return sorted(found)


def is_profile(place: str) -> bool:
    """Say whether a place is a profile, or a folder of them and of no logs."""
    if place.endswith(SUFFIX):
        return True
    path = Path(place)
    return path.is_dir() and not any(path.rglob("*.jsonl*")) and any(path.rglob(f"*{SUFFIX}"))


def read_all(places: Sequence[str], make: Callable[[], Reader], days: Days | None = None,
             keep: int = 0) -> Read:
    """Read several logs or profiles as one; raise NotMeasured if nothing is in them."""
    found = [read_profiles(place) if is_profile(place) else read_log(place, make(), days, keep)
             for place in places]
    whole = found[0]
    for more in found[1:]:
        whole = Read(f"{whole.place}, {more.place}", merge(whole.profile, more.profile),
                     Faults(whole.faults.lines + more.faults.lines,
                            whole.faults.torn + more.faults.torn,
                            whole.faults.wrong + more.faults.wrong,
                            (whole.faults.told + more.faults.told)[:logs.MOST_FAULTS]),
                     whole.versions + more.versions, whole.sample + more.sample,
                     whole.others + more.others)
    if days:
        whole = Read(whole.place, whole.profile.between(*days.hours), whole.faults,
                     whole.versions, whole.sample, whole.others)
    if not whole.profile.blocks.get("all"):
        raise NotMeasured(f"{whole.place}: no predictions in "
                          f"{whole.faults.lines:,} lines" + (
                              f" of {days.first} to {days.last}" if days else "")
                          + (f"; first: {whole.faults.told[0]}" if whole.faults.told else ""))
    return whole


def read_profiles(place: str) -> Read:
    """Read one profile, or all of a folder."""
    names = logs.files_of(place, (SUFFIX,))
    whole: Profile | None = None
    for name in names:
        with logs.opened(name) as stream:
            part = from_bytes(stream.read(), name)
        whole = part if whole is None else merge(whole, part)
    return Read(place, whole)


def read_log(place: str, reader: Reader, days: Days | None = None, keep: int = 0) -> Read:
    """Read a log into a profile, in constant memory; `keep` texts are kept at random."""
    profile, faults = Profile(reader.layout), Faults()
    versions: Counter[str] = Counter()
    sample: list[tuple[int, Line]] = []
    names = [name for name in logs.files_of(place) if _is_within(name, days)]
    for name in names:
        for block in logs.read(name, faults):
            lines = reader.columns(block, name, faults)
            profile = merge(profile, measure(reader.layout, lines))
            versions.update(str(line.get("version")) for line, _ in block
                            if line.get("variant") != SHADOW)
            if keep:
                # Only keys below the largest kept one can enter.
                limit = sample[-1][0] if len(sample) == keep else 1 << 32
                sample = sorted([*sample, *_keyed(block, limit)], key=lambda item: item[0])[:keep]
            if len(profile.blocks.get("all", ())) > MOST_HOURS:
                raise UsageError(f"{name}: the log spans more than two years of hours; name fewer "
                                 "files, or a window with --days")
    return Read(place, profile, faults, versions, tuple(line for _, line in sample),
                reader.others)


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
            if isinstance(line.get("text"), str) and line.get("variant") != SHADOW
            and (key := crc32(f"{line.get('request_id')} {number}".encode(
                "utf-8", "replace"))) < limit]


def discover(places: Sequence[str], slices: Sequence[str]) -> Layout:
    """Return a layout from a log's first lines, for traffic of a model that was never packed."""
    labels: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    values: dict[str, Counter[str]] = {name: Counter() for name in slices}
    seen = 0
    for place in places:
        for name in logs.files_of(place):
            for block in logs.read(name, Faults()):
                for line, _ in block:
                    given = line.get("fields") if isinstance(line.get("fields"), dict) else line
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
    return tuple(datetime.fromtimestamp(hour * 3600, timezone.utc).isoformat(timespec="minutes")
                 for hour in (min(hours), max(hours)))


def reader_of(layout: Layout, embedder: Embedder | None, model: str | None) -> Callable[[], Reader]:
    """Return what makes a reader; each log gets its own."""
    return lambda: Reader(layout, embedder, model)
