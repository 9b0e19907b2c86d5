"""What `tools/drift_report.py` does: find the two windows, judge, write the reports."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from nlp_gitops.core import context, files
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.names import check_model_name
from nlp_gitops.core.project import Project
from nlp_gitops.drift import calibrate as calibration
from nlp_gitops.drift import feedback, history, inputs, logs, page
from nlp_gitops.drift import profile as profiles
from nlp_gitops.drift import quality, reference, report, summary
from nlp_gitops.drift.calibrate import Certificate
from nlp_gitops.drift.columns import Layout
from nlp_gitops.drift.embedder import Embedder
from nlp_gitops.drift.inputs import Days, Read, Work
from nlp_gitops.drift.judge import BOUNDS, Rules
from nlp_gitops.drift.profile import Profile
from nlp_gitops.drift.reference import Packed
from nlp_gitops.registry.operations import resolve
from nlp_gitops.registry.remotes import connect

SERVED = "logs/predictions"
LOGS_VARIABLE = "DRIFT_LOGS"
# Lines that are older than this are no picture of the present.
_STALE = timedelta(days=2)


@dataclass(frozen=True)
class Wish:
    """What was asked for. Without `current` the settings say where the logs are."""

    reference: str | None = None
    current: tuple[str, ...] = ()
    model: str | None = None
    registry: str | None = None
    days: int | None = None
    rule: str = "test"
    feedback: str | None = None
    history: str | None = None
    texts: int = 8
    engine: str = logs.ONE


@dataclass(frozen=True)
class _Ground:
    """What every comparison stands on: a model, its packed reference, and why there is none."""

    model: str
    packed: Packed | None
    why: str


def make(project: Project, wish: Wish, out: Path) -> dict[str, Any]:
    """Make the report and write it into `out`; raise NotMeasured if there is nothing to read."""
    places = _places(project, wish)
    ground = _ground(project, wish)
    before, current = _windows(project, wish, ground, places)
    past = history.read(project.root, wish.history)
    subject = _subject(project, wish, ground, before.profile.layout)
    span = inputs.span(current.profile)
    if span:
        alerted = history.alerted(history.parse(past), ground.model, span[0])
        subject = replace(subject, rules=replace(subject.rules, alerted=alerted))
    found = report.build(subject, before, current, _labelled(project, wish, ground, before, places))
    if ground.packed is None:
        found["warnings"].append(ground.why)
    entries = history.before(history.parse(past), found)
    write(out, found, entries)
    history.append(project.root, wish.history, history.entry(found))
    return found


def write(out: Path, found: Mapping[str, Any], past: list[history.Entry]) -> None:
    """Write report.json, report.md and report.html."""
    files.write_json(out / "report.json", found)
    files.write_atomic(out / "report.md", summary.markdown(found, past))
    files.write_atomic(out / "report.html", page.page(found, past))


def calibrate(project: Project, wish: Wish) -> Certificate:
    """Measure past weeks of a log and write the certificate."""
    places = _places(project, wish)
    ground = _ground(project, wish)
    newest = _newest(places)
    # The newest day may not be over.
    days = Days(newest - timedelta(days=7 * calibration.WEEKS), newest - timedelta(days=1))
    work = Work(*_layout(project, ground, places), ground.model)
    with logs.chosen(wish.engine) as run:
        read = inputs.read_all(places, work, days, run)
    found = calibration.calibrate(read.profile, days, _rules(project, None))
    calibration.write(project.root / project.drift.calibration, found)
    return found


def profile(project: Project, wish: Wish, out: Path) -> Profile:
    """Write the profile of logs or profiles into one file, which holds no text."""
    places = _places(project, wish)
    ground = _ground(project, wish)
    work = Work(*_layout(project, ground, places), ground.model)
    with logs.chosen(wish.engine) as run:
        found = inputs.read_all(places, work, None, run).profile
    profiles.write(out, found)
    return found


def _places(project: Project, wish: Wish) -> list[str]:
    if wish.current:
        return list(wish.current)
    named = project.drift.logs or os.environ.get(LOGS_VARIABLE)
    if named:
        return [named]
    if (project.root / SERVED).is_dir():
        return [str(project.root / SERVED)]
    raise NotMeasured(f"no prediction logs: `make serve` writes {SERVED}; set drift.logs in "
                      f"project.yaml, or the repository variable {LOGS_VARIABLE}, to the folder or "
                      "URL of others; see nlp-gitops help drift")


def _ground(project: Project, wish: Wish) -> _Ground:
    """Return the model with its packed reference, which also holds the frozen embedder."""
    text = wish.model or project.model().name
    if wish.reference and _is_version(wish.reference):
        text = wish.reference
    name = check_model_name(text.partition("@")[0])
    try:
        ref = resolve(connect(project, wish.registry).snapshot(),
                      text if "@" in text else f"{text}@production", project.model().name)
        return _Ground(name, reference.load(project, ref, wish.registry), "")
    except (NotMeasured, UsageError) as error:
        if "@" in text:
            raise
        return _Ground(name, None, f"Without a registered version texts are not looked at: {error}")


def _is_version(text: str) -> bool:
    return "@" in text and "/" not in text and not Path(text).exists()


def _layout(project: Project, ground: _Ground,
            places: list[str]) -> tuple[Layout, Embedder | None]:
    """Return how lines are counted: as in a given profile, else as in the packed reference."""
    packed = ground.packed
    profile = next((place for place in places if inputs.is_profile(place)), None)
    if profile:
        layout = inputs.layout_of(profile)
        return layout, packed.embedder if packed and (
            packed.embedder.sha256 == layout.embedder) else None
    if packed:
        return packed.profile.layout, packed.embedder
    return inputs.discover(places, project.drift.slices, ground.model), None


def _windows(project: Project, wish: Wish, ground: _Ground, places: list[str]) -> tuple[Read, Read]:
    """Return reference and current. Days are counted back from the newest day of the log."""
    days = wish.days or (None if wish.current else project.drift.days)
    window = before = None
    if days:
        newest = _newest(places)
        if not wish.current:
            _check_fresh(newest)
        window = Days(newest - timedelta(days=days - 1), newest)
        before = Days(window.first - timedelta(days=project.drift.reference_days),
                      window.first - timedelta(days=1))
    given = [wish.reference] if wish.reference and not _is_version(wish.reference) else []
    work = Work(*_layout(project, ground, [*given, *places]), ground.model, inputs.SAMPLE)
    with logs.chosen(wish.engine) as run:
        current = inputs.read_all(places, work, window, run)
        if given:
            return inputs.read_all(given, replace(work, keep=0), None, run), current
        if not wish.reference and before and _has_days(places, before):
            return inputs.read_all(places, replace(work, keep=0), before, run), current
    return _packed(ground), current


def _packed(ground: _Ground) -> Read:
    if ground.packed is None:
        raise NotMeasured(f"{ground.why}; name an earlier log with --reference")
    return Read(f"{ground.packed.version}, {ground.packed.split} rows", ground.packed.profile)


def _newest(places: list[str]) -> date:
    days = inputs.days_of(places)
    if not days:
        raise UsageError(f"{places[0]}: --days needs folders like dt=2026-03-01, as the service "
                         "writes them")
    return days[-1]


def _check_fresh(newest: date) -> None:
    age = datetime.now(timezone.utc).date() - newest
    if age > _STALE:
        raise NotMeasured(f"the newest predictions are of {newest}, {age.days} days ago: are logs "
                          "still collected? To look at them anyway: --current LOGS")


def _has_days(places: list[str], window: Days) -> bool:
    """Say whether a log has every day of a window, but for one in seven."""
    there = [day for day in inputs.days_of(places) if window.first <= day <= window.last]
    return len(there) >= ((window.last - window.first).days + 1) * 6 // 7


def _subject(project: Project, wish: Wish, ground: _Ground, layout: Layout) -> report.Subject:
    certificate = calibration.load(project.root / project.drift.calibration, layout.sha256)
    # Another version's packed rows say nothing about this traffic.
    packed = ground.packed if ground.packed and ground.packed.profile.layout == layout else None
    return report.Subject(
        model=ground.model, version=packed.version if packed else None,
        embedder=packed.embedder if packed else None, judge=packed.profile if packed else None,
        rules=_rules(project, certificate), rule=wish.rule, certificate=certificate,
        min_accuracy=project.drift.min_accuracy, language=project.language,
        texts=wish.texts if _may_show_texts() else 0, owners=project.drift.owners)


def _rules(project: Project, certificate: Certificate | None) -> Rules:
    settings = project.drift
    return Rules(settings.alpha, settings.min_rows, settings.min_slice_rows,
                 {**BOUNDS, **(certificate.bounds if certificate else {}), **settings.bounds})


def _may_show_texts() -> bool:
    """Say whether reports may hold masked texts: everybody can read a public repository's."""
    if not context.in_workflow():
        return True
    try:
        return context.event()["repository"]["private"] is True
    except (UsageError, OSError, ValueError, KeyError, TypeError):
        return False


def _labelled(project: Project, wish: Wish, ground: _Ground, before: Read,
              places: list[str]) -> dict[str, Any] | None:
    """Return quality by delayed labels; None without any."""
    place = wish.feedback or project.drift.feedback
    if not place or all(inputs.is_profile(item) for item in places):
        return None
    days = wish.days or (None if wish.current else project.drift.days)
    window = None
    if days:
        newest = _newest(places)
        window = Days(newest - timedelta(days=days - 1), newest)
    layout = before.profile.layout
    confusion, joined = feedback.join(place, places, layout, ground.model, window)
    return {**joined, **quality.labelled(confusion, layout.labels)}
