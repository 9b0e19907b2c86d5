"""A gate's report in which every part is there, and one with a text wherever data can put one."""

from typing import Any

from nlp_gitops.reporting import markdown, phrases
from nlp_gitops.reporting.html_page import html_page

RENDERERS = (html_page, markdown.render, phrases.text)


def gate(name: str = "quality", verdict: str = "PASS", **more: Any) -> dict[str, Any]:
    """Return one gate of a report."""
    return {"id": name, "metric": "f1_macro", "slice": None, "value": 0.86,
            "interval": [0.83, 0.89], "bound": 0.8, "side": "min", "champion": 0.87, "delta": -0.01,
            "delta_interval": [-0.02, 0.0], "max_drop": 0.01, "n": 600, "mde": 0.018,
            "rows_needed": 1944, "p": 0.2, "verdict": verdict, "severity": "fail",
            "why": "Agents correct more below this.", "reason": f"{name} is {verdict}",
            "waiver": None, **more}


def full(**more: Any) -> dict[str, Any]:
    """Return a report in which every part is there."""
    row = {"id": "r-1", "text": "so so", "label": "pos", "champion": "pos", "prediction": "neg"}
    return {
        "schema": "nlp-gitops/report/1", "verdict": "FAIL", "headline": "books fell below 0.70",
        "model": "small", "run": "20260105-101500Z_small", "created": "2026-01-05T10:15:00+00:00",
        "metrics": {"f1_macro": 0.86, "ece": 0.04, "latency_ms_p95": 2.1, "rows": 600},
        "champion": {"version": "v1.2.0", "status": "COMPARED", "why": "",
                     "metrics": {"f1_macro": 0.87}},
        "gates": [gate(), gate("books", "FAIL", slice="domain=books", value=0.66)],
        "slices": [{"name": "domain=books", "n": 96, "value": 0.66, "interval": [0.57, 0.75],
                    "bound": 0.7, "champion": 0.8, "delta": -0.14,
                    "delta_interval": [-0.2, -0.05]}],
        "per_class": {"pos": {"precision": 0.9, "recall": 0.8, "f1": 0.85, "support": 300},
                      "neg": {"precision": 0.8, "recall": 0.9, "f1": 0.84, "support": 300}},
        "confusion": {"labels": ["neg", "pos"], "counts": [[270, 30], [60, 240]],
                      "champion_counts": [[275, 25], [50, 250]]},
        "calibration": {"bins": [{"from": 0.5, "to": 1.0, "confidence": 0.8, "accuracy": 0.85,
                                  "n": 600}]},
        "latency": {"requests": 300, "edges": [0.0, 1.5, 3.0], "counts": [200, 100],
                    "champion_counts": [220, 80], "ratio_p50": 1.0, "ratio_p95": 1.02},
        "changed_rows": {"broken": [row], "fixed": [], "broken_total": 12, "fixed_total": 0},
        "behaviour": [{"suite": "behaviour.yaml", "kind": "INV", "name": "names", "n": 9,
                       "failed": 1, "examples": ["Ann -> Ahmed"]}],
        "hints": ["books needs 4 more right rows of 96"],
        "lineage": {"dataset_version": "small-v1.0.0", "prompt_version": "n/a",
                    "commit": "0123456789abcdef", "dirty": False, "owner": "tests",
                    "model_sha256": "a" * 64, "test_sha256": "b" * 64, "gates_sha256": "c" * 64,
                    "prompt": None}, **more}


def everywhere(text: str) -> dict[str, Any]:
    """Return a report with this text wherever data can put one."""
    row = {key: text for key in ("id", "text", "label", "champion", "prediction")}
    return full(
        headline=text, model=text, run=text, hints=[text],
        gates=[gate(text, "FAIL", slice=text, why=text, reason=text,
                    waiver={"reason": text, "approver": text, "until": text})],
        slices=[{"name": text, "n": 3, "value": 0.5}],
        per_class={text: {"precision": 1, "recall": 1, "f1": 1, "support": 1}},
        confusion={"labels": [text, "x"], "counts": [[1, 1], [0, 1]], "champion_counts": None},
        changed_rows={"broken": [row], "fixed": [row], "broken_total": 1, "fixed_total": 1},
        behaviour=[{"suite": text, "kind": text, "name": text, "n": 1, "failed": 1,
                    "examples": [text]}],
        champion={"version": text, "status": "NOT_COMPARED", "why": text},
        lineage={text: text, "dataset_version": text, "commit": text, "prompt": {text: text}})
