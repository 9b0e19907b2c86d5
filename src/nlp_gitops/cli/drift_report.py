"""Compare live traffic with a reference: drift, service figures and quality, with a verdict.

LOGS is a folder, a file or a URL (s3://…, gs://…, with the extra `remote`) of prediction logs, or
of profiles. Without --current it reads `drift.logs` of project.yaml, its newest `drift.days` days.
The reference is what --reference names; else the days before them, where the log has enough; else
the validation rows that were packed with the version in production.

commands:
  (none)      make the report
  calibrate   measure eight past weeks: bounds and a false-alarm certificate
  profile     write the profile of LOGS into one file (--out FILE): mergeable, without any text

examples:
  python tools/drift_report.py
  python tools/drift_report.py --reference review-sentiment@v1.2.0 --current logs/predictions
  python tools/drift_report.py --reference may/ --current june/ july/ --out reports/drift
  python tools/drift_report.py --current logs/predictions --days 7 --feedback logs/feedback
  python tools/drift_report.py --current logs/predictions --rule fixed
  python tools/drift_report.py calibrate --current logs/predictions

exit codes: 0 OK or WARN, 1 ALERT or CRITICAL, 2 usage, 3 INSUFFICIENT or not measured
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nlp_gitops.cli.frame import parser, positive, show
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.project import Project, load_project

if TYPE_CHECKING:
    from nlp_gitops.drift.command import Wish


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry", "--json")
    arguments.add_argument("command", nargs="?", default="report",
                           choices=("report", "calibrate", "profile"))
    arguments.add_argument("--reference", metavar="LOGS|NAME@vX.Y.Z")
    arguments.add_argument("--current", nargs="+", default=(), metavar="LOGS")
    arguments.add_argument("--out", type=Path, metavar="DIR",
                           help="where reports go (default: reports/drift)")
    arguments.add_argument("--model", metavar="NAME[@vX.Y.Z]",
                           help="whose traffic (default: the first model's production version)")
    arguments.add_argument("--days", type=positive(int), metavar="N",
                           help="only the newest N days of a log")
    arguments.add_argument("--rule", choices=("test", "fixed"), default="test",
                           help="fixed: cosine distance above .08, without a test")
    arguments.add_argument("--feedback", metavar="DIR", help="delayed labels (tools/feedback.py)")
    arguments.add_argument("--history", metavar="REMOTE",
                           help="keep history on the branch drift-history there (default: here)")
    arguments.add_argument("--engine", choices=("one", "dask"), default="one",
                           help="dask reads files on several machines (nlp-gitops help drift)")
    arguments.add_argument("--texts", type=int, default=8, metavar="N",
                           help="masked texts in the report; 0 for none")
    options = arguments.parse_args(argv)
    if options.texts < 0:
        raise UsageError("--texts must be at least 0")
    return {"report": _report, "calibrate": _calibrate, "profile": _profile}[options.command](
        load_project(), options)


def _report(project: Project, options: argparse.Namespace) -> int:
    from nlp_gitops.drift import command, report, summary
    from nlp_gitops.drift.judge import EXIT_CODES

    out = options.out or Path("reports/drift")
    try:
        found = command.make(project, _wish(options), out)
    except NotMeasured as error:
        # The workflow shows this report; it must not find last week's.
        command.write(out, report.not_measured(options.model or project.model().name,
                                               str(error)), [])
        raise
    show(options, found, summary.text(found), f"full report: {out}/report.html",
         summary.last_line(found))
    return EXIT_CODES[found["verdict"]]


def _calibrate(project: Project, options: argparse.Namespace) -> int:
    from nlp_gitops.drift import command

    found = command.calibrate(project, _wish(options))
    show(options, found.record(),
         f"{found.weeks} weeks, {found.rows:,} lines, {found.first} to {found.last}",
         f"weeks with a warning: {found.weeks_with_warning}; with an alert by the general bounds: "
         f"{found.weeks_with_alert}",
         *(f"{name:<14} largest effect {found.largest[name]:.4f}, bound {bound:.4f}"
           for name, bound in found.bounds.items()),
         f"written to {project.drift.calibration}; if those weeks were fine, commit it")
    return 0


def _profile(project: Project, options: argparse.Namespace) -> int:
    from nlp_gitops.drift import command
    from nlp_gitops.drift.profile import SUFFIX

    out = options.out or Path(f"traffic{SUFFIX}")
    if not out.name.endswith(SUFFIX):
        raise UsageError(f"--out {out}: a profile's name ends with {SUFFIX}")
    found = command.profile(project, _wish(options), out)
    print(f"{int(found.total()[0]):,} lines in {out}")
    return 0


def _wish(options: argparse.Namespace) -> "Wish":
    from nlp_gitops.drift.command import Wish

    return Wish(options.reference, tuple(options.current), options.model, options.registry,
                options.days, options.rule, options.feedback, options.history, options.texts,
                options.engine)
