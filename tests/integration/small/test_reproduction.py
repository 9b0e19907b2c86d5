"""Training a run again: the same model, another one, or none; nothing is left behind."""

import json
import os
import signal

import pytest
from runs_kit import command, logged, small_repository, trained
from small import commit, git

from nlp_gitops import tracking
from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.project import load_project
from nlp_gitops.core.worktree import checked_out
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.tracking import environment
from nlp_gitops.training.reproduction import reproduce


@pytest.fixture
def small(project, monkeypatch):
    """A committed repository whose model needs no library."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return small_repository(project)


def test_a_run_from_a_dirty_work_tree_is_reproduced_from_another_one(small, capsys):
    rows = small / "data" / "train.jsonl"
    rows.write_text(rows.read_text().replace("kettle", "teapot"))
    run = trained(small)
    git(small, "checkout", "--", "data")
    (small / "nlp" / "words.py").write_text("raise SystemExit('other work')\n")

    code, text = command(capsys, "train", "--reproduce", run.name)

    assert code == 0
    assert f"model        identical, sha256 {run.details['model_sha256']}" in text
    assert "predictions  all 18 identical (valid split)" in text
    assert text.endswith("REPRODUCED: IDENTICAL\n")
    assert git(small, "worktree", "list").count("\n") == 0


def test_a_training_that_draws_at_random_is_found_out(small, capsys):
    path = small / "project.yaml"
    path.write_text(path.read_text().replace(
        "{class: nlp.words:Words}", "{class: nlp.words:Words, params: {noisy: true}}"))
    commit(small, "Draw at random")
    run = trained(small)
    record = json.loads((run.path / "run.json").read_text())
    record["environment"]["packages"]["numpy"] = "1.0.0"
    (run.path / "run.json").write_text(json.dumps(record))

    code, text = command(capsys, "train", "--reproduce", run.name, "--json")

    outcome = json.loads(text)
    assert code == 1
    assert outcome["verdict"] == "DIFFERENT" and not outcome["model"]["identical"]
    assert {"what": "package numpy", "then": "1.0.0",
            "now": environment.environment(small)["packages"]["numpy"]} in outcome["environment"]


def altered(root, change):
    """Return a run whose record was changed, without training anything."""
    run = logged(root / "runs", tags={"commit": git(root, "rev-parse", "HEAD")})
    record = json.loads((run.path / "run.json").read_text())
    change(record)
    (run.path / "run.json").write_text(json.dumps(record))
    return tracking.load(run.path)


@pytest.mark.parametrize("change, message", [
    (lambda record: record["tags"].update(commit="0" * 40), "commit 000000000000 is not in this"),
    (lambda record: record["tags"].update(dirty=True), "uncommitted changes that were not kept"),
    (lambda record: record.update(model="gone"), "training at .* failed: .*no model 'gone'")])
def test_a_run_whose_origin_is_gone_cannot_be_reproduced(small, change, message):
    run = altered(small, change)

    with pytest.raises(NotMeasured, match=message):
        reproduce(load_project(small), run)

    assert git(small, "worktree", "list").count("\n") == 0


def test_data_that_git_does_not_hold_cannot_be_reproduced(small):
    (small / ".gitignore").write_text("runs/\ndata/train.jsonl\n")
    git(small, "rm", "--cached", "--quiet", "data/train.jsonl")
    commit(small, "Keep the data elsewhere")
    run = altered(small, lambda record: None)

    with pytest.raises(NotMeasured, match=r"data/train\.jsonl: no such file"):
        reproduce(load_project(small), run)


def test_a_project_below_the_top_of_its_repository_is_found_again(tmp_path):
    inner = tmp_path / "team" / "project"
    inner.mkdir(parents=True)
    (inner / "a.txt").write_text("old\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "Start")
    (inner / "a.txt").write_text("new\n")
    (tmp_path / "beside.txt").write_text("new\n")

    with checked_out(inner, "HEAD", environment.uncommitted(inner).patch) as tree:
        assert (tree / "a.txt").read_text() == "new\n"
        assert (tree.parent.parent / "beside.txt").read_text() == "new\n"


def _divide():
    1 / 0


def _terminate():
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("stop, error", [(_divide, ZeroDivisionError),
                                         (_terminate, KeyboardInterrupt)])
def test_an_error_or_a_cancelled_job_leaves_no_work_tree_behind(project, stop, error):
    with pytest.raises(error), checked_out(project.root, "HEAD") as tree:
        assert load_manifest(tree / "data" / "dataset.yaml").name == "small-rows"
        stop()

    assert not tree.parent.exists()
    assert git(project.root, "worktree", "list").count("\n") == 0
