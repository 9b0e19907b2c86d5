"""The dataset card `README.md` beside the manifest: its tables and Hugging Face keys in step."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nlp_gitops.core import card_text, yamlfile
from nlp_gitops.core.card_text import Block, cell, with_keys
from nlp_gitops.data.check import Measured
from nlp_gitops.data.manifest import Manifest
from nlp_gitops.data.quality import Remark, Summary

NAME = "README.md"
BEGIN = "<!-- tables: begin (tools/check_schema.py --fix writes them) -->"
END = "<!-- tables: end -->"
TABLES = Block(BEGIN, END, "## Rows")
MAX_LABELS = 50

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"),
          (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"))


def path_of(manifest: Manifest) -> Path:
    """Return where the card lies."""
    return manifest.path.with_name(NAME)


def check(manifest: Manifest, measured: Measured) -> Iterator[Remark]:
    """Yield D092 where the card is absent or says something else than the data."""
    path = path_of(manifest)
    if not path.is_file():
        yield Remark("D092", f"no card {path}", (), "run with --fix; then write down the limits")
        return
    text = yamlfile.read_text(path)
    if text != updated(text, manifest, measured):
        yield Remark("D092", f"{path} is out of step with the data", (), "run with --fix")


def current(manifest: Manifest, measured: Measured) -> str:
    """Return the card as it should be: the present one with its tables and keys renewed."""
    path = path_of(manifest)
    return updated(yamlfile.read_text(path) if path.is_file() else _new(manifest), manifest,
                   measured)


def updated(text: str, manifest: Manifest, measured: Measured) -> str:
    """Return a card's text with tables and front matter as the data wants them, all else kept."""
    return TABLES.written(with_keys(text, keys(manifest, measured)), tables(manifest, measured))


def keys(manifest: Manifest, measured: Measured) -> dict[str, Any]:
    """Return the dataset-card keys of the Hugging Face hub."""
    rows = len(measured.table)
    spans = any(field.name == "label" and field.type == "spans" for field in manifest.fields)
    found: dict[str, Any] = {
        "pretty_name": manifest.text("pretty_name") or manifest.name,
        "language": card_text.languages(manifest.languages),
        "language_details": [tag for tag in manifest.languages if "-" in tag],
        **card_text.license_keys(manifest.license),
        "size_categories": [next((name for limit, name in _SIZES if rows < limit), "n>100M")],
        "task_categories": ["token-classification" if spans else "text-classification"],
    }
    # What the manifest does not say is left as people wrote it.
    return {key: value for key, value in found.items() if value != []}


def tables(manifest: Manifest, measured: Measured) -> str:
    """Return the generated part: version, rows, lengths and labels of each split."""
    parts = measured.parts
    lines = [f"Version {manifest.version}, licence {manifest.license or 'not stated'}.", "",
             "| split | rows | without text | characters: median | 95 % | longest |",
             "|---|---:|---:|---:|---:|---:|"]
    lines += [f"| {name} | {part.rows:,} | {part.without_text:,} | {part.median_length:,} | "
              f"{part.p95_length:,} | {part.longest:,} |" for name, part in parts.items()]
    labels = [str(label) for label in manifest.labels] or sorted(
        {label for part in parts.values() for label in part.labels})
    if labels:
        lines += ["", "| label | " + " | ".join(parts) + " |",
                  "|---|" + "---:|" * len(parts)]
        lines += [f"| {cell(label)} | " + " | ".join(
            _share(label, part) for part in parts.values()) + " |" for label in labels[:MAX_LABELS]]
    if len(labels) > MAX_LABELS:
        lines.append(f"\n… and {len(labels) - MAX_LABELS:,} more labels")
    return "\n".join(lines)


def _share(label: str, part: Summary) -> str:
    count, total = part.labels.get(label, 0), sum(part.labels.values())
    return f"{count:,} ({count / total:.1%})" if total else "0"


def _new(manifest: Manifest) -> str:
    name = manifest.text("pretty_name") or manifest.name
    return f"""---
---

# {name}

{manifest.text("description") or "Say here in one sentence what the rows are."}

## Rows

{BEGIN}
{END}

## Where the rows come from

{manifest.text("provenance") or "Say here where the rows come from, and who labelled them how."}

## Known limits

{manifest.text("limits") or "Not written down yet. Say here what the rows do not cover."}
"""
