"""Say what this branch touches: code or only papers, and the key of the gate's inputs.

In a workflow the base comes from the event, and the answers also become outputs of the step. It
needs nothing but the standard library, and runs from the wheel in vendor/ itself.

examples:
  nlp-gitops ci changed
  nlp-gitops ci changed --base origin/main
"""

import os
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser
from nlp_gitops.github.changes import changes, event_base


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--base",
                           help="compare with this commit (default: the event's, or main)")
    options = arguments.parse_args(argv)
    in_workflow = os.environ.get("GITHUB_ACTIONS") == "true"
    base = options.base or (event_base() if in_workflow else "main")
    found = changes(Path.cwd(), base)
    lines = [f"code={str(found.code).lower()}", f"key={found.key}"]
    print("\n".join(lines))
    if in_workflow and "GITHUB_OUTPUT" in os.environ:
        with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as stream:
            stream.write("\n".join(lines) + "\n")
    return 0
