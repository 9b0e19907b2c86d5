"""List the runs of this work tree, show one, compare several, or bring one from MLflow.

examples:
  python tools/runs.py list --model review-sentiment --limit 10
  python tools/runs.py show 20260105-101500Z_review-sentiment
  python tools/runs.py compare RUN_A RUN_B --json
  python tools/runs.py html --out reports/runs
  python tools/runs.py mirror RUN --to mlflow
  python tools/runs.py import-mlflow 0a1b2c… --tracking-uri https://mlflow.example.org
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from nlp_gitops import tracking
from nlp_gitops.cli.frame import FLAGS, parser, positive, show
from nlp_gitops.core import files
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.tracking import run_views


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = _arguments().parse_args(argv)
    options.action(load_project(), options)
    return 0


def _arguments() -> argparse.ArgumentParser:
    arguments = parser(__doc__)
    commands = arguments.add_subparsers(dest="command", required=True)
    for name, action, text in (
            ("list", _list, "newest first, unfinished ones too"),
            ("show", _show, "one run: what it was made from and what came of it"),
            ("compare", _compare, "runs side by side, differences marked"),
            ("html", _html, "one page with the history of every metric"),
            ("mirror", _mirror, "send a finished run to the trackers"),
            ("import-mlflow", _import, "bring a run that exists only in MLflow, and check it")):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action)
        command.add_argument("--json", **FLAGS["--json"])
    found = commands.choices
    found["list"].add_argument("--model", help="only runs of this model")
    found["list"].add_argument("--limit", type=positive(int), metavar="N",
                               help="only the newest N")
    found["list"].add_argument("--metric", default=run_views.MAIN_METRIC,
                               help="the metric to show (default: %(default)s)")
    found["show"].add_argument("run", nargs="?", help="a name or its beginning (default: newest)")
    found["compare"].add_argument("runs", nargs="+", metavar="RUN")
    found["compare"].add_argument("--all", action="store_true", help="show equal values too")
    found["html"].add_argument("--out", required=True, metavar="DIR", type=Path,
                               help="where index.html goes")
    found["mirror"].add_argument("run", help="a name or its beginning")
    found["mirror"].add_argument("--to", action="append", metavar="TRACKER",
                                 help="mlflow or module:Class (default: those of project.yaml)")
    found["import-mlflow"].add_argument("run_id", metavar="RUN_ID", help="MLflow's id of the run")
    found["import-mlflow"].add_argument("--tracking-uri", metavar="URI",
                                        help="default: MLFLOW_TRACKING_URI, else mlflow.db here")
    return arguments


def _list(project: Project, options: argparse.Namespace) -> None:
    folder = project.root / "runs"
    runs: list[tracking.Run | tracking.Unfinished] = [
        *tracking.all_runs(folder), *tracking.unfinished(folder)]
    chosen = sorted((item for item in runs if options.model in (None, item.model)),
                    key=lambda item: item.name, reverse=True)[:options.limit]
    show(options, [run_views.record(item) for item in chosen],
         run_views.listing(chosen, options.metric))


def _show(project: Project, options: argparse.Namespace) -> None:
    folder = project.root / "runs"
    stopped = [item for item in tracking.unfinished(folder) if item.name == options.run]
    if stopped:
        chosen: tracking.Run | tracking.Unfinished = stopped[0]
    elif options.run is None and (known := tracking.all_runs(folder)):
        chosen = known[-1]
    else:
        chosen = tracking.find(folder, options.run or "")
    show(options, run_views.record(chosen), run_views.unfinished_page(chosen)
         if isinstance(chosen, tracking.Unfinished) else run_views.page(chosen))


def _compare(project: Project, options: argparse.Namespace) -> None:
    runs = [tracking.find(project.root / "runs", name) for name in options.runs]
    show(options, [run_views.record(item) for item in runs],
         run_views.comparison(runs, options.all))


def _html(project: Project, options: argparse.Namespace) -> None:
    from nlp_gitops.tracking import run_pages

    folder = project.root / "runs"
    path = options.out / "index.html"
    files.write_atomic(path, run_pages.page(project.name, tracking.all_runs(folder),
                                            tracking.unfinished(folder)))
    show(options, {"page": str(path)}, f"written to {path}")


def _mirror(project: Project, options: argparse.Namespace) -> None:
    from nlp_gitops.tracking import trackers

    chosen = tracking.find(project.root / "runs", options.run)
    names = options.to or trackers.wanted(project.tracking)
    if not names:
        raise UsageError("no tracker to send to; name one with --to, or write "
                         "'tracking: [mlflow]' into project.yaml")
    trackers.send(chosen, trackers.open_trackers(names, project.name, project.root))
    known = trackers.notes(chosen.path)
    show(options, known, *(f"{name}  {known[name]['where']} ({known[name]['state']})"
                           for name in names))


def _import(project: Project, options: argparse.Namespace) -> None:
    from nlp_gitops.tracking.run_import import import_mlflow

    found = import_mlflow(project.root, options.run_id, options.tracking_uri)
    show(options, run_views.record(found), f"imported {found.name}, every digest verified",
         f"next: python tools/eval_gate.py --run {found.name}")
