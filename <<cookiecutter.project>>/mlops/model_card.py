"""The model card: Hugging Face metadata keys, then what a reader needs, all from the manifest."""

from collections.abc import Mapping
from typing import Any

import yaml


def render(manifest: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Return MODEL_CARD.md for a packed model."""
    metrics = manifest["metrics"]
    front = {
        "language": manifest["language"],
        "license": manifest["license"] if manifest["license"] != "internal" else "other",
        "pipeline_tag": "text-classification",
        "datasets": [manifest["dataset_version"]],
        "model-index": [{"name": manifest["name"], "results": [{
            "task": {"type": "text-classification"},
            "dataset": {"name": manifest["dataset_version"], "type": "internal", "split": "test"},
            "metrics": [{"type": "f1", "name": "macro-F1", "value": round(metrics["f1_macro"], 4)},
                        {"type": "accuracy", "value": round(metrics["accuracy"], 4)}],
        }]}],
    }
    slices = "\n".join(
        f"| {part['name']} | {part['value']:.3f} | {part['n']} |" for part in report["slices"])
    return f"""---
{yaml.safe_dump(front, sort_keys=False, allow_unicode=True).strip()}
---

# {manifest["name"]}

{manifest["description"]}

- Owner: {manifest["owner"]}
- Task: {manifest["task"]}; labels: {", ".join(manifest["labels"])}
- Licence: {manifest["license"]}
- Data: {manifest["dataset_version"]}; prompt: {manifest["prompt_version"]}
- Source commit: `{manifest["source_commit"]}`; run `{manifest["run"]}`

## Quality on the pinned test split

macro-F1 {metrics["f1_macro"]:.3f}, accuracy {metrics["accuracy"]:.3f} on {metrics["rows"]} rows;
{_latency(metrics)}.

| slice | macro-F1 | rows |
|---|---:|---:|
{slices}

## How to load

Check the digests with `sha256sum -c SHA256SUMS`, unpack `{manifest["artifacts"][0]["name"]}`, and
load the folder `model/` with the class `{manifest["params"]["class"]}` of `nlp/model.py` at the
source commit. The file format is {manifest["params"]["file_format"]}; no pickle is involved.
"""


def _latency(metrics: Mapping[str, Any]) -> str:
    """Return a line about latency; stored answers of a model made elsewhere may have none."""
    found = metrics.get("latency_ms_p95")
    if found is None:
        return "latency was not measured"
    return f"p95 latency {found:.1f} ms for one text"
