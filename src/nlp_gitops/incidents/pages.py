"""The incident and the post-mortem: what the issue forms ask for, as far as facts answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import yaml

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project
from nlp_gitops.incidents.facts import Facts, Plain, durations, moments
from nlp_gitops.privacy import Masker
from nlp_gitops.reporting.markdown import escape

_TITLE_CHARACTERS = 120
SEVERITIES = ("SEV1", "SEV2", "SEV3", "SEV4")


@dataclass(frozen=True)
class Form:
    """`fields` holds (id, label, description) in their order."""

    title: str
    labels: tuple[str, ...]
    fields: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Page:
    """A filled form. `mark` names what it is about, so that a repetition finds it."""

    title: str
    labels: tuple[str, ...]
    mark: str
    text: str

    @property
    def body(self) -> str:
        """Return the text with its mark, which readers do not see."""
        return f"<!-- {self.mark} -->\n{self.text}"


def read(project: Project, name: str) -> Form:
    """Return the form in `.github/ISSUE_TEMPLATE/NAME.yml`."""
    path = project.root / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml"
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Form(value["title"], tuple(value["labels"]), tuple(
        (item["id"], item["attributes"]["label"], item["attributes"].get("description", ""))
        for item in value["body"] if item["type"] != "markdown"))


def fill(form: Form, title: str, mark: str, values: Mapping[str, str]) -> Page:
    """Return the page; a field without a value shows what should be written there."""
    parts = [f"### {label}\n\n{values.get(key) or f'_{description}_'}\n"
             for key, label, description in form.fields]
    short = title if len(title) <= _TITLE_CHARACTERS else title[:_TITLE_CHARACTERS - 1] + "…"
    return Page(form.title + short, form.labels, mark, "\n".join(parts))


def plain(project: Project, text: str) -> str:
    """Return text from anywhere as Markdown that is only text, without personal data."""
    return escape(mask(project, text))


def mask(project: Project, text: str) -> str:
    """Return text on one line, without personal data."""
    return Masker(project.language)(" ".join(text.split()))


def incident(project: Project, facts: Facts, suspect: ModelRef | None, why: str | None,
             severity: str | None, run_url: str | None) -> Page:
    """Return the incident's page; raise UsageError if neither `why` nor the facts say what is
    wrong."""
    told = partial(plain, project)
    version = str(suspect) if suspect else _suspect(facts)
    said = why or _why(facts)
    values = {"severity": severity or _severity(facts), "versions": _versions(facts, version),
              "evidence": _evidence(facts, said, run_url, told), "timeline": _lines(facts, told)}
    return fill(read(project, "incident"), f"{version}: {mask(project, said)}",
                f"incident {version}", values)


def post_mortem(project: Project, facts: Facts, measured: Sequence[str] = ()) -> Page:
    """Return the draft of a post-mortem. `measured` are times that are known better."""
    told = partial(plain, project)
    times = [*measured, *durations(facts)]
    values = {"times": "\n".join(f"- {text}" for text in times), "timeline": _lines(facts, told),
              "summary": _versions(facts, _suspect(facts))}
    day = f"{facts.until:%Y-%m-%d}"
    return fill(read(project, "post_mortem"), f"{facts.name}, {day}",
                f"post-mortem {facts.name} {day}", values)


def _bad(facts: Facts) -> tuple[str, str] | None:
    """Return the version that was rolled back, refused or revoked, and why; None if none was."""
    rollback, failed, revoked = facts.last("rollback"), facts.failed(), facts.last("revoke")
    if rollback:
        return f"{facts.name}@{rollback.replaces}", str(rollback.reason)
    if failed:
        return str(failed.candidate), failed.why
    return (f"{facts.name}@{revoked.version}", str(revoked.reason)) if revoked else None


def _suspect(facts: Facts) -> str:
    """Return the version that is most likely meant."""
    bad = _bad(facts)
    if bad:
        return bad[0]
    return f"{facts.name}@{facts.production}" if facts.production else facts.name


def _why(facts: Facts) -> str:
    bad = _bad(facts)
    if bad:
        return bad[1]
    raise UsageError("no rollback and no failed deploy is on record; say what is wrong: "
                     "--why 'wrong labels for books'")


def _severity(facts: Facts) -> str:
    failed = facts.failed()
    if facts.last("rollback"):
        return "SEV2"
    return "SEV4" if failed and failed.rehearsal else "SEV3"


def _versions(facts: Facts, version: str) -> str:
    held = facts.production and facts.put_into_production(facts.production, facts.until)
    since = f" since {held.at} (event {held.seq})" if held else ""
    return "\n".join((
        f"- suspected: `{version}`",
        f"- in production: `{facts.production or 'none'}`{since}",
        f"- the last good one before it: `{facts.good or 'none'}`"))


def _evidence(facts: Facts, why: str, run_url: str | None, plain: Plain) -> str:
    lines = [f"- {plain(why)}"]
    lines += [f"- {'rehearsal' if deploy.rehearsal else deploy.environment}, "
              f"`{deploy.candidate}`: **{deploy.verdict}**: {plain(deploy.why)}"
              for deploy in facts.deploys if deploy.failed and deploy.why != why]
    return "\n".join(lines + ([f"- [the run with its reports]({run_url})"] if run_url else []))


def _lines(facts: Facts, plain: Plain) -> str:
    return "\n".join(moment.line for moment in moments(facts, plain))
