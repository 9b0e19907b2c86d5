"""Score files of texts (JSONL, also gzip) with a model version; type it again to resume.

FILE is a file or folder of rows with `text` and perhaps `id`. The folder gets a file for each part,
with id, label and score; a line that holds no text gets an error instead. A prompt is asked within
the budget of project.yaml, and what was paid is kept; without LLM_ANSWERS=live answers come from
records alone (nlp-gitops help prompts).

examples:
  python tools/score.py texts.jsonl --out scored/
  python tools/score.py june/ --model review-sentiment@v1.2.0 --out scored/june --engine dask
  LLM_ANSWERS=live python tools/score.py texts.jsonl --model asks --out scored/

exit codes: 0 all scored, 1 some lines held no text, 2 usage, 3 texts, model or a provider's answers
are not available, or the budget is used up
"""

import json
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.project import load_project


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry", "--json")
    arguments.add_argument("files", nargs="+", metavar="FILE")
    arguments.add_argument("--out", type=Path, required=True, metavar="DIR")
    arguments.add_argument("--model", metavar="NAME[@vX.Y.Z]",
                           help="a version (default: the first model's in production)")
    arguments.add_argument("--engine", choices=("one", "dask"), default="one")
    options = arguments.parse_args(argv)

    from nlp_gitops.drift import logs
    from nlp_gitops.llm import session_of
    from nlp_gitops.model import classes
    from nlp_gitops.registry.champion import EXTERNAL
    from nlp_gitops.registry.pull import cached
    from nlp_gitops.registry.remotes import connect
    from nlp_gitops.serving import scoring
    from nlp_gitops.serving.release import find

    project = load_project()
    ref = find(project, options.model, options.registry)
    registry = connect(project, options.registry)
    snapshot = registry.snapshot()
    folder = cached(registry.store, snapshot, ref, project.root / ".cache" / "models")
    kind = json.loads((folder / "model.json").read_text(encoding="utf-8"))["class"]
    if kind == EXTERNAL:
        raise UsageError(f"{ref} was made elsewhere; no class of nlp/ can load it")
    try:
        asks = hasattr(classes.stored(kind, project.root, str(ref)), "session")
    except UsageError as error:
        raise NotMeasured(f"{error}; keep the class, or name another version with --model"
                          ) from None
    if asks and options.engine != logs.ONE:
        raise UsageError(f"--engine {options.engine}: {ref} asks a provider, which several "
                         "processes cannot do in one budget; llm.concurrency in project.yaml says "
                         "how many requests are on their way at once")
    parts = scoring.plan([str(Path(name).resolve()) for name in options.files])
    task = scoring.Task(str(folder / "model"), kind, str(project.root), str(options.out.resolve()))
    with logs.chosen(options.engine) as engine_run:
        found = scoring.score(task, snapshot.manifest(ref)["artifacts"][0]["sha256"], parts,
                              engine_run, session_of(project) if asks else None)
    show(options, {"version": str(ref), **found},
         f"{found['texts']:,} texts scored by {ref}, {found['faulty']:,} lines without text, "
         f"{found['resumed']} of {len(parts)} parts were there already",
         f"output: {options.out}/part-*.jsonl")
    return 1 if found["faulty"] else 0
