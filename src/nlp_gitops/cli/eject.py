"""Unpack this package's source into the repository, for a team that goes on without the template.

It comes to nlp_gitops/ in the repository's root. pyproject.toml and the lock files name the
packages that it imports instead of the wheel, which is removed; the doors, make and the workflows
run as before. Nothing is committed.

examples:
  nlp-gitops eject
  nlp-gitops eject --json
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.project import find_root
from nlp_gitops.repository import eject

NEXT = ("make setup", "git add -A && git commit -m 'The machinery is our code now'",
        "make check pipeline")


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--json")
    options = arguments.parse_args(argv)
    plan = eject.plan(find_root())
    eject.apply(plan)
    remarks = eject.remarks(plan)
    show(options,
         {"unpacked": {"folder": eject.FOLDER, "files": len(plan.unpack)},
          "rewritten": list(plan.rewrite), "removed": list(plan.remove), "left": remarks,
          "next": list(NEXT)},
         f"unpacked: {eject.FOLDER}/ ({len(plan.unpack)} files)",
         *(f"rewritten: {name}" for name in plan.rewrite),
         *(f"removed: {name}" for name in plan.remove),
         *(f"left for you: {line}" for line in remarks),
         "next:", *(f"  {line}" for line in NEXT))
    return 0
