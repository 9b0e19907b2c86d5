"""The steps of the pipeline in this process: gate, pack, register, promote."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from baking import once
from small import commit, make_project, team_code

from nlp_gitops.core.project import Project, load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.gates import judge, load_gates, report
from nlp_gitops.gates.evaluate import evaluate
from nlp_gitops.registry import champion
from nlp_gitops.registry.operations import promote, register, resolve
from nlp_gitops.registry.packaging import pack
from nlp_gitops.registry.remotes import connect
from nlp_gitops.reporting import output
from nlp_gitops.training import train


def gate(project, run):
    """Judge a run beside the champion; return the report."""
    gates = load_gates(project.gates)
    found = champion.find(project, run.model, "auto", "local")
    evaluation = evaluate(run, load_manifest(project.dataset), gates, found)
    made = report.build(report.subject_of(run), evaluation, gates,
                        judge(gates, evaluation.evidence))
    output.write_all(made, [run.evaluation])
    return made


def packed(project, **params):
    """Train, gate and pack the model, with other parameters if some are named."""
    if params:
        path = project.root / "project.yaml"
        wanted = {"min_df": 1, **params}
        path.write_text(re.sub("params: {.*?}", f"params: {json.dumps(wanted)}",
                               path.read_text()))
        commit(project.root, "Change the model")
    project = load_project(project.root)
    run = train(project, project.model())
    gate(project, run)
    return pack(project, run, "for tests")


def pinned(project):
    """Return the digest of the test split."""
    return load_manifest(project.dataset).test_sha256


def registered(project, registry, **params):
    """Train, gate, pack and register; return what came of it."""
    return register(registry, packed(project, **params), pinned(project))


def to_production(project, registry, text="@staging", **options):
    """Promote a version of the model `small` to production."""
    ref = resolve(registry.snapshot(), text, "small")
    return promote(registry, ref, "production", pinned(project), **options)


@contextmanager
def small_team(root: Path) -> Iterator[Project]:
    """Make a small repository in an empty folder, and work in it; for what is made once."""
    with pytest.MonkeyPatch.context() as patch, team_code():
        for variable in ("GITHUB_ACTIONS", "GITHUB_ACTOR", "GITHUB_STEP_SUMMARY"):
            patch.delenv(variable, raising=False)
        patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        patch.chdir(root)
        yield make_project(root)


def brought(project: Project, state: str) -> None:
    """Bring a fresh small repository to a state that is made once: trained, packed or produced."""
    copy_over(once(f"small-{state}", lambda root: _bring(root, state)), project)


def copy_over(made: Path, project: Project) -> None:
    """Make a fresh small repository the one that was made from such a repository."""
    shutil.copytree(made, project.root, symlinks=True, dirs_exist_ok=True)


def _bring(root: Path, state: str) -> None:
    with small_team(root) as project:
        if state == "trained":
            train(project, project.model())
        elif state == "packed":
            packed(project)
        else:
            registry = connect(project, "local")
            registered(project, registry)
            to_production(project, registry)
