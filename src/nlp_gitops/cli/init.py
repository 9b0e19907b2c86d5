"""Adopt an existing repository: bring what a generated one has and this one lacks.

The template's questions are asked; nothing that is there is overwritten, and nothing is committed.
TEMPLATE is the folder or URL of cookiecutter-nlp-gitops, from which updates will come. In an empty
folder a git repository is made.

examples:
  nlp-gitops init https://github.com/YOUR-ORG/cookiecutter-nlp-gitops
  nlp-gitops init ../cookiecutter-nlp-gitops --no-input project=ticket-intent owner=support
"""

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import emit, parser
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.git import is_dirty
from nlp_gitops.repository import adopt
from nlp_gitops.repository.generate import cruft, default_answers, generate, require_template

_ANSWER = re.compile(r"(?P<key>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("words", nargs="*", metavar="TEMPLATE [KEY=VALUE …]",
                           help="the template, and answers to its questions")
    arguments.add_argument("--no-input", action="store_true",
                           help="ask nothing; the defaults stand for what is not given")
    arguments.add_argument("--json", action="store_true", help="print the result as JSON")
    options = arguments.parse_intermixed_args(argv)
    template, answers = _split(options.words)
    ask = not options.no_input
    here = Path.cwd()
    repository = adopt.is_repository(here)
    cruft()
    answers = default_answers(here, answers, ask)
    require_template(template, ask)
    with tempfile.TemporaryDirectory(prefix="nlp-gitops-") as folder:
        found = generate(template, answers, Path(folder), ask,
                         sys.stderr if options.json else None)
        plan = adopt.plan(here, found)
        dirty = repository and is_dirty(here)
        done = adopt.apply(plan, repository)
    _tell(plan, done, dirty, options.json)
    return 0


def _split(words: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Return the template and the answers; a folder's name may hold `=` after a slash."""
    answers = {found["key"]: found["value"] for word in words
               if (found := _ANSWER.fullmatch(word))}
    templates = [word for word in words if not _ANSWER.fullmatch(word)]
    if len(templates) != 1:
        raise UsageError("name one template, by its folder or URL, such as: nlp-gitops init "
                         "https://github.com/YOUR-ORG/cookiecutter-nlp-gitops")
    return templates[0], answers


def _tell(plan: adopt.Plan, done: dict[str, str], dirty: bool, as_json: bool) -> None:
    ignored = adopt.ignored(plan)
    if as_json:
        emit({"template": plan.generated.link["template"], "commit": plan.generated.commit,
              "project": plan.generated.folder.name, "written": list(plan.write),
              "left": dict(plan.left), "remarks": list(plan.remarks), "ignored": ignored, **done})
        return
    if done["repository"] == adopt.MADE:
        print("made: a git repository")
    print(f"written: {len(plan.write)} files, and {adopt.LINK}, the link to template commit "
          f"{plan.generated.commit[:10]}")
    print(f"branch {adopt.LEDGER}, the model ledger: {done['branch']}")
    _tell_left(plan)
    for line in plan.remarks:
        print(f"note: {line}")
    for line in ignored:
        print(f"note: git ignores {line}; the next checkout lacks it, so mend that rule")
    if dirty:
        print("note: changes of yours were not committed before; git add -A takes them too")
    merge = "merge what is named above, then\n  " if any(plan.left.values()) else ""
    check = ("python tools/train.py && python tools/eval_gate.py" if "Makefile" in plan.left
             else "make check pipeline")
    print(f"next:\n  {merge}git add -A && git commit -m 'Adopt nlp-gitops'\n  {check}")


def _tell_left(plan: adopt.Plan) -> None:
    if not plan.left:
        return
    print(f"left alone, in updates too: {len(plan.left)} files that were there")
    for name, advice in plan.left.items():
        print(f"  {name}: {advice}" if advice else f"  {name}")
    name, kept = max(plan.left, key=lambda name: name == "Makefile"), adopt.kept_folder(plan.root)
    kept = kept.relative_to(plan.root) if kept.is_relative_to(plan.root) else kept
    print(f"  the template's own lie in {kept}/, to merge from: diff {name} {kept / name}")
