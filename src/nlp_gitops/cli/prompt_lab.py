"""Versions of a prompt side by side on a sample of rows, before a pull request is opened.

PROMPT are two or more prompt files, wherever they lie; without them the model's two newest versions
are taken. Rows come from the valid split: the test split is for the gate. Answers come from records
unless LLM_ANSWERS=live is set (nlp-gitops help prompts).

examples:
  python tools/prompt_lab.py
  python tools/prompt_lab.py prompts/classify_sentiment/prompt_v0.3.1.txt draft.txt --rows 50
  LLM_ANSWERS=live python tools/prompt_lab.py --rows 200

exit codes: 0 compared, 2 usage, 3 an answer is missing, or the budget is used up
"""

from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser, positive, show
from nlp_gitops.core import files
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import ModelSettings, Project, load_project
from nlp_gitops.prompts import Prompt, versions
from nlp_gitops.prompts.diff import draft

OUT = Path("reports") / "prompts"


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--json")
    arguments.add_argument("prompts", nargs="*", type=Path, metavar="PROMPT")
    arguments.add_argument("--model", help="whose provider and settings (default: the first)")
    arguments.add_argument("--rows", type=positive(int), default=100, metavar="N",
                           help="(default: 100)")
    arguments.add_argument("--split", default="valid", help="(default: valid)")
    options = arguments.parse_args(argv)
    project = load_project()
    settings = project.model(options.model)
    if not settings.prompt:
        raise UsageError(f"{project.root / 'project.yaml'}: models.{settings.name} has no prompt; "
                         "name one that has: --model NAME")
    prompts = _prompts(project, settings, options.prompts)
    from nlp_gitops.core.tables import table
    from nlp_gitops.llm import session_of
    from nlp_gitops.training import prompt_lab

    found = prompt_lab.run(project, settings, prompts, options.split, options.rows,
                           session_of(project))
    shown = prompt_lab.figures(found)
    files.write_json(project.root / OUT / "lab.json", shown)
    files.write_atomic(project.root / OUT / "lab.html", prompt_lab.page(found))
    show(options, shown, table(prompt_lab.HEADER, [prompt_lab.cells(item) for item in shown]),
         f"{len(found.rows):,} rows of the {options.split} split; broken, fixed and McNemar's p "
         f"are against {shown[0]['prompt']}",
         f"full report: {OUT / 'lab.html'}, {OUT / 'lab.json'}")
    return 0


def _prompts(project: Project, settings: ModelSettings, paths: Sequence[Path]) -> list[Prompt]:
    """Return the prompts of these files, or the two newest of the model."""
    if not paths:
        assert settings.prompt is not None
        paths = list(versions(project.prompts, settings.prompt).values())[-2:]
    if len(paths) < 2:
        raise UsageError("two prompts are needed to compare; name two or more files")
    return [draft(path) for path in paths]
