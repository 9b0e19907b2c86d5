"""Unpack this package's source into the repository, for a team that goes on without the template.

It comes to nlp_gitops/ in the repository's root. pyproject.toml and the lock files name the
packages that it imports instead of the wheel, which is removed; the doors, make and the workflows
run as before. Nothing is committed.

examples:
  nlp-gitops eject
  nlp-gitops eject --json
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import emit, parser
from nlp_gitops.core.project import find_root
from nlp_gitops.repository import eject

NEXT = ("make setup", "git add -A && git commit -m 'The machinery is our code now'",
        "make check pipeline")


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--json", action="store_true", help="print the result as JSON")
    options = arguments.parse_args(argv)
    plan = eject.plan(find_root())
    eject.apply(plan)
    remarks = eject.remarks(plan)
    if options.json:
        emit({"unpacked": {"folder": eject.FOLDER, "files": len(plan.unpack)},
              "rewritten": list(plan.rewrite), "removed": list(plan.remove), "left": remarks,
              "next": list(NEXT)})
        return 0
    print(f"unpacked: {eject.FOLDER}/ ({len(plan.unpack)} files)")
    for name in plan.rewrite:
        print(f"rewritten: {name}")
    for name in plan.remove:
        print(f"removed: {name}")
    for line in remarks:
        print(f"left for you: {line}")
    print("next:")
    for line in NEXT:
        print(f"  {line}")
    return 0
