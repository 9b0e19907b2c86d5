"""What a team's own tests begin with: the repository's settings, rows, models and suites."""

from pathlib import Path
from typing import Any

from nlp_gitops.core.project import load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.data.rows import read_split
from nlp_gitops.evaluation import behaviour
from nlp_gitops.gates import load_gates
from nlp_gitops.llm import session_of
from nlp_gitops.model import Model, skops_file
from nlp_gitops.training import create


def rows(split: str) -> list[dict[str, Any]]:
    """Return the rows of `train`, `valid` or `test`."""
    return read_split(load_manifest(load_project().dataset), split)


def new_model(name: str | None = None) -> Model:
    """Return an untrained model of project.yaml, the first one by default.

    One that is a prompt answers from records alone, unless LLM_ANSWERS says otherwise.
    """
    project = load_project()
    model: Any = create(project, project.model(name))
    if hasattr(model, "session"):
        model.session = session_of(project)
    return model


def trained_model(name: str | None = None) -> Model:
    """Return a model of project.yaml, trained on the train split."""
    model, train = new_model(name), rows("train")
    model.train([row["text"] for row in train], [str(row["label"]) for row in train])
    return model


def failed(path: str, kind: str, model: Model) -> tuple[float, list[str]]:
    """Return the share of failed cases of one kind (MFT, INV, DIR) in a suite, and the first ones.

    `path` is that of a behaviour suite, such as `tests/behaviour.yaml`.
    """
    tests = [test for test in behaviour.load_suite(load_project().root / path, path)
             if test.kind == kind]
    results = behaviour.run_suite(tests, model)
    cases = sum(len(test.cases) for test in tests)
    return (sum(result.failed for result in results) / max(cases, 1),
            [line for result in results for line in result.examples])


def bound(path: str, kind: str) -> tuple[float, bool]:
    """Return the share of failed cases that gates.yaml allows, and whether it only warns of more.
    """
    return next((gate.max_fail_rate[kind], gate.severity == "warn")
                for gate in load_gates(load_project().gates).gates
                if gate.suite == path and kind in gate.max_fail_rate)


def stored_and_loaded(model: Model, folder: Path) -> Model:
    """Return what is left of a model after `save` and `load`, as training stores it."""
    model.save(folder)
    for file in folder.rglob("*.skops"):
        skops_file.canonicalise(file)
    return type(model).load(folder)
