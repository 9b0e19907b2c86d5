"""Register the packed model as a new version and put it in a stage.

The number is derived: major when labels or task changed, minor when data or prompt changed, patch
otherwise. Registering the same archive again changes nothing.

examples:
  python tools/push_to_registry.py --stage Staging
  python tools/push_to_registry.py --stage staging --registry origin --version v2.0.0
  python tools/push_to_registry.py --from made-elsewhere/    # after eval_gate.py --from
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.errors import CheckFailed, UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.registry.operations import register
from nlp_gitops.registry.packaging import Package, load_package
from nlp_gitops.registry.policy import check_stage
from nlp_gitops.registry.remotes import connect, default_name
from nlp_gitops.registry.views import outcome_lines, outcome_record


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry", "--model", "--json")
    arguments.add_argument("--stage", default="staging", help="staging (the only first stage)")
    arguments.add_argument("--from", dest="folder", metavar="DIR", type=Path,
                           help="register a model made elsewhere (nlp-gitops help registry)")
    arguments.add_argument("--version", help="use this number, for example v2.0.0")
    arguments.add_argument("--reason", help="kept in the ledger")
    options = arguments.parse_args(argv)
    project = load_project()
    if check_stage(options.stage, project.registry) != "staging":
        raise UsageError("a new version starts in staging; promote it from there")
    if options.folder:
        from nlp_gitops.registry import external
        package = external.package(project, external.load(options.folder))
    else:
        package = load_package(project.root / "dist" / project.model(options.model).name)
    _check_dirty(package, options.registry)
    outcome = register(connect(project, options.registry), package,
                       load_manifest(project.dataset).test_sha256, options.version, options.reason)
    name = package.manifest["name"]
    version = f"{name}@{outcome.version}"
    show(options, outcome_record(name, outcome.version, outcome.events),
         *(outcome_lines(outcome.events)
           or [f"{version} already holds this very archive; nothing to do"]),
         f"next: python tools/promote.py {version} --to Production")
    return 0


def _check_dirty(package: Package, registry: str | None) -> None:
    """Refuse what no commit holds; the local registry takes it with a warning."""
    if package.manifest["source_dirty"]:
        warning = f"run {package.manifest['run']} was made with uncommitted changes"
        if (registry or default_name()) != "local":
            raise CheckFailed(f"{warning}; commit them, train again, and register that run")
        print(f"warning: {warning}; only the local registry takes it", file=sys.stderr)
