"""Say what this branch touches: code or only documents, and the key of the gate's inputs.

In a workflow the base comes from the event, and the answers also become outputs of the step. It
needs nothing but the standard library, and runs from the wheel in vendor/ itself.

examples:
  nlp-gitops ci changed
  nlp-gitops ci changed --base origin/main
"""

from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser
from nlp_gitops.core import context
from nlp_gitops.github.changes import changes, event_base


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--base",
                           help="compare with this commit (default: the event's, or main)")
    options = arguments.parse_args(argv)
    base = options.base or (event_base() if context.in_workflow() else "main")
    found = changes(Path.cwd(), base)
    outputs = {"code": str(found.code).lower(), "key": found.key}
    print("\n".join(f"{key}={value}" for key, value in outputs.items()))
    context.outputs(outputs)
    return 0
