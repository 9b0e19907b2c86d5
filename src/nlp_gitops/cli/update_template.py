"""Bring a newer template as a pull request, or as an issue where a token may not open one.

examples:
  nlp-gitops ci update-template
  pipx run cruft update              # the same by hand, on a branch of your own
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import parser
from nlp_gitops.core.errors import UserError
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.github import alerts, template_update
from nlp_gitops.registry import github_client
from nlp_gitops.reporting.markdown import escape

HOW = """\
Type it in a clone: `pipx run cruft update`, look at the changes, and open a pull request.

To have it done here: in *Settings, Actions, General* tick "Allow GitHub Actions to create and
approve pull requests"; and for updates that touch workflows keep a token with the rights
*contents*, *pull requests* and *workflows* as the secret `TEMPLATE_TOKEN`.
"""


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    parser(__doc__).parse_args(argv)
    project = load_project()
    if template_update.made_from(project.root) is None:
        print("no .cruft.json: this repository was made without cruft; see 'Updating from the "
              "template' in README.md")
        return 0
    if not template_update.update(project.root):
        print("the template is no newer")
        return 0
    _bring(project)
    return 0


def _bring(project: Project) -> None:
    connection = github_client.connect(project)
    left = template_update.rejected(project.root)
    text = ("Close and open this again to start its checks: what a workflow opens starts none.\n"
            + "".join(f"\n- to merge by hand: {escape(name)}" for name in left))
    base = project.registry.protected_branch or "main"
    try:
        template_update.push(project.root, "origin")
        print(f"pull request #{template_update.propose(connection, base, text)}")
    except UserError as error:
        number, _ = alerts.raised(connection, "template", "There is a newer template",
                                  f"{HOW}\nWhy this is an issue: {escape(str(error))}\n")
        print(f"issue #{number}: {error}")
