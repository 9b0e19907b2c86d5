"""A promotion on GitHub: what may begin one, how it ended, and the note on its release page."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nlp_gitops.core import context
from nlp_gitops.core.errors import NotMeasured, UsageError, UserError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project
from nlp_gitops.registry import policy
from nlp_gitops.registry.github_client import Connection, speaking
from nlp_gitops.registry.github_releases import with_notes
from nlp_gitops.registry.operations import Registry, resolve
from nlp_gitops.registry.policy import check_protected
from nlp_gitops.registry.reading import source_commit
from nlp_gitops.registry.remotes import connect
from nlp_gitops.reporting.markdown import escape
from nlp_gitops.reporting.output import read_report
from nlp_gitops.reporting.report import view

_TITLES = {"promoted": "✅ Promoted to production", "refused": "❌ Promotion refused",
           "rolled back": "❌ Promotion rolled back"}
_NO_REPORT = "no report was left; the reason is in the log of the run"
CANARY, DEPLOY = "canary.json", "deploy-production.json"
REFUSAL = "refusal.json"
STEPS = ("judge", "canary", "ledger", "traffic")


@dataclass(frozen=True)
class Ended:
    """How a promotion ended. `word` is promoted, refused, or rolled back."""

    word: str
    why: str

    @property
    def is_good(self) -> bool:
        """Say whether the version is in production now."""
        return self.word == "promoted"


def notes(ended: Ended, rows: Sequence[tuple[str, str]], run_url: str | None) -> str:
    """Return the notes in Markdown. Whatever a report says stays text."""
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    lines = [f"### {_TITLES[ended.word]}", "", f"{when}: {escape(ended.why)}", ""]
    if rows:
        lines += ["| evidence | |", "|---|---|",
                  *(f"| {escape(name)} | {escape(text)} |" for name, text in rows), ""]
    return "\n".join(lines + ([f"[The run with all reports]({run_url})"] if run_url else []))


def publish(connection: Connection, ref: ModelRef, text: str, prerelease: bool | None) -> str:
    """Write notes on the version's release; return what was done.

    `prerelease` is what the release should be, None leaves it. Unticking "pre-release" by hand asks
    for a promotion; where it was refused, the tick is set again.
    """
    connection.need_token()
    with speaking(connection.host, f"release {ref}"):
        page = connection.ask(lambda: _release(connection, ref))
        if page is None:
            return f"{ref} has no release to note it on"
        wanted = page.prerelease if prerelease is None else prerelease
        connection.pace()
        connection.ask(lambda: page.update_release(
            page.title, with_notes(page.body or "", text), draft=False, prerelease=wanted,
            make_latest="false" if wanted else _unsaid()))
        return f"noted on the release of {ref}" + (", a pre-release" if wanted else "")


def _unsaid() -> Any:
    from github.GithubObject import NotSet

    return NotSet


def _release(connection: Connection, ref: ModelRef) -> Any | None:
    import github

    try:
        return connection.repo.get_release(str(ref))
    except github.UnknownObjectException:
        return None


@dataclass(frozen=True)
class Begun:
    """A promotion that was asked for. `champion` is what production holds now, or `none`."""

    ref: ModelRef
    champion: str

    @property
    def todo(self) -> bool:
        """Say whether there is anything to do: a repeated trigger finds the version there."""
        return self.champion != self.ref.version.tag

    def outputs(self) -> dict[str, str]:
        """Return what later jobs read."""
        return {"ref": str(self.ref), "name": self.ref.name, "version": self.ref.version.tag,
                "champion": self.champion, "todo": str(self.todo).lower()}


def begin(project: Project, registry: Registry, text: str) -> Begun:
    """Return what was asked for; raise UsageError if it is no registered version."""
    _check_branch(project)
    snapshot = registry.snapshot()
    ref = resolve(snapshot, text, project.model().name)
    snapshot.version(ref)
    state = snapshot.states()[ref.name]
    return Begun(ref, state.stages.get("production", "none"))


def check(project: Project, registry: Registry, begun: Begun) -> None:
    """Raise what the registry would raise at the end, before any traffic reaches the version."""
    snapshot = registry.snapshot()
    state = snapshot.states()[begun.ref.name]
    version = snapshot.version_in(state, begun.ref)
    policy.check_frozen("production", project.registry)
    policy.check_revoked(state, begun.ref, "production", False, None)
    policy.check_order(state, version, "production", project.registry)
    check_protected(registry.ledger, project.registry.protected_branch, begun.ref,
                    source_commit(snapshot.manifest(begun.ref)))


def _check_branch(project: Project) -> None:
    branch = project.registry.protected_branch
    if context.in_workflow() and branch and os.environ.get("GITHUB_REF") != f"refs/heads/{branch}":
        raise UsageError(f"promotions run on {branch}, whose gates were reviewed; choose it under "
                         "'Use workflow from'")


def open_registry(project: Project, name: str | None) -> Registry:
    """Return the registry; raise NotMeasured where it holds nothing yet."""
    registry = connect(project, name)
    if registry.snapshot().commit is None:
        raise NotMeasured("the registry holds nothing yet; the first push to main registers a "
                          "version")
    return registry


def ended(jobs: Mapping[str, str], evidence: Path) -> Ended:
    """Return how it ended, from the jobs' results and the reports that they left."""
    failed = next((name for name in STEPS if jobs.get(name) != "success"), None)
    if failed is None:
        return Ended("promoted", "all gates and the canary passed")
    if jobs.get(failed) == "cancelled":
        return Ended("rolled back" if failed == "traffic" else "refused", "the run was cancelled")
    if failed == "judge":
        return Ended("refused", _refusal(evidence / "gate"))
    if failed == "canary":
        return Ended("refused", "canary: " + _said(evidence / "production" / CANARY))
    if failed == "ledger":
        return Ended("refused", "the registry changed meanwhile or refused the step; its line is "
                     "in the log of the run")
    return Ended("rolled back", "deployment: " + _said(evidence / "production" / DEPLOY))


def condemned(jobs: Mapping[str, str], evidence: Path) -> bytes | None:
    """Return the canary's report if it found the version worse; None if it found out nothing."""
    found = _read(evidence / "production" / CANARY)
    if jobs.get("canary") != "failure" or found is None or found.get("verdict") != "FAIL":
        return None
    return (evidence / "production" / CANARY).read_bytes()


def is_incident(jobs: Mapping[str, str]) -> bool:
    """Say whether a version that had traffic, or was to have it, did not do what it should."""
    return "failure" in (jobs.get("canary"), jobs.get("traffic"))


def results(text: str) -> dict[str, str]:
    """Read the workflow's `toJSON(needs)`: the first job's result, the steps of the second.

    Raises UsageError if it is something else.
    """
    try:
        needs = json.loads(text)
        steps = needs["production"].get("outputs") or {}
        return {"judge": str(needs["judge"]["result"]),
                **{name: str(steps.get(name) or "skipped") for name in STEPS[1:]}}
    except (ValueError, AttributeError, KeyError, TypeError):
        raise UsageError("--jobs takes the workflow's toJSON(needs)") from None


def evidence_rows(evidence: Path) -> list[tuple[str, str]]:
    """Return what was measured: one row for each report that there is."""
    rows = []
    gate = _gate(evidence / "gate" / "report.json")
    if gate:
        rows.append(("gates", gate))
    for name, file in (("canary", CANARY), ("all traffic", DEPLOY)):
        found = _read(evidence / "production" / file)
        if found:
            kind = "rehearsal" if found.get("rehearsal") else "live"
            rows.append((f"{name} ({kind})", f"{found.get('verdict')}: {found.get('why')}"))
    return rows


def _refusal(folder: Path) -> str:
    early = _read(folder / REFUSAL)
    return str(early["why"]) if early else "gates: " + (_gate(folder / "report.json") or _NO_REPORT)


def _gate(path: Path) -> str | None:
    try:
        found = view(read_report(path))
    except (OSError, UserError):
        return None
    return f"{found.verdict}: {found.headline}"


def _said(path: Path) -> str:
    found = _read(path)
    return str(found["why"]) if found and found.get("why") else _NO_REPORT


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
