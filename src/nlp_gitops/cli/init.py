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
from collections.abc import Iterator, Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.git import is_dirty
from nlp_gitops.repository import adopt

_ANSWER = re.compile(r"(?P<key>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--json")
    arguments.add_argument("words", nargs="*", metavar="TEMPLATE [KEY=VALUE …]",
                           help="the template, and answers to its questions")
    arguments.add_argument("--no-input", action="store_true",
                           help="ask nothing; the defaults stand for what is not given")
    options = arguments.parse_intermixed_args(argv)
    template, answers = _split(options.words)
    ask = not options.no_input
    here = Path.cwd()
    repository = adopt.is_repository(here)
    adopt.cruft()
    answers = adopt.default_answers(here, answers, ask)
    adopt.require_template(template, ask)
    with tempfile.TemporaryDirectory(prefix="nlp-gitops-") as folder:
        found = adopt.generate(template, answers, Path(folder), ask,
                               sys.stderr if options.json else None)
        plan = adopt.plan(here, found)
        dirty = repository and is_dirty(here)
        done = adopt.apply(plan, repository)
    ignored = adopt.ignored(plan)
    show(options,
         {"template": found.link["template"], "commit": found.commit,
          "project": found.folder.name, "written": list(plan.write), "left": dict(plan.left),
          "remarks": list(plan.remarks), "ignored": ignored, **done},
         *_lines(plan, done, ignored, dirty))
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


def _lines(plan: adopt.Plan, done: dict[str, str], ignored: list[str],
           dirty: bool) -> Iterator[str]:
    if done["repository"] == adopt.MADE:
        yield "made: a git repository"
    yield (f"written: {len(plan.write)} files, and {adopt.LINK}, the link to template commit "
           f"{plan.generated.commit[:10]}")
    yield f"branch {adopt.LEDGER}, the model ledger: {done['branch']}"
    if plan.left:
        yield f"left alone, in updates too: {len(plan.left)} files that were there"
        yield from (f"  {name}: {advice}" if advice else f"  {name}"
                    for name, advice in plan.left.items())
        name = "Makefile" if "Makefile" in plan.left else next(iter(plan.left))
        kept = adopt.kept_folder(plan.root)
        kept = kept.relative_to(plan.root) if kept.is_relative_to(plan.root) else kept
        yield f"  the template's own lie in {kept}/, to merge from: diff {name} {kept / name}"
    yield from (f"note: {line}" for line in plan.remarks)
    yield from (f"note: git ignores {line}; the next checkout lacks it, so fix that rule"
                for line in ignored)
    if dirty:
        yield "note: changes of yours were not committed before; git add -A takes them too"
    yield "next:"
    if any(plan.left.values()):
        yield "  merge what is named above, then"
    yield "  git add -A && git commit -m 'Adopt nlp-gitops'"
    yield ("  python tools/train.py && python tools/eval_gate.py" if "Makefile" in plan.left
           else "  make check pipeline")
