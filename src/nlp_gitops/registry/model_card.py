"""The model card: Hugging Face keys and facts from manifest and report; the rest people write."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nlp_gitops.core import card_text, yamlfile
from nlp_gitops.core.card_text import Block, cell, keys_of, with_keys
from nlp_gitops.core.errors import UsageError

FACTS = Block("<!-- facts: begin (packing and `make card` write them) -->",
              "<!-- facts: end -->", "## Facts")
UNWRITTEN = "Not written yet."
# What a gate measures and the hub knows: key, the hub's metric, name for people.
METRICS = (("f1_macro", "f1", "macro-F1"), ("accuracy", "accuracy", "accuracy"),
           ("span_f1", "f1", "span F1"), ("rouge_l", "rouge", "ROUGE-L"))
_SECTIONS = {
    "Intended use": "Who uses the answers, and for what?",
    "Not for": "Which uses would be wrong, and which texts does it not know?",
    "Risks and limits": "Whom do wrong answers harm, and how? Which groups or topics fare worse?",
    "Human oversight": "Who looks at answers, who may overrule them, and who can switch it off?",
}


def source(root: Path, name: str) -> Path:
    """Return the file in which the team writes about a model."""
    return root / "docs" / "cards" / f"{name}.md"


def render(path: Path, manifest: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Return the card of a packed model: the team's text at `path`, keys and facts renewed.

    Raises UsageError for a file whose front matter cannot be edited.
    """
    text = yamlfile.read_text(path) if path.is_file() else _new()
    wanted = keys(manifest)
    text = FACTS.written(with_keys(text, wanted), facts(manifest, report))
    found = keys_of(text)
    if any(found.get(key) != value for key, value in wanted.items()):
        raise UsageError(f"{path}: its front matter, between the first two lines ---, is no map "
                         "of keys in YAML; fix it, or delete it and it is written again")
    return text


def unwritten(text: str) -> list[str]:
    """Return the headings of sections in which people have still to write."""
    return re.findall(rf"^## (.+)\n+{re.escape(UNWRITTEN)}", text, re.MULTILINE)


def keys(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model-card keys of the Hugging Face hub. It has none for slices."""
    dataset, _, revision = manifest["dataset_version"].rpartition("-v")
    data = {"name": dataset or revision, "type": dataset or revision, "split": "test"}
    if dataset:
        data["revision"] = f"v{revision}"
    shown = measured(manifest["metrics"])
    task = {"type": card_text.task(manifest["task"])}
    result = {"task": task, "dataset": data, "metrics": [
        {"type": kind, "name": name, "value": round(value, 4)} for kind, name, value in shown]}
    return {
        "language": card_text.languages([manifest["language"]]),
        **card_text.license_keys(manifest["license"]),
        "pipeline_tag": task["type"],
        "tags": [manifest["params"]["class"]],
        "datasets": [data["name"]],
        "metrics": list(dict.fromkeys(kind for kind, _, _ in shown)),
        "model-index": [{"name": manifest["name"], "results": [result]}],
    }


def facts(manifest: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Return the generated part: what the model is, where it comes from, how good it is."""
    metrics = manifest["metrics"]
    gates = [gate["verdict"] for gate in report.get("gates", [])]
    lines = [
        f"**{manifest['name']}**: {cell(manifest['description'], 300)}", "",
        f"- Owner: {cell(manifest['owner'])}",
        f"- Task: {manifest['task']}; language: {manifest['language']}; labels: "
        + ", ".join(map(cell, manifest["labels"])),
        f"- Licence of the model: {manifest['license']}; of the data: "
        f"{manifest.get('dataset_license') or 'not stated'}",
        f"- Data: {cell(manifest['dataset_version'])}{_rows(manifest)}",
        f"- Prompt: {_prompt(manifest)}",
        f"- Source commit: `{manifest['source_commit']}`"
        + (" with changes that were not committed" if manifest.get("source_dirty") else "")
        + f"; run `{manifest['run']}`",
        *([f"- Tags: {', '.join(f'{key}={cell(tag)}' for key, tag in manifest['tags'].items())}"]
          if manifest["tags"] else []),
        "", "### Quality on the pinned test split", "",
        (", ".join(f"{name} {value:.3f}" for _, name, value in measured(metrics)) or "Measured")
        + f" on {metrics['rows']:,} rows; {_latency(metrics)}. Gate: {report['verdict']}, "
        f"{len(gates)} rules judged, {gates.count('PASS')} passed.", "",
        "| slice | main metric | interval | bound | rows |", "|---|---:|---:|---:|---:|",
        *(f"| {cell(part['name'])} | {_number(part['value'])} | "
          f"{' to '.join(map(_number, part.get('interval') or ())) or '–'} | "
          f"{_number(part.get('bound'))} | {part['n']:,} |" for part in report["slices"]),
        "", "### How to load", "",
        f"Check the digests with `sha256sum -c SHA256SUMS`, unpack "
        f"`{manifest['artifacts'][0]['name']}`, and load the folder `model/` with the class "
        f"`{manifest['params']['class']}` at the source commit. The file format "
        f"is {manifest['params']['file_format']}; no pickle is involved."]
    return "\n".join(lines)


def _rows(manifest: Mapping[str, Any]) -> str:
    """Return the sizes of the splits; data that others hold have none here."""
    rows = manifest.get("dataset_rows") or {}
    return "".join(f", {number:,} {split}" for split, number in rows.items())


def _prompt(manifest: Mapping[str, Any]) -> str:
    """Return the prompt with its digest and who answers it; `none` for a model without one."""
    if manifest["prompt_version"] == "n/a":
        return "none"
    digest = (manifest.get("prompt") or {}).get("sha256")
    asked = manifest.get("provider")
    return (cell(manifest["prompt_version"]) + (f", sha256 `{digest}`" if digest else "")
            + (f", answered by {cell(asked['provider'])} {cell(asked['model'])}" if asked else ""))


def measured(metrics: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """Return (the hub's metric, name, value) of the metrics that this model has."""
    return [(kind, name, metrics[key]) for key, kind, name in METRICS
            if isinstance(metrics.get(key), (int, float))]


def _latency(metrics: Mapping[str, Any]) -> str:
    """Return a line about latency; stored answers of a model made elsewhere may have none."""
    found = metrics.get("latency_ms_p95")
    if found is None:
        return "latency was not measured"
    return f"p95 latency {found:.1f} ms for one text"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _new() -> str:
    sections = "\n".join(f"## {name}\n\n{UNWRITTEN} {question}\n"
                         for name, question in _SECTIONS.items())
    return f"---\n---\n\n# Model card\n\n{FACTS.begin}\n{FACTS.end}\n\n{sections}"
