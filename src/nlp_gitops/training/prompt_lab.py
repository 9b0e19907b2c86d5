"""Versions of a prompt side by side, on a sample of rows, before anybody opens a pull request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.names import ABSTAIN
from nlp_gitops.core.project import ModelSettings, Project
from nlp_gitops.data.jsonlines import Row
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.data.rows import read_split
from nlp_gitops.evaluation import metrics, statistics
from nlp_gitops.llm.session import Session
from nlp_gitops.model import Prediction
from nlp_gitops.prompts import Prompt, diff
from nlp_gitops.reporting import pages, phrases
from nlp_gitops.reporting.report import TEXT, diff_line, shown
from nlp_gitops.training import create, fit

SEED = 20240613
SHOWN_ROWS = 50
HEADER = ("prompt", "accuracy [95 % CI]", "macro-F1", "valid", "no answer", "tokens", "cost",
          "p50", "broken", "fixed", "p")


@dataclass(frozen=True)
class Trial:
    """One prompt's predictions (n) on the sample, and what the prompt is called beside others."""

    name: str
    prompt: Prompt
    predictions: Sequence[Prediction]


@dataclass(frozen=True)
class Lab:
    """n sampled rows and the trials on them; all are compared with the first."""

    rows: Sequence[Row]
    trials: Sequence[Trial]

    @property
    def gold(self) -> list[str]:
        """Return the right labels (n)."""
        return [str(row["label"]) for row in self.rows]

    def changed(self, trial: Trial) -> tuple[list[int], list[int]]:
        """Return which rows only the first prompt has right, and which only this one has."""
        found: tuple[list[int], list[int]] = ([], [])
        for number, (label, old, new) in enumerate(zip(
                self.gold, self.trials[0].predictions, trial.predictions, strict=True)):
            if (old.label == label) != (new.label == label):
                found[new.label == label].append(number)
        return found


def run(project: Project, settings: ModelSettings, prompts: Sequence[Prompt], split: str,
        number: int, session: Session) -> Lab:
    """Ask every prompt about the same rows, a sample that is the same each time.

    Raises UsageError for a split that is not there, NotMeasured where the provider cannot be had.
    """
    manifest = load_manifest(project.dataset)
    if split not in manifest.split_names:
        raise UsageError(f"{manifest.path}: no split {split!r}; there are "
                         + ", ".join(manifest.split_names))
    rows = read_split(manifest, split)
    if not rows:
        raise NotMeasured(f"{manifest.path}: the {split} split has no rows")
    chosen = sorted(np.random.default_rng(SEED).permutation(len(rows))[:number])
    sample = [rows[index] for index in chosen]
    train = read_split(manifest, "train")
    trials = []
    for name, prompt in zip(_names(prompts), prompts, strict=True):
        model: Any = create(project, settings, prompt)
        model.session = session
        # For a stand-in and a classic fallback; a prompt itself is not trained.
        fit(model, manifest, [row["text"] for row in train],
            [str(row["label"]) for row in train])
        trials.append(Trial(name, prompt, model.predict([row["text"] for row in sample])))
    return Lab(sample, trials)


def _names(prompts: Sequence[Prompt]) -> list[str]:
    """Return the tags, and the files where a draft still has the tag of its origin."""
    tags = [prompt.tag for prompt in prompts]
    if len(set(tags)) == len(tags):
        return tags
    return [f"{prompt.tag} ({prompt.path})" for prompt in prompts]


def figures(lab: Lab) -> list[dict[str, Any]]:
    """Return the figures of each trial; None where they are not known."""
    return [_figures(lab, trial) for trial in lab.trials]


def _figures(lab: Lab, trial: Trial) -> dict[str, Any]:
    gold, answers = lab.gold, [item.label for item in trial.predictions]
    labels = sorted({*gold, *answers})
    matrix = metrics.confusion(gold, answers, labels)
    broken, fixed = map(len, lab.changed(trial))
    usages = [item.usage for item in trial.predictions]
    accuracy = metrics.accuracy(matrix)
    return {
        "prompt": trial.name, "file": str(trial.prompt.path), "rows": len(gold),
        "accuracy": accuracy, "interval": statistics.wilson(accuracy, len(gold), 0.95),
        "f1_macro": metrics.f1_macro(matrix, labels),
        "schema_valid_rate": _mean([float(usage.fault is None) for usage in usages if usage]),
        "abstain_rate": answers.count(ABSTAIN) / len(answers),
        "tokens_mean": _mean([usage.tokens if usage else None for usage in usages]),
        "cost_mean": _mean([usage.cost if usage else None for usage in usages]),
        "latency_ms_p50": _mean([usage.latency_ms if usage else None for usage in usages],
                                np.median),
        "broken": broken, "fixed": fixed,
        "p": statistics.mcnemar(broken, fixed) if trial is not lab.trials[0] else None}


def _mean(values: Sequence[float | None], of: Any = np.mean) -> float | None:
    return None if None in values or not values else float(of(values))


def cells(found: Mapping[str, Any]) -> list[str]:
    """Return a trial's figures as the cells below HEADER."""
    word = phrases.number
    return [found["prompt"], phrases.measured(found["accuracy"], found["interval"]),
            *(word(found[name], name) for name in (
                "f1_macro", "schema_valid_rate", "abstain_rate", "tokens_mean", "cost_mean",
                "latency_ms_p50")), str(found["broken"]), str(found["fixed"]), word(found["p"])]


def page(lab: Lab) -> str:
    """Return the lab as one HTML page that needs nothing else; texts are masked and cut."""
    first, *others = lab.trials
    return pages.render(
        "training/templates/prompt_lab.html", names=[trial.name for trial in lab.trials],
        rows=len(lab.rows), header=HEADER, figures=[cells(found) for found in figures(lab)],
        others=[_against(lab, first, trial) for trial in others])


def _against(lab: Lab, first: Trial, trial: Trial) -> dict[str, Any]:
    changed = [(word, [[shown(part, TEXT) for part in (
        lab.rows[row].get("id"), lab.rows[row]["text"], lab.gold[row],
        *(_answer(one.predictions[row]) for one in (first, trial)))]
        for row in chosen[:SHOWN_ROWS]], len(chosen))
        for word, chosen in zip(("Newly broken", "Newly fixed"), lab.changed(trial), strict=True)]
    found = diff.between(first.prompt, trial.prompt)
    return {"name": trial.name, "diff": map(diff_line, diff.lines(found)), "changed": changed}


def _answer(found: Prediction) -> str:
    fault = found.usage.fault if found.usage else None
    return f"{found.label} ({fault})" if fault else found.label
