"""After staging: start promote.yml for the version there, if `promotion.auto` says so.

While `promotion.frozen` is set it starts nothing, and succeeds.

The setting is in project.yaml. The version passes through shadow, if there is such a stage.

examples:
  nlp-gitops ci onward
  nlp-gitops ci onward --registry origin
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import parser
from nlp_gitops.core.project import load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.github.dispatch import dispatch
from nlp_gitops.registry import github_client
from nlp_gitops.registry.operations import promote, resolve
from nlp_gitops.registry.remotes import connect
from nlp_gitops.registry.views import outcome_lines


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--registry", help="origin or local (default: origin inside Actions)")
    options = arguments.parse_args(argv)
    project = load_project()
    if not project.auto_promotion:
        print("a person decides about production: promotion.auto in project.yaml is not true")
        return 0
    if project.registry.frozen:
        print(f"promotions to production are frozen: {project.registry.frozen}")
        return 0
    registry = connect(project, options.registry)
    ref = resolve(registry.snapshot(), "@staging", project.model().name)
    if "shadow" in project.registry.stages:
        done = promote(registry, ref, "shadow", load_manifest(project.dataset).test_sha256)
        print("\n".join(outcome_lines(done.events)))
    page = dispatch(github_client.connect(project), "promote.yml",
                    project.registry.protected_branch or "main", {"version": str(ref)})
    print(f"started promote.yml for {ref}: {page}")
    return 0
