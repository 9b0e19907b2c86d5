"""An incident: whom to call, the issue with what is known, and the draft of its post-mortem.

Facts come from the ledger and from the reports of deploys below --evidence; personal data is
masked. With a registry on GitHub the page becomes an issue, elsewhere a file.

commands:
  contacts      whom to call, from project.yaml
  open          the incident, in the form of .github/ISSUE_TEMPLATE/incident.yml
  post-mortem   the draft, with versions and time line

examples:
  nlp-gitops incident contacts
  nlp-gitops incident open --why "wrong labels for books"
  nlp-gitops incident open review-sentiment@v1.3.0 --severity SEV2 --registry origin
  nlp-gitops incident post-mortem --since 2026-03-01T13:00 --out post-mortem.md
"""

import argparse
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core import context
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.files import write_atomic
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.incidents import facts, pages
from nlp_gitops.incidents.pages import Page
from nlp_gitops.registry import github_client, views
from nlp_gitops.registry.remotes import default_name, github_repository


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = _arguments().parse_args(argv)
    project = load_project()
    if options.command == "contacts":
        found = {"owner": project.owner, **vars(project.contacts)}
        show(options, found, *(
            f"{name:<12} {text or 'not set; write it into contacts in project.yaml'}"
            for name, text in found.items()))
        return 0
    known = _facts(project, options)
    if options.command == "open":
        suspect = ModelRef.parse(options.what) if "@" in (options.what or "") else None
        page = pages.incident(project, known, suspect, options.why, options.severity,
                              context.run_url())
    else:
        page = pages.post_mortem(project, known)
    place = _put(project, options, page)
    show(options, {"title": page.title, "place": place, "text": page.text}, place)
    return 0


def _arguments() -> argparse.ArgumentParser:
    found = parser(__doc__, "--registry", "--json")
    found.add_argument("command", choices=("contacts", "open", "post-mortem"))
    found.add_argument("what", nargs="?", metavar="NAME[@vX.Y.Z]",
                       help="a model, or the version that is suspected (default: the first model)")
    found.add_argument("--why", help="what is wrong (default: what a rollback or canary said)")
    found.add_argument("--severity", choices=pages.SEVERITIES,
                       help="default: SEV2 after a rollback, SEV4 for a rehearsal, else SEV3")
    found.add_argument("--since", metavar="TIME",
                       help="begin of the time line, UTC (default: a day ago)")
    found.add_argument("--until", metavar="TIME", help="its end (default: now)")
    found.add_argument("--evidence", type=Path, action="append", metavar="DIR",
                       help="a folder with reports of deploys (default: reports)")
    found.add_argument("--out", type=Path, metavar="FILE", help="write this file, no issue")
    return found


def _facts(project: Project, options: argparse.Namespace) -> facts.Facts:
    since, until = facts.last_day()
    until = views.moment(options.until) if options.until else until
    since = views.moment(options.since) if options.since else since
    if since >= until:
        raise UsageError("--since must be before --until; a date alone means the end of that day")
    name = (options.what or "").partition("@")[0]
    return facts.gather(project, options.registry, project.model(name or None).name,
                        options.evidence or [project.root / "reports"], since, until)


def _put(project: Project, options: argparse.Namespace, page: Page) -> str:
    """Open the issue or write the file; return a line that says where it is."""
    name = options.registry or default_name()
    if options.out is None and name != "local" and (
            context.in_workflow() or github_repository(project, name)):
        from nlp_gitops.github import incident_issues

        return incident_issues.put(github_client.connect(project, name), page)
    moment = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%SZ")
    path = options.out or project.root / "reports" / "incidents" / f"{moment}-{options.command}.md"
    write_atomic(path, f"# {page.title}\n\n{page.text}")
    return f"{page.title}\nwritten to {path}"
