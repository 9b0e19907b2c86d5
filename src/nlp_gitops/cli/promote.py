"""Move a registered version to a stage: staging, shadow, production or archived.

The version that production held is archived in the same push. Every stage but archived needs a gate
report about this very model, on the present test split, against the present champion: the one that
the version was registered with, or a newer one given with --evidence.

With a registry on GitHub, production is the work of promote.yml: it judges the version again, sends
it a share of the traffic, and then writes the registry. This command starts it. --direct writes the
registry from here, without canary and traffic.

examples:
  python tools/promote.py review-sentiment@v1.2.0 --to Production
  python tools/promote.py review-sentiment@v1.2.0 --to shadow --registry origin
  python tools/promote.py review-sentiment@v1.2.0 --to production --expect-current v1.1.0
  python tools/promote.py @staging --to Production    # the first model's version in staging
  python tools/promote.py review-sentiment@v1.2.0 --to Production --evidence reports/report.json
  python tools/promote.py review-sentiment@v1.1.0 --to Staging --unrevoke --reason "false alarm"
  python tools/promote.py review-sentiment@v1.2.0 --to Production --registry origin --direct
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef, Version
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.github.dispatch import dispatch, promotes_there
from nlp_gitops.registry.github_client import Connection
from nlp_gitops.registry.operations import promote, resolve
from nlp_gitops.registry.policy import check_frozen, check_stage
from nlp_gitops.registry.remotes import connect
from nlp_gitops.registry.views import outcome_lines, outcome_record


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry", "--json")
    arguments.add_argument("version", metavar="NAME@vX.Y.Z",
                           help="a version, or NAME@staging for the one in that stage")
    arguments.add_argument("--to", required=True, metavar="STAGE", help="the stage to move to")
    arguments.add_argument("--expect-current", metavar="vX.Y.Z",
                           help="refuse (exit 4) unless this version, or none, holds the stage")
    arguments.add_argument("--evidence", type=Path, metavar="FILE",
                           help="a report.json of eval_gate.py --candidate")
    arguments.add_argument("--unrevoke", action="store_true",
                           help="lift a revocation; needs --reason")
    arguments.add_argument("--reason", help="kept in the ledger")
    arguments.add_argument("--direct", action="store_true",
                           help="with GitHub: write the registry from here, start no workflow")
    options = arguments.parse_args(argv)
    project = load_project()
    stage = check_stage(options.to, project.registry)
    check_frozen(stage, project.registry)
    expected = options.expect_current
    if expected not in (None, "none"):
        expected = Version.parse(expected).tag
    registry = connect(project, options.registry)
    ref = resolve(registry.snapshot(), options.version, project.model().name)
    there = None if options.direct else promotes_there(project, options.registry)
    if stage == "production" and there:
        return _start(there, project, ref, options)
    outcome = promote(registry, ref, stage, load_manifest(project.dataset).test_sha256,
                      evidence=options.evidence.read_bytes() if options.evidence else None,
                      expected=expected, reason=options.reason, unrevoke=options.unrevoke)
    show(options, outcome_record(ref.name, outcome.version, outcome.events),
         *(outcome_lines(outcome.events) or [f"{ref} is in {stage} already; nothing to do"]))
    return 0


def _start(there: Connection, project: Project, ref: ModelRef, options: argparse.Namespace) -> int:
    given = [name for name in ("expect_current", "evidence", "unrevoke", "reason")
             if getattr(options, name)]
    if given:
        raise UsageError(f"--{given[0].replace('_', '-')} needs --direct: promote.yml judges the "
                         "version again, and takes only its name")
    page = dispatch(there, "promote.yml", project.registry.protected_branch or "main",
                    {"version": str(ref)})
    show(options, {"started": "promote.yml", "version": str(ref), "page": page},
         f"started promote.yml for {ref}: {page}")
    return 0
