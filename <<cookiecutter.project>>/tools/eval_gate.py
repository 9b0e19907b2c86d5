"""Evaluate a run on the pinned test split and judge it by gates.yaml.

Without --run it takes the newest run that matches the work tree. Reports go to reports/ and into
the run's folder. The last line is `GATE: PASS` or `GATE: FAIL` with the reasons.

examples:
  python tools/eval_gate.py
  python tools/eval_gate.py --min_f1_macro 0.80 --max_latency_ms_p95 150
  python tools/eval_gate.py --run 20260105-101500Z_review-sentiment --json
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops import lineage
from mlops.cli import emit, parser, run
from mlops.dataset.manifest import load_manifest
from mlops.gates import EXIT_CODES, judge, load_gates, override
from mlops.project import load_project
from mlops.tracking import find, newest_matching


def main(argv: Sequence[str] | None) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--run", help="a run's name, or how it begins")
    arguments.add_argument("--model", help="a model of project.yaml (default: the first)")
    arguments.add_argument("--min_f1_macro", type=float, help="replaces the bound in gates.yaml")
    arguments.add_argument("--max_latency_ms_p95", type=float, help="replaces the bound likewise")
    arguments.add_argument("--json", action="store_true", help="print the report as JSON")
    options = arguments.parse_args(argv)
    project = load_project()
    settings = project.model(options.model)
    gates = load_gates(project.gates)
    manifest = load_manifest(project.dataset)
    if options.min_f1_macro is not None:
        gates = override(gates, "f1_macro", "min", options.min_f1_macro)
    if options.max_latency_ms_p95 is not None:
        gates = override(gates, "latency_ms_p95", "max", options.max_latency_ms_p95)
    runs = project.root / "runs"
    chosen = find(runs, options.run) if options.run else newest_matching(
        runs, settings.name, lineage.inputs(project, settings, manifest))
    from mlops import reports
    from mlops.evaluation import evaluate

    evaluation = evaluate(chosen, manifest, gates)
    predicted = [prediction.label for prediction in evaluation.predictions]
    verdicts = judge(gates, evaluation.rows, predicted, evaluation.latency)
    report = reports.build(chosen, evaluation, gates, verdicts)
    reports.write(report, evaluation, [chosen.evaluation, project.root / "reports"])
    reports.to_job_summary(report)
    if options.json:
        emit(report)
    else:
        print(reports.table(report))
        print("full report: reports/report.md")
        print(reports.last_line(report))
    return EXIT_CODES[report["verdict"]]


if __name__ == "__main__":
    run(main)
