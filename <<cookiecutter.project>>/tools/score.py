"""Score files of texts (JSONL, also gzip) with a model version; type it again to resume.

FILE is a file or folder of rows with `text` and perhaps `id`. The folder gets a file for each part,
with id, label and score; a line that holds no text gets an error instead. A prompt is asked within
the budget of project.yaml, and what was paid is kept; without LLM_ANSWERS=live answers come from
records alone (docs/prompts.md).

examples:
  python tools/score.py texts.jsonl --out scored/
  python tools/score.py june/ --model review-sentiment@v1.2.0 --out scored/june --engine dask
  LLM_ANSWERS=live python tools/score.py texts.jsonl --model asks --out scored/

exit codes: 0 all scored, 1 some lines held no text, 2 usage, 3 texts, model or a provider's answers
cannot be had, or the budget is used up
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops.cli import emit, parser, run
from mlops.errors import NotMeasured, UsageError
from mlops.project import load_project


def main(argv: Sequence[str] | None) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("files", nargs="+", metavar="FILE")
    arguments.add_argument("--out", type=Path, required=True, metavar="DIR")
    arguments.add_argument("--model", metavar="NAME[@vX.Y.Z]",
                           help="a version (default: the first model's in production)")
    arguments.add_argument("--engine", choices=("one", "dask"), default="one")
    arguments.add_argument("--registry", help="origin or local (default: origin in Actions)")
    arguments.add_argument("--json", action="store_true", help="print the result as JSON")
    options = arguments.parse_args(argv)

    from mlops import scoring
    from mlops.champion import EXTERNAL
    from mlops.drift import engine
    from mlops.llm import session_of
    from mlops.registry.connect import connect
    from mlops.registry.pull import cached
    from mlops.serving.release import find
    from nlp.model import MODELS, model_class

    project = load_project()
    ref = find(project, options.model, options.registry)
    registry = connect(project, options.registry)
    snapshot = registry.snapshot()
    folder = cached(registry.store, snapshot, ref, project.root / ".cache" / "models")
    kind = json.loads((folder / "model.json").read_text(encoding="utf-8"))["class"]
    if kind == EXTERNAL:
        raise UsageError(f"{ref} was made elsewhere; nlp/model.py has no class that can load it")
    if kind not in MODELS:
        raise NotMeasured(f"{ref} is of class {kind!r}, which nlp/model.py has no more; keep the "
                          "class, or name another version with --model")
    asks = hasattr(model_class(kind), "session")
    if asks and options.engine != engine.ONE:
        raise UsageError(f"--engine {options.engine}: {ref} asks a provider, which several "
                         "processes cannot do in one budget; llm.concurrency in project.yaml says "
                         "how many requests are on their way at once")
    parts = scoring.plan([str(Path(name).resolve()) for name in options.files])
    task = scoring.Task(str(folder / "model"), kind, str(options.out.resolve()))
    with engine.chosen(options.engine) as engine_run:
        found = scoring.score(task, snapshot.manifest(ref)["artifacts"][0]["sha256"], parts,
                              engine_run, session_of(project) if asks else None)
    if options.json:
        emit({"version": str(ref), **found})
    else:
        print(f"{found['texts']:,} texts scored by {ref}, {found['faulty']:,} lines without text, "
              f"{found['resumed']} of {len(parts)} parts were there already")
        print(f"output: {options.out}/part-*.jsonl")
    return 1 if found["faulty"] else 0


if __name__ == "__main__":
    run(main)
