"""Write the registry page: stages, time line, metrics, slices, lineage, differences and drift.

The page is a file that needs no server; open site/index.html. Without a registry it says so.

examples:
  nlp-gitops site
  nlp-gitops site --registry origin --out build/site --json
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import emit, parser
from nlp_gitops.core.project import load_project
from nlp_gitops.site.page import build


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = _arguments().parse_args(argv)
    project = load_project()
    done = build(project, options.registry, options.out or project.root / "site")
    if options.json:
        emit(done)
    else:
        print("wrote {page}: events {events:,}, versions {versions:,}, runs {runs:,}, "
              "drift reports {drift_reports:,}".format(**done))
    return 0


def _arguments() -> argparse.ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--registry", help="origin or local (default: origin inside Actions)")
    found.add_argument("--out", type=Path, metavar="DIR", help="a folder (default: site/)")
    found.add_argument("--json", action="store_true", help="print JSON")
    return found
