"""Turn a CSV, TSV, JSONL or Parquet file into the repository's dataset, as a new version.

Rows are split 80/10/10 with whole groups and equal shares of each label; the test split is pinned
by its digest. Repeated texts and texts with two labels are left out and counted.

examples:
  python tools/import_dataset.py reviews.csv --text body --label stars
  python tools/import_dataset.py tickets.jsonl --text text --label intent --group thread \\
      --domain product --name support-tickets --license internal --labels refund,delivery,other
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.names import check_model_name
from nlp_gitops.core.project import check_language, check_license, load_project
from nlp_gitops.data import importer
from nlp_gitops.prompts.report import check


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--json")
    arguments.add_argument("file", type=Path, metavar="FILE")
    arguments.add_argument("--text", required=True, metavar="COL", help="column with the text")
    arguments.add_argument("--label", required=True, metavar="COL", help="column with the label")
    arguments.add_argument("--id", metavar="COL", help="column with a unique id")
    arguments.add_argument("--domain", metavar="COL", help="column to slice by")
    arguments.add_argument("--group", metavar="COL",
                           help="rows of one group (document, customer) stay in one split")
    arguments.add_argument("--labels", metavar="a,b,c", help="the allowed labels, in order")
    arguments.add_argument("--name", help="the dataset's name (default: the file's)")
    arguments.add_argument("--description", help="one sentence: what the rows are")
    arguments.add_argument("--license", default="internal", help="SPDX, or internal (default)")
    arguments.add_argument("--language", help="BCP 47 (default: the project's)")
    arguments.add_argument("--provenance", help="where the rows come from")
    arguments.add_argument("--seed", type=int, default=13, help="of the split (default: 13)")
    options = arguments.parse_args(argv)
    project = load_project()
    name = check_model_name(options.name or _name_of(options.file))
    about = {
        "name": name,
        "description": options.description or f"Rows imported from {options.file.name}.",
        "license": check_license(options.license),
        "language": check_language(options.language or project.language),
        "provenance": options.provenance or f"imported from {options.file.name}",
    }
    named = [item.strip() for item in (options.labels or "").split(",")]
    labels = list(dict.fromkeys(item for item in named if item)) or None
    columns = importer.Columns(options.text, options.label, options.id, options.domain,
                               options.group)
    imported = importer.prepare(importer.read_table(options.file, columns, labels), labels,
                                options.seed)
    version = importer.write(project.dataset, imported, about)
    counts = {split: len(rows) for split, rows in imported.splits.items()}
    unfit = [os.path.relpath(finding.file) for finding in check(
        project.prompts, data=project.dataset).findings if finding.code == "P031" and finding.file]
    show(options, {"name": name, "version": version, "rows": counts, "labels": imported.labels,
                   "dropped": imported.dropped},
         f"{name} v{version}: " + ", ".join(f"{n:,} {split}" for split, n in counts.items()),
         *(f"left out {count:,} rows: {reason}" for reason, count in imported.dropped.items()),
         f"labels: {', '.join(imported.labels)}",
         "next: look at gates.yaml and tests/behaviour.yaml, which were made for other rows",
         *(f"then: {file} is about other labels and will fail its check; give it yours, or delete "
           "its folder if no model uses it" for file in unfit),
         "then: git add -A && git commit, and make pipeline")
    return 0


def _name_of(file: Path) -> str:
    stem = file.name.split(".")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:63] or "dataset"
