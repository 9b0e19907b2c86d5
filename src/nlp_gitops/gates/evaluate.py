"""Evaluation: run models on the pinned test split, and time them request by request."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nlp_gitops.core import files
from nlp_gitops.core.errors import CheckFailed, NotMeasured
from nlp_gitops.core.project import find_root
from nlp_gitops.data.manifest import Manifest
from nlp_gitops.data.rows import digest, read_split
from nlp_gitops.evaluation import figures, predictions
from nlp_gitops.evaluation.behaviour import Result, fail_rates, load_suite, run_suite
from nlp_gitops.gates import Answers, Evidence, Gates, Single
from nlp_gitops.llm import Session
from nlp_gitops.model import Model, Prediction, classes
from nlp_gitops.prompts import diff
from nlp_gitops.registry.champion import NO_CHAMPION, Champion
from nlp_gitops.tracking import Run


@dataclass(frozen=True)
class Evaluation:
    """All that is judged and reported. The rows and both models' answers have n entries, in order.

    `prompt_change` are the lines of a diff from the champion's prompt and provider, if both are
    prompts.
    """

    evidence: Evidence
    champion: Champion
    test_sha256: str
    behaviour: Sequence[Result] = ()
    prompt_change: Sequence[str] = ()


def load_model(run: Run) -> Model:
    """Load the model of a run after checking that its files are the ones that were trained."""
    folder = run.model_folder
    if not folder.is_dir() or files.sha256_tree(folder) != run.details["model_sha256"]:
        raise CheckFailed(f"{folder}: the model's files are not those of the run; train again")
    found = classes.stored(run.params["class"], find_root(run.path), str(run.path))
    try:
        return found.load(folder)
    except (ValueError, KeyError, OSError) as error:
        raise CheckFailed(f"{folder}: the model cannot be loaded: {error}") from None


def evaluate(run: Run, manifest: Manifest, gates: Gates, champion: Champion = NO_CHAMPION,
             session: Session | None = None) -> Evaluation:
    """Run a run's model, and the champion beside it, on the test split."""
    return evaluate_model(load_model(run), manifest, gates, champion, session)


def evaluate_model(model: Model, manifest: Manifest, gates: Gates, champion: Champion,
                   session: Session | None = None) -> Evaluation:
    """Run a model, and the champion beside it, on the test split.

    Models that ask a provider do so in `session`; their latency is that of the requests.
    """
    rows, found = pinned_rows(manifest)
    models = [model] + ([champion.model] if champion.model else [])
    for item in models:
        if session and hasattr(item, "session"):
            item.session = session
    texts = [row["text"] for row in rows]
    answers = [_answers(item.predict(texts)) for item in models]
    # What a request took stands beside its answer; asking again would find a record.
    local = [number for number, item in enumerate(answers) if item.latency_ms is None]
    times = interleaved([models[number] for number in local], texts, gates.warmup, gates.requests)
    for number, latency in zip(local, times, strict=True):
        answers[number] = replace(answers[number], latency_ms=latency)
    rows = [{**row, "label": str(row["label"])} for row in rows]
    theirs = answers[1] if champion.model else stored_answers(rows, champion.predictions)
    evidence = Evidence(rows, answers[0], theirs)
    tests = [test for gate in gates.gates if gate.suite
             for test in load_suite(gates.path.parent / gate.suite, gate.suite)]
    results = [run_suite(tests, item) for item in models]
    evidence = with_figures(gates, evidence, lambda: _train_texts(manifest),
                            {**fail_rates(*results), **_agreement(models, texts, gates)})
    return Evaluation(evidence, champion, found, results[0],
                      _prompt_change(model, champion.model) if champion.model else ())


def _agreement(models: Sequence[Model], texts: Sequence[str], gates: Gates) -> dict[str, Single]:
    """Ask some texts several times, where a gate asks for that, and compare the answers."""
    if not any(gate.metric == "agreement" for gate in gates.gates):
        return {}
    chosen = np.random.default_rng(gates.seed).permutation(len(texts))[:gates.repeat_rows]
    some = [texts[number] for number in sorted(chosen)]
    labels = [[[item.label for item in model.repeat(some, number)]
               for number in range(gates.repeat_times)] if hasattr(model, "repeat") else None
              for model in models]
    return {"agreement": figures.agreement(labels[0], labels[1] if labels[1:] else None,
                                           gates.confidence)}


def _prompt_change(model: Any, champion: Any) -> list[str]:
    """Return the lines of a diff from the champion's prompt and provider; none for classic ones."""
    if not all(hasattr(item, "prompt") and hasattr(item, "origin") for item in (model, champion)):
        return []
    found = list(diff.lines(diff.between(champion.prompt, model.prompt)))
    old, new = champion.origin, model.origin
    for key in new:
        if new[key] != old[key]:
            found += [f"{key}:", f"  -{json.dumps(old[key])}", f"  +{json.dumps(new[key])}"]
    return found


def evaluate_stored(path: Path, manifest: Manifest, gates: Gates,
                    champion: Champion, session: Session | None = None) -> Evaluation:
    """Judge the answers of a model made elsewhere to the test split, against the champion."""
    rows, found = pinned_rows(manifest)
    rows = [{**row, "label": str(row["label"])} for row in rows]
    ours = stored_answers(rows, path)
    assert ours is not None
    theirs = stored_answers(rows, champion.predictions)
    if champion.model:
        if session and hasattr(champion.model, "session"):
            champion.model.session = session
        theirs = _answers(champion.model.predict([row["text"] for row in rows]))
    return Evaluation(with_figures(gates, Evidence(rows, ours, theirs),
                                   lambda: _train_texts(manifest)), champion, found)


def stored_answers(rows: Sequence[dict[str, Any]], path: Path | None) -> Answers | None:
    """Return a file's answers in the order of `rows`; raise NotMeasured for other rows."""
    if path is None:
        return None
    return predictions.answers(predictions.joined(rows, predictions.read(path), path))


def _train_texts(manifest: Manifest) -> Iterator[str]:
    return (row["text"] for row in read_split(manifest, "train"))


def pinned_rows(manifest: Manifest) -> tuple[list[dict[str, Any]], str]:
    """Return the test split and its digest; raise unless it is the pinned one."""
    rows = read_split(manifest, "test")
    if not rows:
        raise NotMeasured(f"{manifest.path}: the test split has no rows")
    found = digest(rows)
    if manifest.test_sha256 is None:
        raise NotMeasured(f"{manifest.path}: the test split is not pinned; type: "
                          f"python tools/check_schema.py {manifest.path} --fix")
    if found != manifest.test_sha256:
        raise CheckFailed(f"{manifest.document.where('test_sha256')}: the test split is not the "
                          f"pinned one (found {found[:12]}…); restore it, or make a new major "
                          f"version: python tools/check_schema.py {manifest.path} --fix")
    return rows, found


def with_figures(gates: Gates, evidence: Evidence, train: Callable[[], Any] | None,
                 suites: Mapping[str, Single] | None = None) -> Evidence:
    """Return the evidence with every figure that its answers allow, or why they do not.

    `train` gives the training texts; it is called only if a gate asks for the leak rate.
    """
    candidate, champion = evidence.candidate, evidence.champion
    gold = [row["label"] for row in evidence.rows]
    singles = {**figures.latency(candidate, champion, gates.confidence),
               **figures.cost(candidate, champion),
               **figures.calibration(gold, candidate, champion, gates.seed, gates.confidence),
               **(suites or {})}
    for gate in gates.gates:
        if gate.metric == "leak_rate":
            singles["leak_rate"] = figures.leak(evidence.rows, train() if train else None)
        elif gate.ids:
            found = figures.critical(gates.path.parent / gate.ids, evidence)
            singles.update({f"{gate.ids}:{kind}": single for kind, single in found.items()})
        elif gate.suite and suites is None:
            singles.update({f"{gate.suite}:{kind}": Single(
                None, missing="a suite needs the model, not a file of predictions")
                for kind in gate.max_fail_rate})
    return replace(evidence, singles=singles)


def interleaved(models: Sequence[Model], texts: Sequence[str], warmup: int,
                requests: int) -> list[list[float]]:
    """Time single predictions after a warm-up: milliseconds of wall time for each model.

    Models take turns request by request, so that what else the machine does hits all alike.
    """
    for number in range(warmup):
        for model in models:
            model.predict([texts[number % len(texts)]])
    times: list[list[float]] = [[] for _ in models]
    for number in range(requests):
        text = [texts[number % len(texts)]]
        # Who goes first alternates: the second finds warmer caches.
        order = range(len(models)) if number % 2 else reversed(range(len(models)))
        for index in order:
            begin = time.perf_counter_ns()
            models[index].predict(text)
            times[index].append((time.perf_counter_ns() - begin) / 1e6)
    return times


def _answers(found: Sequence[Prediction]) -> Answers:
    def column(name: str) -> list[float] | None:
        values = [getattr(item.usage, name, None) for item in found]
        known = [value for value in values if value is not None]
        return known if len(known) == len(values) else None

    faults = [item.usage.fault for item in found if item.usage]
    return Answers([item.label for item in found], [item.scores for item in found],
                   column("latency_ms"), column("tokens"), column("cost"),
                   [fault is None for fault in faults] if faults else None, faults or None)
