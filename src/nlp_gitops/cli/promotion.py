"""The two ends of a promotion on GitHub; promote.yml calls them, gates and canary lie between.

commands:
  begin     is this a version that may go to production? hands its parts to later jobs
  end       release notes with evidence, or why it was refused; tells a chat; revokes the version
            if the canary found it worse; opens an incident if canary or deployment failed

examples:
  nlp-gitops ci promotion begin review-sentiment@v1.2.0 --registry origin
  nlp-gitops ci promotion end review-sentiment@v1.2.0 --jobs "$JOBS" --evidence evidence/

exit codes of `end`: 0 promoted, 1 refused or rolled back
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser
from nlp_gitops.core import context
from nlp_gitops.core.errors import UserError
from nlp_gitops.core.files import write_json
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.github.promotion import REFUSAL, begin, check, open_registry
from nlp_gitops.registry import github_client
from nlp_gitops.registry.operations import revoke
from nlp_gitops.reporting.markdown import escape


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = _arguments().parse_args(argv)
    return (_begin if options.command == "begin" else _end)(options)


def _arguments() -> argparse.ArgumentParser:
    found = parser(__doc__)
    found.add_argument("command", choices=("begin", "end"))
    found.add_argument("version", metavar="NAME@vX.Y.Z", help="begin also takes NAME@staging")
    found.add_argument("--registry", help="origin or local (default: origin inside Actions)")
    found.add_argument("--jobs", default="{}", metavar="JSON",
                       help="end: the workflow's toJSON(needs)")
    found.add_argument("--evidence", type=Path, default=Path("evidence"), metavar="DIR",
                       help="end: the folder with gate/ and production/")
    return found


def _begin(options: argparse.Namespace) -> int:
    project = load_project()
    registry = open_registry(project, options.registry)
    begun = begin(project, registry, options.version)
    context.outputs(begun.outputs())
    if not begun.todo:
        context.summarize(f"{escape(str(begun.ref))} is in production already; nothing to do.")
        print(f"{begun.ref} is in production already; nothing to do")
        return 0
    try:
        check(project, registry, begun)
    except UserError as error:
        write_json(project.root / "reports" / REFUSAL, {"why": str(error)})
        raise
    print(f"{begun.ref} may go on; production is {begun.champion}")
    return 0


def _end(options: argparse.Namespace) -> int:
    from nlp_gitops.github import promotion
    from nlp_gitops.github.webhook import notify

    ref, project = ModelRef.parse(options.version), load_project()
    jobs = promotion.results(options.jobs)
    ended = promotion.ended(jobs, options.evidence)
    report = promotion.condemned(jobs, options.evidence)
    if report is not None:
        revoke(open_registry(project, options.registry), ref, ended.why, report)
    text = promotion.notes(ended, promotion.evidence_rows(options.evidence), context.run_url())
    context.summarize(text)
    print(f"{ref}: {ended.word}: {ended.why}")
    print(promotion.publish(github_client.connect(project), ref, text,
                            None if ended.is_good else True))
    if not ended.is_good:
        print(notify(f"{ref}: promotion {ended.word}", ended.why, context.run_url()))
    if promotion.is_incident(jobs):
        _open_incident(project, options, ref, ended.why)
    return 0 if ended.is_good else 1


def _open_incident(project: Project, options: argparse.Namespace, ref: ModelRef,
                   why: str) -> None:
    from nlp_gitops.github import incident_issues
    from nlp_gitops.incidents import facts, pages

    known = facts.gather(project, options.registry, ref.name, [options.evidence],
                         *facts.last_day())
    page = pages.incident(project, known, ref, why, None, context.run_url())
    print(incident_issues.put(github_client.connect(project), page))
