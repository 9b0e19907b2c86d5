"""Pack an evaluated run: deterministic archive, manifest, model card and SHA256SUMS in dist/.

A run whose gate did not pass is not packed.

examples:
  python tools/pack_model.py
  python tools/pack_model.py --run 20260105-101500Z_review-sentiment
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.names import parse_tags
from nlp_gitops.core.project import load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.registry.packaging import pack
from nlp_gitops.tracking import find, lineage, newest_matching


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--model", "--json")
    arguments.add_argument("--run", help="a run's name, or how it begins")
    arguments.add_argument("--description", help="one sentence (default: that of project.yaml)")
    arguments.add_argument("--tag", action="append", default=[], metavar="KEY=VALUE", dest="tags",
                           help="a free tag in the manifest; may be repeated")
    options = arguments.parse_args(argv)
    project = load_project()
    settings = project.model(options.model)
    runs = project.root / "runs"
    chosen = find(runs, options.run) if options.run else newest_matching(
        runs, settings.name,
        lineage.inputs(project, settings, load_manifest(project.dataset)))
    package = pack(project, chosen, options.description or settings.description,
                   parse_tags(options.tags))
    archive = package.manifest["artifacts"][0]
    show(options, package.manifest, f"packed {chosen.name}",
         f"{archive['name']}  {archive['size']:,} bytes  sha256 {archive['sha256']}",
         f"written to {package.folder.relative_to(project.root)}/",
         f"next: python tools/push_to_registry.py --stage Staging{project.option(chosen.model)}")
    return 0
