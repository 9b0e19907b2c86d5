"""Writing the site: index.html, runs.html, and the gate report of every version in a stage."""

from dataclasses import dataclass
from pathlib import Path

from nlp_gitops import tracking
from nlp_gitops.core import files
from nlp_gitops.core.project import Project
from nlp_gitops.drift import history
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import default_name, github_repository, ledger_of
from nlp_gitops.reporting import render_html
from nlp_gitops.site import contents
from nlp_gitops.site.facts import Links
from nlp_gitops.site.page import drift_entries, page
from nlp_gitops.tracking import run_pages


@dataclass(frozen=True)
class Built:
    """What was written, and how much of what it holds."""

    page: str
    models: int
    versions: int
    events: int
    runs: int
    drift_reports: int


def build(project: Project, registry: str | None, out: Path) -> Built:
    """Write the site into a folder; index.html last, so that it never links what is not there.

    Raises CheckFailed for a ledger, and NotMeasured for a remote, that cannot be read.
    """
    name = registry or default_name()
    ledger = ledger_of(project, name)
    snapshot = Snapshot(ledger, ledger.fetch())
    found = contents.read(snapshot)
    runs = tracking.all_runs(project.root / "runs")
    drift = drift_entries(history.parse(
        history.read(project.root, None if name == "local" else name)))
    if runs:
        files.write_atomic(out / "runs.html", run_pages.page(
            project.name, runs, tracking.unfinished(project.root / "runs")))
    links = Links(_repository(project, name), snapshot.commit,
                  frozenset(run.name for run in runs), _reports(snapshot, found, out))
    files.write_atomic(out / "index.html", page(project.name, found, drift, links))
    return Built(str(out / "index.html"), len(found.states), len(found.versions),
                 len(found.events), len(runs), len(drift))


def _repository(project: Project, name: str) -> str | None:
    found = None if name == "local" else github_repository(project, name)
    return "https://" + "/".join(found) if found else None


def _reports(snapshot: Snapshot, found: contents.Contents, out: Path) -> dict[str, str]:
    """Write the gate reports of versions in a stage; return file names by version."""
    held = {f"{name}@{version}" for name, state in found.states.items()
            for version in state.stages.values()}
    written = {}
    for version in found.versions:
        report = contents.report_of(snapshot, version) if version.name in held else None
        if report:
            written[version.name] = f"{version.name}.html"
            files.write_atomic(out / written[version.name], render_html.page(report))
    return written
