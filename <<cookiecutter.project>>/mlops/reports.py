"""The gate report: one `report.json`, and a Markdown page rendered from it."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops import files, metrics, tables
from mlops.dataset.rows import Row
from mlops.evaluation import Evaluation
from mlops.gates import Gates, Verdict, overall
from mlops.tracking import Run
from nlp.model import Prediction

REPORT_SCHEMA = "nlp-gitops/report/1"


def build(run: Run, evaluation: Evaluation, gates: Gates,
          verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the report as plain data."""
    gold = [str(row["label"]) for row in evaluation.rows]
    predicted = [prediction.label for prediction in evaluation.predictions]
    labels = sorted({*gold, *predicted})
    matrix = metrics.confusion(gold, predicted, labels)
    return {
        "schema": REPORT_SCHEMA,
        "verdict": overall(verdicts),
        "model": run.model,
        "run": run.name,
        "metrics": {
            "f1_macro": metrics.f1_macro(matrix), "accuracy": metrics.accuracy(matrix),
            **{name: value for name, value in evaluation.latency.items() if name != "requests"},
            "rows": len(gold),
        },
        "gates": [_gate(item) for item in verdicts],
        "per_class": metrics.per_class(matrix, labels),
        "confusion": {"labels": labels, "counts": matrix.tolist()},
        "lineage": {
            **{key: run.tags[key] for key in sorted(run.tags)},
            "model_sha256": run.details["model_sha256"],
            "test_sha256": evaluation.test_sha256,
            "gates_sha256": gates.digest,
            "prompt": run.details["prompt"],
            "champion": None,
        },
    }


def _gate(item: Verdict) -> dict[str, Any]:
    return {"id": item.id, "metric": item.metric, "slice": item.slice, "value": item.value,
            "interval": None, "bound": item.bound, "side": item.side, "champion": None,
            "delta": None, "n": item.n, "mde": None, "verdict": item.verdict, "why": item.why,
            "reason": item.reason}


def write(report: Mapping[str, Any], evaluation: Evaluation, folders: Sequence[Path]) -> None:
    """Write report.json, report.md and predictions.jsonl into each folder."""
    lines = "".join(_prediction_line(row, prediction) for row, prediction
                    in zip(evaluation.rows, evaluation.predictions, strict=True))
    for folder in folders:
        files.write_json(folder / "report.json", report)
        files.write_atomic(folder / "report.md", markdown(report))
        files.write_atomic(folder / "predictions.jsonl", lines)


def _prediction_line(row: Row, prediction: Prediction) -> str:
    scores = {label: round(score, 6) for label, score in prediction.scores.items()}
    return json.dumps({"id": row.get("id"), "label": row["label"], "prediction": prediction.label,
                       "scores": scores}, ensure_ascii=False) + "\n"


def markdown(report: Mapping[str, Any]) -> str:
    """Return the report for people: verdict and reasons first, then every gate."""
    lineage = report["lineage"]
    lines = [f"## {report['verdict']}: {report['model']}", "", headline(report), "",
             "| gate | slice | value | bound | rows | verdict |",
             "|---|---|---:|---:|---:|---|"]
    ranked = sorted(report["gates"], key=lambda gate: gate["verdict"] == "PASS")
    for gate in ranked:
        sign = "≥" if gate["side"] == "min" else "≤"
        lines.append(f"| {gate['id']} ({gate['metric']}) | {_cell(gate['slice'] or 'all rows')} "
                     f"| {_number(gate['value'])} | {sign} {gate['bound']:g} | {gate['n']} "
                     f"| {gate['verdict']} |")
    lines += ["", "| label | precision | recall | F1 | rows |", "|---|---:|---:|---:|---:|"]
    for label, row in report["per_class"].items():
        lines.append(f"| {_cell(label)} | {row['precision']:.3f} | {row['recall']:.3f} "
                     f"| {row['f1']:.3f} | {row['support']} |")
    lines += ["", f"Data `{lineage['dataset_version']}` (test split "
              f"`{lineage['test_sha256'][:12]}`), prompt `{lineage['prompt_version']}`, commit "
              f"`{lineage['commit'][:7]}`{' with uncommitted changes' if lineage['dirty'] else ''}"
              f", run `{report['run']}`, gates `{lineage['gates_sha256'][:12]}`.", ""]
    return "\n".join(lines)


def headline(report: Mapping[str, Any]) -> str:
    """Return one sentence: what failed or was not measured, or what was reached."""
    bad = [gate["reason"] for gate in report["gates"] if gate["verdict"] != "PASS"]
    if bad:
        return "; ".join(bad)
    values = report["metrics"]
    return (f"macro-F1 {values['f1_macro']:.3f} on {values['rows']} test rows, "
            f"p95 latency {values['latency_ms_p95']:.1f} ms")


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _cell(text: str) -> str:
    """Neutralise text from data inside a Markdown table."""
    for char, safe in (("&", "&amp;"), ("<", "&lt;"), ("|", "&#124;"), ("`", "&#96;"),
                       ("@", "&#64;"), ("\n", " "), ("[", "&#91;"), ("!", "&#33;")):
        text = text.replace(char, safe)
    return text


def table(report: Mapping[str, Any]) -> str:
    """Return the gates as a plain table for terminals, worst first."""
    ranked = sorted(report["gates"], key=lambda gate: gate["verdict"] == "PASS")
    return tables.table(("gate", "slice", "metric", "value", "bound", "rows", "verdict"), [
        (gate["id"], gate["slice"] or "all rows", gate["metric"], _number(gate["value"]),
         f"{'>=' if gate['side'] == 'min' else '<='} {gate['bound']:g}", gate["n"],
         gate["verdict"]) for gate in ranked])


def last_line(report: Mapping[str, Any]) -> str:
    """Return `GATE: PASS`, or the verdict with the reasons."""
    if report["verdict"] == "PASS":
        return "GATE: PASS"
    return f"GATE: {report['verdict']} ({headline(report)})"


def to_job_summary(report: Mapping[str, Any]) -> None:
    """Append the Markdown report to the job summary, where there is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(markdown(report) + "\n")
