"""What `make card` adds to the dataset card: rows of each slice, and personal data that was found.

The rest of that card is kept in step by `check_schema.py --fix` (`nlp_gitops/data/card.py`).
"""

from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.core.card_text import Block, cell
from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.files import write_atomic
from nlp_gitops.core.project import Project
from nlp_gitops.data import card
from nlp_gitops.data.check import measure
from nlp_gitops.data.codes import Collector, severities
from nlp_gitops.data.jsonlines import Row
from nlp_gitops.data.manifest import Manifest, load_manifest
from nlp_gitops.data.rows import read_split
from nlp_gitops.evaluation import slices
from nlp_gitops.gates import Gates, load_gates

SLICES = Block("<!-- slices: begin (make card writes them) -->", "<!-- slices: end -->",
               "## Slices and personal data")
MAX_SLICES = 200


def write(project: Project) -> Path:
    """Renew the generated parts of the dataset card; return its path. The manifest stays."""
    manifest = load_manifest(project.dataset)
    found = Collector(severities(manifest.checks))
    measured = measure(manifest, found)
    text = SLICES.written(card.current(manifest, measured), "\n".join(
        [*_slices(manifest, load_gates(project.gates)), "", _personal(found)]))
    write_atomic(card.path_of(manifest), text)
    return card.path_of(manifest)


def _slices(manifest: Manifest, gates: Gates) -> list[str]:
    splits = {name: read_split(manifest, name) for name in manifest.split_names}
    counts = {split: _counts(gates, rows) for split, rows in splits.items()}
    names = list(dict.fromkeys(name for found in counts.values() for name in found))
    lines = ["| slice | " + " | ".join(splits) + " |", "|---|" + "---:|" * len(splits)]
    lines += [f"| {cell(name)} | " + " | ".join(
        f"{found.get(name, 0):,}" for found in counts.values()) + " |"
        for name in names[:MAX_SLICES]]
    if len(names) > MAX_SLICES:
        lines.append(f"\n… and {len(names) - MAX_SLICES:,} more slices")
    return lines if names else ["`gates.yaml` defines no slices."]


def _counts(gates: Gates, rows: Sequence[Row]) -> dict[str, int]:
    """Return the rows of each slice; a slice that these rows cannot tell is left out."""
    counts: dict[str, int] = {}
    for name, spec in gates.slices.items():
        try:
            counts.update((part, len(indexes)) for part, indexes
                          in slices.members(spec, name, rows).items())
        except NotMeasured:
            continue
    return counts


def _personal(found: Collector) -> str:
    if not found.wants("D060"):
        return "Texts were not searched for personal data (`quality_checks: pii`)."
    number = found.by_code().get("D060", 0)
    return (f"A search for personal data and secrets by their patterns (addresses, numbers, keys) "
            f"found {number:,} texts. Names of people have no pattern; it does not see them.")
