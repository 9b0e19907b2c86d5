"""Judge a candidate against a champion on live traffic, wherever the two run.

For targets that tools/deploy.py does not know: point it at both services, or at both versions in a
prediction log. It changes no traffic; its exit code says what to do.

exit codes: 0 PASS, 1 FAIL (roll back), 2 usage, 3 a side cannot be read, 4 inconclusive (roll back)

examples:
  python tools/canary.py --champion http://10.0.0.4:8000 --candidate http://10.0.0.5:8000
  python tools/canary.py --champion http://stable:8000 --candidate http://canary:8000 --replicas
  python tools/canary.py --log logs/predictions --champion v1.2.0 --candidate v1.3.0 --once
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nlp_gitops.cli.frame import parser, positive, show
from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.names import Version

if TYPE_CHECKING:
    from nlp_gitops.deploy.judge import Counts


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--json")
    arguments.add_argument("--champion", required=True, metavar="URL|vX.Y.Z")
    arguments.add_argument("--candidate", required=True, metavar="URL|vX.Y.Z")
    arguments.add_argument("--log", type=Path, metavar="DIR",
                           help="count lines of a prediction log instead of asking /metrics")
    arguments.add_argument("--replicas", action="store_true",
                           help="add up all processes behind each name (a headless Service)")
    arguments.add_argument("--once", action="store_true",
                           help="judge all that was counted so far, with one look")
    arguments.add_argument("--every", type=positive(float), default=5.0, metavar="SECONDS",
                           help="between looks")
    arguments.add_argument("--deadline", type=positive(float), default=1800.0, metavar="SECONDS",
                           help="no verdict by then is exit 4")
    arguments.add_argument("--min-requests", type=positive(int), default=500, metavar="N",
                           help="answers of the candidate before it can pass")
    arguments.add_argument("--evidence-out", type=Path, metavar="FILE", help="write JSON there")
    options = arguments.parse_args(argv)

    from nlp_gitops.core import files
    from nlp_gitops.deploy import report

    found = {"schema": report.CANARY_SCHEMA, "champion": options.champion,
             "candidate": options.candidate, **_watched(options), "ended": report.now()}
    if options.evidence_out:
        files.write_json(options.evidence_out, found)
    show(options, found, f"CANARY: {found['verdict']}: {found['why']}")
    return report.EXIT_CODES[found["verdict"]]


def _watched(options: argparse.Namespace) -> dict[str, object]:
    """Look until there is a verdict; with --once at everything that was ever counted."""
    from nlp_gitops.deploy.canary import PATIENCE
    from nlp_gitops.deploy.judge import Counts, Course, Rules, decide, look
    from nlp_gitops.deploy.report import decision_record

    sides = _reader(options, options.champion), _reader(options, options.candidate)
    base = [Counts() if options.once else side() for side in sides]
    course = Course(replace(Rules(), least=options.min_requests))
    ends, missed = time.monotonic() + options.deadline, 0
    while True:
        if not options.once:
            time.sleep(options.every)
        try:
            counted = [side().minus(old) for side, old in zip(sides, base)]
            course = look(course, *counted)
            if options.once:
                # The first look at anything only chooses from where on answers are slow.
                course = look(course, *counted)
        except NotMeasured:
            missed += 1
            if options.once or missed >= PATIENCE:
                raise
            continue
        except ValueError as error:
            raise CheckFailed(str(error)) from None
        missed = 0
        course, decision = decide(course)
        verdict, why = decision.verdict, decision.why
        if verdict == "CONTINUE" and (options.once or time.monotonic() > ends):
            verdict, why = "INCONCLUSIVE", f"no verdict yet: {why}"
        if verdict != "CONTINUE":
            return {"verdict": verdict, "why": why, "looks": course.looks,
                    **decision_record(decision)}


def _reader(options: argparse.Namespace, side: str) -> "Callable[[], Counts]":
    from nlp_gitops.deploy.counts import Replicas, of_log, of_service

    if options.log:
        version = Version.parse(side).tag
        return lambda: of_log(options.log, version)
    if not side.startswith(("http://", "https://")):
        raise UsageError(f"{side!r} is not a URL; give the address of a service, or add --log DIR")
    return Replicas(side).counts if options.replicas else lambda: of_service(side)
