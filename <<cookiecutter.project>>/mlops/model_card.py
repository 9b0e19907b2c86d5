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
        "pipeline_tag": pipeline_tag(manifest["task"]),
        "datasets": [manifest["dataset_version"]],
        "model-index": [{"name": manifest["name"], "results": [{
            "task": {"type": pipeline_tag(manifest["task"])},
            "dataset": {"name": manifest["dataset_version"], "type": "internal", "split": "test"},
            "metrics": [{"type": kind, "name": name, "value": round(metrics[key], 4)}
                        for key, kind, name in _shown(metrics)],
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
- Data: {manifest["dataset_version"]}; prompt: {manifest["prompt_version"]}{_answered(manifest)}
- Source commit: `{manifest["source_commit"]}`; run `{manifest["run"]}`

## Quality on the pinned test split

{_quality(metrics)} on {metrics["rows"]} rows; {_latency(metrics)}.

| slice | main metric | rows |
|---|---:|---:|
{slices}

## How to load

Check the digests with `sha256sum -c SHA256SUMS`, unpack `{manifest["artifacts"][0]["name"]}`, and
load the folder `model/` with the class `{manifest["params"]["class"]}` of `nlp/model.py` at the
source commit. The file format is {manifest["params"]["file_format"]}; no pickle is involved.
"""


def _answered(manifest: Mapping[str, Any]) -> str:
    """Return who answers a prompt; nothing for a model that asks nobody."""
    found = manifest.get("provider")
    return f", answered by {found['provider']} {found['model']}" if found else ""


def pipeline_tag(task: str) -> str:
    """Return the Hugging Face name of a task."""
    return {"prompt-classification": "text-classification", "ner": "token-classification",
            "summarisation": "summarization"}.get(task, task)


def _shown(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (key, Hugging Face type, name) of the metrics that this model has."""
    known = (("f1_macro", "f1", "macro-F1"), ("accuracy", "accuracy", "accuracy"),
             ("span_f1", "f1", "span F1"), ("rouge_l", "rouge", "ROUGE-L"))
    return [item for item in known if isinstance(metrics.get(item[0]), (int, float))]


def _quality(metrics: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {metrics[key]:.3f}" for key, _, name in _shown(metrics))


def _latency(metrics: Mapping[str, Any]) -> str:
    """Return a line about latency; stored answers of a model made elsewhere may have none."""
    found = metrics.get("latency_ms_p95")
    if found is None:
        return "latency was not measured"
    return f"p95 latency {found:.1f} ms for one text"
