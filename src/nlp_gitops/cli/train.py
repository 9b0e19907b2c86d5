"""Train a model on the train split and log the run under runs/, or train an old run again.

With --reproduce, exit code 0 means the same model to the byte, 1 another one (with what differs),
3 that it cannot be tried: the commit, the uncommitted changes or the data are gone.

examples:
  python tools/train.py
  python tools/train.py --model review-sentiment --json
  python tools/train.py --reproduce 20260105-101500Z_review-sentiment
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops.cli.frame import emit, parser
from nlp_gitops.core.progress import Progress
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.tracking import trackers


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--model", help="a model of project.yaml (default: the first)")
    arguments.add_argument("--reproduce", metavar="RUN",
                           help="train this run again from its commit, data and seed, and compare")
    arguments.add_argument("--json", action="store_true", help="print the run as JSON")
    options = arguments.parse_args(argv)
    if options.reproduce and options.model:
        arguments.error("--reproduce takes the model of the run; leave out --model")
    project = load_project()
    if options.reproduce:
        return _reproduce(project, options.reproduce, options.json)
    return _train(project, options.model, options.json)


def _train(project: Project, model: str | None, as_json: bool) -> int:
    settings = project.model(model)
    names = trackers.wanted(project.tracking)
    opened = trackers.open_trackers(names, project.name, project.root)
    from nlp_gitops.training import train

    result = train(project, settings, trackers.Mirror(opened), Progress(sys.stderr))
    if as_json:
        emit(dict(result.details))
        return 0
    print(f"{'run':<16} {result.name}")
    for name, value in result.metrics.items():
        print(f"{name:<16} {value:.3f}")
    folder = result.path.relative_to(project.root)
    print(f"{'record':<16} {folder}/run.json")
    print(f"{'artifacts':<16} {folder}/artifacts/")
    print(f"{'':<16} {', '.join(_top_names(result.artifacts))}")
    for name, note in trackers.notes(result.path).items():
        print(f"{name:<16} {note['where']} ({note['state']})")
    print(f"next: python tools/eval_gate.py{project.option(settings.name)}")
    return 0


def _top_names(folder: Path) -> list[str]:
    return sorted(path.name + ("/" if path.is_dir() else "") for path in folder.iterdir())


def _reproduce(project: Project, name: str, as_json: bool) -> int:
    from nlp_gitops import tracking
    from nlp_gitops.training.reproduction import Outcome, reproduce

    old = tracking.find(project.root / "runs", name)
    with Progress(sys.stderr).phase("reproduce"):
        outcome: Outcome = reproduce(project, old)
    if as_json:
        emit(outcome.to_json())
    else:
        print("\n".join(outcome.lines()))
    return 0 if outcome.identical else 1
