"""What `tools/eval_gate.py` does, step by step: from options to evidence to a report."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core import files
from nlp_gitops.core.errors import UsageError, UserError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.data.rows import read_split
from nlp_gitops.evaluation import families, predictions, slices
from nlp_gitops.gates import (Bench, Evidence, Gates, canonical, judge, known_metric, load_gates,
                              override)
from nlp_gitops.gates.evaluate import Evaluation, evaluate, with_figures
from nlp_gitops.gates.report import Subject, build, subject_of
from nlp_gitops.gates.rules import of_task, suggestion
from nlp_gitops.tracking import Run, find, newest_matching

_FLAG = re.compile(r"--(min|max)[-_]([a-z0-9_-]+)(\[.+\])?")


@dataclass(frozen=True)
class Bound:
    """A bound from the command line: `side` is min or max."""

    metric: str
    side: str
    value: float


@dataclass(frozen=True)
class Judged:
    """A finished evaluation: its report, the folders that reports go to, and its rules."""

    report: dict[str, Any]
    evaluation: Evaluation
    folders: tuple[Path, ...]
    gates_file: Path


def split_flags(arguments: Sequence[str]) -> tuple[list[Bound], list[str]]:
    """Return the bounds given as `--min_f1_macro 0.80`, and the arguments that are none.

    Raises UsageError for a metric that is not known, or a bound that is no number.
    """
    bounds, rest = [], []
    left = list(arguments)
    while left:
        flag, equals, text = left.pop(0).partition("=")
        match = _FLAG.fullmatch(flag)
        if not match:
            rest.append(flag + equals + text)
            continue
        metric = canonical(match[2].replace("-", "_") + (match[3] or ""))
        if not known_metric(metric):
            raise UsageError(f"{flag}: no such option: no metric {metric!r}; {suggestion(metric)}")
        if not equals and not left:
            raise UsageError(f"{flag} needs a number, for example {flag} 0.80")
        bounds.append(Bound(metric, match[1], _number(flag, text if equals else left.pop(0))))
    return bounds, rest


def gates_of(project: Project, options: argparse.Namespace, bounds: Sequence[Bound],
             task: str | None = None) -> Gates:
    """Return the rules of the project, or of --gates, with bounds from flags.

    Rules of another task are left out; without `task` it is that of the model in `options`.
    """
    families.use(project)
    gates = of_task(load_gates(_gates_file(project, options)),
                    task or project.model(options.model).task)
    for bound in bounds:
        gates = override(gates, bound.metric, bound.side, bound.value)
    return gates


def _gates_file(project: Project, options: argparse.Namespace) -> Path:
    return Path(options.gates) if options.gates else project.gates


def _number(flag: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise UsageError(f"{flag}: {text!r} is not a number")
    return value


def judge_run(options: argparse.Namespace, bounds: Sequence[Bound]) -> Judged:
    """Evaluate a run's model and the champion on the pinned test split."""
    from nlp_gitops.llm import session_of
    from nlp_gitops.registry import champion
    from nlp_gitops.tracking import lineage

    project = load_project()
    settings = project.model(options.model)
    gates = gates_of(project, options, bounds)
    manifest = load_manifest(project.dataset)
    runs = project.root / "runs"
    run: Run = find(runs, options.run) if options.run else newest_matching(
        runs, settings.name, lineage.inputs(project, settings, manifest))
    found = champion.find(project, run.model, options.champion, options.registry)
    evaluation = evaluate(run, manifest, gates, found, session_of(project))
    return _judged(subject_of(run), evaluation, gates,
                   (run.evaluation, project.root / "reports"), _gates_file(project, options))


def judge_registered(options: argparse.Namespace, bounds: Sequence[Bound]) -> Judged:
    """Judge a version of the registry again, by the present rules, test split and champion."""
    from nlp_gitops.gates.evaluate import evaluate_model, evaluate_stored
    from nlp_gitops.llm import session_of
    from nlp_gitops.registry import champion

    project = load_project()
    manifest = load_manifest(project.dataset)
    ref = ModelRef.parse(options.candidate)
    found = champion.find(project, ref.name, options.champion, options.registry)
    ours = champion.candidate(project, ref, options.registry)
    gates = gates_of(project, options, bounds, ours.manifest["task"])
    if ours.model:
        evaluation = evaluate_model(ours.model, manifest, gates, found, session_of(project))
    else:
        assert ours.predictions
        evaluation = evaluate_stored(ours.predictions, manifest, gates, found,
                                     session_of(project))
    known = ours.manifest
    subject = Subject(ref.name, str(known.get("run", "external")), {
        **{key: known[key] for key in ("task", "language", "license", "owner", "dataset_version",
                                       "prompt_version", "model_sha256")},
        "prompt": known.get("prompt"), "commit": known["source_commit"],
        "dirty": known["source_dirty"], "version": ref.version.tag})
    return _judged(subject, evaluation, gates, (project.root / "reports",),
                   _gates_file(project, options))


def judge_external(options: argparse.Namespace, bounds: Sequence[Bound]) -> Judged:
    """Judge the stored answers of a model made elsewhere, against the champion."""
    from nlp_gitops.gates.evaluate import evaluate_stored
    from nlp_gitops.llm import session_of
    from nlp_gitops.registry import champion, external

    project = load_project()
    made = external.load(Path(options.folder))
    gates = gates_of(project, options, bounds, made.manifest["task"])
    found = champion.find(project, made.manifest["name"], options.champion, options.registry)
    evaluation = evaluate_stored(made.predictions, load_manifest(project.dataset), gates, found,
                                 session_of(project))
    subject = Subject(made.manifest["name"], made.folder.name, {
        **{key: made.manifest[key] for key in ("task", "language", "license", "owner",
                                               "dataset_version", "prompt_version")},
        "commit": made.manifest["source_commit"], "dirty": False,
        "model_sha256": made.model_sha256,
        "predictions_sha256": files.sha256_file(made.predictions)})
    return _judged(subject, evaluation, gates, (made.evaluation, project.root / "reports"),
                   _gates_file(project, options))


def judge_file(options: argparse.Namespace, bounds: Sequence[Bound]) -> Judged:
    """Judge stored predictions, and the champion's if they are given. No model is loaded."""
    from nlp_gitops.registry.champion import Champion

    project = load_project()
    gates = gates_of(project, options, bounds)
    path = Path(options.predictions)
    rows = _with_fields(predictions.read(path), gates, project)
    ours, theirs, champion = predictions.answers(rows), None, Champion(
        "NONE", "no --champion-predictions were given")
    if options.champion_predictions:
        other = Path(options.champion_predictions)
        theirs = predictions.answers(predictions.joined(rows, predictions.read(other), other))
        champion = Champion("COMPARED", f"its predictions are those of {other.name}",
                            other.stem, files.sha256_file(other))
    evidence = with_figures(gates, Evidence(rows, ours, theirs), lambda: [
        row["text"] for row in read_split(load_manifest(project.dataset), "train")])
    subject = Subject(project.model(options.model).name, path.name, {
        "dataset_version": "n/a", "prompt_version": "n/a", "commit": "n/a", "dirty": False,
        "model_sha256": None, "predictions_sha256": files.sha256_file(path)})
    return _judged(subject, Evaluation(evidence, champion, predictions.digest(rows)), gates,
                   (project.root / "reports",), _gates_file(project, options))


def _with_fields(rows: list[dict[str, Any]], gates: Gates, project: Project
                 ) -> list[dict[str, Any]]:
    """Return the rows; what slices look at and a row lacks comes from the test split, by id."""
    needed = set().union(*(slices.fields(gates.slices[name]) for gate in gates.gates
                           for name in gate.slices))
    if not any(needed - row.keys() for row in rows):
        return rows
    try:
        return predictions.completed(rows, read_split(load_manifest(project.dataset), "test"))
    except UserError:
        # The rows may have nothing to do with this data set; then slices are not measured.
        return rows


def _judged(subject: Subject, evaluation: Evaluation, gates: Gates,
            folders: tuple[Path, ...], gates_file: Path) -> Judged:
    bench = Bench(gates, evaluation.evidence)
    verdicts = judge(gates, evaluation.evidence, bench=bench)
    return Judged(build(subject, evaluation, gates, verdicts, bench), evaluation, folders,
                  gates_file)
