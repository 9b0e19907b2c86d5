"""Put what the registry says into an environment of this machine: two processes behind nginx.

A canary compares a registered version with the one in production on live traffic, and gives all
traffic back whatever it finds. A shadow gets a copy of every request, and nobody its answers.
`--stage production` then deploys what the registry says. With --rehearsal a short-lived
environment is made, fed with the test split's texts, judged and removed.

exit codes: 0 PASS, 1 FAIL (the champion has the traffic), 2 usage, 3 not measured,
4 inconclusive (the champion has the traffic), or another deploy is at work.

examples:
  python tools/deploy.py --environment staging --stage staging
  python tools/deploy.py --environment production --strategy canary --candidate NAME@v1.3.0
  python tools/deploy.py --environment production --strategy shadow --candidate NAME@v1.3.0
  python tools/deploy.py --environment production --stage production
  python tools/deploy.py --environment production --abort --reason "wrong labels"
  python tools/deploy.py --environment production --strategy canary --candidate NAME@v1.3.0 \\
      --rehearsal --fault errors=0.3        # a drill: must end with FAIL
  python tools/deploy.py --environment staging --status
"""

import argparse
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_gitops.cli.frame import parser, positive, show
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import Project, load_project

if TYPE_CHECKING:
    from nlp_gitops.deploy.canary import Plan
    from nlp_gitops.deploy.command import Story


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = _arguments().parse_args(argv)
    # A cancelled workflow sends SIGTERM; traffic must go back then, as after an interrupt.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    project = load_project()
    from nlp_gitops.deploy import care, command

    if options.status:
        found = care.status(project, options.environment)
        show(options, found, *_status_lines(found))
        return 0
    if options.stop:
        care.stop(project, options.environment, _print)
        return 0
    if options.abort:
        care.abort(project, options.environment, options.reason, _print)
        return 0
    # With --json only the report goes to standard output.
    say = (lambda line: None) if options.json else _print
    return _deploy(project, options, command.Story(say, options.rehearsal))


def _arguments() -> argparse.ArgumentParser:
    found = parser(__doc__, "--registry", "--model", "--json")
    found.add_argument("--environment", required=True, choices=("staging", "production"))
    what = found.add_mutually_exclusive_group(required=True)
    what.add_argument("--stage", choices=("staging", "shadow", "production"),
                      help="deploy the version that holds this stage")
    what.add_argument("--candidate", metavar="NAME@vX.Y.Z",
                      help="try this version beside the champion")
    what.add_argument("--abort", action="store_true", help="all traffic to the champion, now")
    what.add_argument("--status", action="store_true", help="what runs, and is it well")
    what.add_argument("--stop", action="store_true", help="end all processes")
    found.add_argument("--strategy", choices=("blue-green", "canary", "shadow"),
                       help="default: canary with --candidate, else blue-green")
    found.add_argument("--rehearsal", action="store_true",
                       help="try it in a short-lived environment; nothing is deployed")
    found.add_argument("--evidence-out", type=Path, metavar="FILE",
                       help="also write the report there")
    found.add_argument("--unblock", action="store_true",
                       help="try a version again that a canary refused")
    found.add_argument("--host", help="nginx listens there (default: as before; first 127.0.0.1)")
    found.add_argument("--port", type=int, help="default: 8080 for production, 8081 for staging")
    found.add_argument("--hook", metavar="PROGRAM",
                       help="deploy elsewhere by this program: see deploy/hooks/README.md")
    found.add_argument("--reason", default="no reason given", help="with --abort")
    found.add_argument("--fault", metavar="KIND=SIZE", help="plant a fault, with --rehearsal only")
    judge = found.add_argument_group("the judge of a canary or shadow")
    judge.add_argument("--deadline", type=positive(float), metavar="SECONDS",
                       help="no verdict by then means back (default: 1800; 90 in a rehearsal)")
    judge.add_argument("--every", type=positive(float), metavar="SECONDS",
                       help="between looks (default: 5; 0.5 in a rehearsal)")
    judge.add_argument("--min-requests", type=positive(int), default=500, metavar="N",
                       help="answers of the candidate before it can pass")
    judge.add_argument("--steps", default="10,50", metavar="PERCENT,…",
                       help="the candidate's shares of the traffic, at most 50")
    judge.add_argument("--lease", type=positive(float), default=60.0, metavar="SECONDS",
                       help="without a living judge the canary ends after this")
    return found


def _deploy(project: Project, options: argparse.Namespace, story: "Story") -> int:
    from nlp_gitops.deploy import command, report

    strategy = options.strategy or ("canary" if options.candidate else "blue-green")
    if (strategy == "blue-green") == bool(options.candidate):
        raise UsageError("--strategy canary and shadow go with --candidate, blue-green with "
                         "--stage")
    if options.candidate and options.environment != "production":
        raise UsageError(f"a {strategy} is compared with the champion: --environment production")
    if options.hook and (options.rehearsal or strategy == "shadow"):
        raise UsageError("--hook goes with blue-green and canary, and without --rehearsal: both "
                         "others need nginx on this machine")
    if options.fault and not options.rehearsal:
        raise UsageError("--fault breaks the service on purpose; it needs --rehearsal")
    found = command.carry_out(project, command.Order(
        options.environment, options.stage, options.candidate, options.registry, options.model,
        options.rehearsal, options.host, options.port, options.fault, options.unblock,
        options.hook, _plan(options, strategy == "shadow")), story)
    path = project.root / "reports" / f"deploy-{options.environment}.json"
    report.publish(found, path, options.evidence_out)
    show(options, found, *report.lines(found))
    return report.EXIT_CODES[found["verdict"]]


def _plan(options: argparse.Namespace, mirrored: bool) -> "Plan":
    from nlp_gitops.deploy.canary import MOST_WEIGHT, Plan
    from nlp_gitops.serving import faults

    if options.fault:
        faults.parse(options.fault)
    try:
        steps = tuple(int(text) for text in options.steps.split(","))
    except ValueError:
        steps = ()
    if list(steps) != sorted({step for step in steps if 0 < step <= MOST_WEIGHT}) or not steps:
        raise UsageError(f"--steps {options.steps!r}: write rising per cents of at most "
                         f"{MOST_WEIGHT}, for example 10,50")
    plan = Plan(deadline=90.0, every=0.5) if options.rehearsal else Plan()
    return replace(plan, steps=(0,) if mirrored else steps, mirrored=mirrored, lease=options.lease,
                   deadline=options.deadline or plan.deadline, every=options.every or plan.every,
                   rules=replace(plan.rules, least=options.min_requests))


def _status_lines(found: dict[str, Any]) -> Iterator[str]:
    well = "well" if found["well"] else "NOT well; deploy again"
    yield f"{found['environment']} on {found['url']}: {found['serving'] or 'nothing'}, {well}"
    for name, slot in found["slots"].items():
        ready = "ready" if slot["ready"] else "not running"
        yield f"  {name:<6} {slot['version']}  port {slot['port']}  {ready}"
    if found["weight"]:
        yield f"  canary: {found['weight']} % of the traffic to slot {found['canary']}"
    if found["mirrored"]:
        yield f"  shadow: a copy of every request to slot {found['canary']}"
    for version, why in found["blocked"].items():
        yield f"  blocked: {version}: {why}"


def _print(line: str) -> None:
    print(line, flush=True)
