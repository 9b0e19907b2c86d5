"""Train a model on the train split and log the run under runs/, or train an old run again.

With --reproduce, exit code 0 means the same model to the byte, 1 another one (with what differs),
3 that it cannot be tried: the commit, the uncommitted changes or the data are gone.

examples:
  python tools/train.py
  python tools/train.py --model review-sentiment --json
  python tools/train.py --reproduce 20260105-101500Z_review-sentiment
"""

import argparse
import sys
from collections.abc import Sequence

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.progress import Progress
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.tracking import trackers


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--model", "--json")
    arguments.add_argument("--reproduce", metavar="RUN",
                           help="train this run again from its commit, data and seed, and compare")
    options = arguments.parse_args(argv)
    if options.reproduce and options.model:
        arguments.error("--reproduce takes the model of the run; leave out --model")
    project = load_project()
    return _reproduce(project, options) if options.reproduce else _train(project, options)


def _train(project: Project, options: argparse.Namespace) -> int:
    settings = project.model(options.model)
    names = trackers.wanted(project.tracking)
    opened = trackers.open_trackers(names, project.name, project.root)
    from nlp_gitops.training import train

    result = train(project, settings, trackers.Mirror(opened), Progress(sys.stderr))
    folder = result.path.relative_to(project.root)
    artifacts = sorted(path.name + ("/" if path.is_dir() else "")
                       for path in result.artifacts.iterdir())
    rows = [("run", result.name),
            *((name, f"{value:.3f}") for name, value in result.metrics.items()),
            ("record", f"{folder}/run.json"), ("artifacts", f"{folder}/artifacts/"),
            ("", ", ".join(artifacts)),
            *((name, f"{note['where']} ({note['state']})")
              for name, note in trackers.notes(result.path).items())]
    show(options, dict(result.details), *(f"{name:<16} {text}" for name, text in rows),
         f"next: python tools/eval_gate.py{project.option(settings.name)}")
    return 0


def _reproduce(project: Project, options: argparse.Namespace) -> int:
    from nlp_gitops import tracking
    from nlp_gitops.training.reproduction import Outcome, reproduce

    old = tracking.find(project.root / "runs", options.reproduce)
    with Progress(sys.stderr).phase("reproduce"):
        outcome: Outcome = reproduce(project, old)
    show(options, outcome.to_json(), *outcome.lines())
    return 0 if outcome.identical else 1
