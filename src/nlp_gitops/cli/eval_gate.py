"""Evaluate a run on the pinned test split and judge it by gates.yaml.

Without --run it takes the newest run that matches the work tree. The version in production is
fetched and run beside it. Reports go to reports/ and into the run's folder. The last line is
`GATE: PASS` or `GATE: FAIL` with the reasons.

commands:
  (none)      evaluate and judge
  plan        say which gates can see what they forbid, and how many rows are missing
  selftest    a model against itself must pass, a degraded copy must fail

examples:
  python tools/eval_gate.py
  python tools/eval_gate.py --min_f1_macro 0.80 --max_latency_ms_p95 150
  python tools/eval_gate.py --run 20260105-101500Z_review-sentiment --json
  python tools/eval_gate.py --champion review-sentiment@v1.2.0
  python tools/eval_gate.py --candidate review-sentiment@v1.3.0 --registry origin
  python tools/eval_gate.py --predictions new.jsonl --champion-predictions old.jsonl
  python tools/eval_gate.py --from made-elsewhere/
  python tools/eval_gate.py plan --accuracy 0.85 --disagreement 0.05

exit codes: 0 pass or warn, 1 a gate failed, 2 usage, 3 could not be measured, 4 inconclusive
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nlp_gitops.cli.frame import emit, parser, show
from nlp_gitops.core.errors import UsageError
from nlp_gitops.gates import exit_code


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    from nlp_gitops.gates.command import split_flags

    _know_own_metrics()
    bounds, rest = split_flags(argv)
    options = arguments().parse_args(rest)
    if options.command == "evaluate":
        return evaluate(options, bounds)
    return plan(options, bounds) if options.command == "plan" else selftest(options, bounds)


def _know_own_metrics() -> None:
    """Let flags name the metrics of the team; outside a repository there are none."""
    from nlp_gitops.core.project import find_root, load_project
    from nlp_gitops.evaluation import families

    try:
        find_root()
    except UsageError:
        return
    families.use(load_project())


def arguments() -> argparse.ArgumentParser:
    """Return the parser. Flags like --min_f1_macro were taken out before."""
    found = parser(__doc__, "--model", "--json")
    found.add_argument("command", nargs="?", default="evaluate",
                       choices=("evaluate", "plan", "selftest"))
    found.add_argument("--run", help="a run's name, or how it begins")
    found.add_argument("--gates", metavar="FILE", help="other rules than gates.yaml")
    found.add_argument("--champion", default="auto", metavar="WHICH",
                       help="auto (the version in production), none, or NAME@vX.Y.Z")
    found.add_argument("--registry", help="local, or a git remote")
    found.add_argument("--candidate", metavar="NAME@vX.Y.Z", help="judge a registered version")
    found.add_argument("--from", dest="folder", metavar="DIR",
                       help="judge a model made elsewhere (nlp-gitops help registry)")
    found.add_argument("--predictions", metavar="FILE", help="judge stored answers (JSONL)")
    found.add_argument("--champion-predictions", metavar="FILE", help="the champion's answers")
    found.add_argument("--advisory", action="store_true",
                       help="report as usual, and end with 0 where a gate failed")
    found.add_argument("--accuracy", type=float, help="plan: the accuracy to expect")
    found.add_argument("--disagreement", type=float, default=0.05,
                       help="plan: the share of rows on which two models differ")
    found.add_argument("--sarif", type=Path, metavar="FILE", help="write failed gates as SARIF")
    bounds = found.add_argument_group("bounds that replace those of gates.yaml; any metric works")
    bounds.add_argument("--min_METRIC", metavar="X", help="for example --min_f1_macro 0.80")
    bounds.add_argument("--max_METRIC", metavar="X", help="for example --max_latency_ms_p95 150")
    found.allow_abbrev = False
    return found


def evaluate(options: argparse.Namespace, bounds: Sequence[Any]) -> int:
    """Judge a run, or stored predictions; write and print the report."""
    from nlp_gitops import privacy
    from nlp_gitops.core.project import load_project
    from nlp_gitops.evaluation import predictions
    from nlp_gitops.gates import command
    from nlp_gitops.reporting import output, phrases
    from nlp_gitops.reporting.report import view

    if options.champion_predictions and not options.predictions:
        raise UsageError("--champion-predictions needs --predictions")
    given = [step for value, step in (
        (options.predictions, command.judge_file),
        (options.candidate, command.judge_registered),
        (options.folder, command.judge_external),
        (options.run, command.judge_run)) if value]
    if len(given) > 1:
        raise UsageError("give one of --run, --candidate, --from and --predictions")
    judged = (given[0] if given else command.judge_run)(options, bounds)
    report = output.publishable(judged.report, privacy.of(load_project()))
    evidence = judged.evaluation.evidence
    output.write_all(report, judged.folders, predictions.lines(
        evidence.rows, evidence.candidate), options.sarif, judged.gates_file)
    output.to_job_summary(report)
    if options.json:
        emit(report)
    else:
        output.print_annotations(report, judged.gates_file)
        print("full report: reports/report.html, reports/report.md")
        print(phrases.text(view(report)))
    return exit_code(report["verdict"], options.advisory)


def plan(options: argparse.Namespace, bounds: Sequence[Any]) -> int:
    """Print which gates can see what they forbid; return 0: a plan is not a verdict."""
    from nlp_gitops.core.tables import table
    from nlp_gitops.gates.plan import make

    found = make(options, bounds)
    if options.json:
        emit({"rows": found.rows, "accuracy": found.accuracy, "accuracy_from": found.accuracy_from,
              "disagreement": options.disagreement,
              "gates": [{**line.__dict__, "sees": line.sees} for line in found.lines]})
        return 0
    print(f"{found.rows} test rows; assumed: accuracy {found.accuracy:.3f} "
          f"({found.accuracy_from}), two equal models differ on {options.disagreement:.0%} of the "
          "rows")
    if not found.lines:
        print("no gate has max_drop, so nothing is compared with the champion")
        return 0
    print(table(
        ("gate", "slice", "metric", "rows", "max_drop", "sees from", "rows needed"),
        [(line.gate, line.slice or "all rows", line.metric, line.n, f"{line.max_drop:.3g}",
          f"{line.mde:.3f}" if line.mde < 1 else "nothing",
          "enough" if line.sees else f"{line.rows_needed:,}" if line.rows_needed else "-")
         for line in found.lines]))
    print("'sees from': the smallest drop that is found four times out of five; smaller ones are "
          "mostly INCONCLUSIVE")
    print("'rows needed': so many test rows of this slice would find max_drop itself")
    return 0


def selftest(options: argparse.Namespace, bounds: Sequence[Any]) -> int:
    """Print both verdicts; return 0 if they are right, 1 if not, 3 if the rows are too few."""
    from nlp_gitops.gates.selftest import make

    found = make(options, bounds)
    code = found.exit_code
    verdict, last = {
        0: ("PASS", "SELFTEST: PASS"),
        1: ("FAIL", "SELFTEST: FAIL (the gate blocks a model equal to the champion)"),
        3: ("NOT_MEASURED", "SELFTEST: FAIL (could not be measured: these rows are too few to see "
            "one answer in ten go wrong)")}[code]
    show(options, {"rows": found.rows, "from": found.source, "same": found.same,
                   "degraded": found.degraded, "verdict": verdict},
         f"{found.rows} rows: {found.source}",
         f"a model against itself: {found.same} (must be PASS)",
         f"a copy with {found.changed} of {found.rows} answers changed: {found.degraded} "
         "(must be FAIL)", last)
    return code
