"""Write the registry page: stages, time line, metrics, slices, lineage, differences and drift.

The page is a file that needs no server; open site/index.html. Without a registry it says so.

examples:
  nlp-gitops site
  nlp-gitops site --registry origin --out build/site --json
"""

from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.project import load_project
from nlp_gitops.site.page import build


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry", "--json")
    arguments.add_argument("--out", type=Path, metavar="DIR", help="a folder (default: site/)")
    options = arguments.parse_args(argv)
    project = load_project()
    done = build(project, options.registry, options.out or project.root / "site")
    show(options, done, "wrote {page}: events {events:,}, versions {versions:,}, runs {runs:,}, "
         "drift reports {drift_reports:,}".format(**done))
    return 0
