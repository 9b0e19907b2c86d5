"""The first workflows, run for real: a fresh bake is green, a broken one red at the right step."""

import json
import os

import pytest
from conftest import ROOT, bake, commit, environment, git
from runner import Result, run_workflow

# How this machine reaches packages: a job needs that, and nothing else of the environment.
PACKAGES = {"UV_CACHE_DIR": os.path.expanduser("~/.cache/uv"),
            **{key: value for key, value in os.environ.items()
               if key.startswith(("UV_", "PIP_", "SSL_")) or key.lower().endswith("_proxy")}}


@pytest.fixture
def repo(tmp_path):
    """A fresh bake, committed as a person would have it."""
    return bake(tmp_path / "out")


def ci(repo, tmp_path, event="push", job=None) -> Result:
    """Run ci.yml. The packages come from the cache that a runner would keep."""
    head = git(repo, "rev-parse", "HEAD")
    payload = {"push": {"ref": "refs/heads/main", "after": head},
               "pull_request": {"number": 1, "pull_request": {
                   "number": 1, "base": {"ref": "main"},
                   "head": {"ref": "change", "sha": head}, "merge_commit_sha": head}}}[event]
    return run_workflow(repo, "ci.yml", event, payload, workdir=tmp_path / "act", job=job,
                        env={**PACKAGES, "PATH": environment()["PATH"]})


def break_row(repo):
    path = repo / "data" / "train.jsonl"
    first, rest = path.read_text(encoding="utf-8").split("\n", 1)
    row = {**json.loads(first), "label": "postive"}
    path.write_text(json.dumps(row) + "\n" + rest, encoding="utf-8")


def break_unit_test(repo):
    path = repo / "nlp" / "preprocess.py"
    path.write_text(path.read_text().replace(".casefold()", ""))


def break_lint(repo):
    (repo / "nlp" / "extra.py").write_text("import os\n")


def break_prompt(repo):
    path = next((repo / "prompts" / "classify_sentiment").iterdir())
    path.write_text(path.read_text().replace("{{ text }}", "{{ txet }}"))


def break_model(repo):
    path = repo / "project.yaml"
    path.write_text(path.read_text().replace("c: 4.0", "c: 0.0001"))


@pytest.mark.parametrize("event", ["push", "pull_request"])
def test_a_fresh_bake_is_green(repo, tmp_path, event):
    result = ci(repo, tmp_path, event)

    assert result.exit_code == 0, result.log[-3000:]
    assert {result.outcome(job) for job in ("checks", "gate", "pass")} == {"success"}
    assert "PASS: f1" in result.summary and "gate:review-sentiment" in result.summary
    report = json.loads(next(result.artifacts.rglob("report.json")).read_text())
    assert report["verdict"] == "PASS"


RED = {
    "a broken row": (break_row, "checks", "Schema check", "did you mean 'positive'?"),
    "a failing unit test": (break_unit_test, "checks", "Unit tests", "test_preprocess.py"),
    "a lint fault": (break_lint, "checks", "Lint", "nlp/extra.py:1:1: F401"),
    "a misspelt variable in a prompt": (break_prompt, "checks", "Prompt check", "txet"),
    "a model below its bound": (break_model, "gate", "Evaluation gate",
                                "GATE: FAIL ("),
}


@pytest.mark.parametrize("fault", RED)
def test_a_broken_bake_is_red_at_the_right_step_with_the_reason(repo, tmp_path, fault):
    damage, job, step, reason = RED[fault]
    damage(repo)
    commit(repo, fault)

    result = ci(repo, tmp_path)

    assert result.exit_code != 0
    assert (result.failed_step.job, result.failed_step.name) == (job, step), result.log[-3000:]
    assert reason in result.log
    assert result.outcome("pass") == "failure"
    assert result.outcome("gate") == ("failure" if job == "gate" else "skipped")


def test_the_templates_own_workflow_calls_make_test(tmp_path):
    folder = tmp_path / "small"
    (folder / ".github" / "workflows").mkdir(parents=True)
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    (folder / ".github" / "workflows" / "ci.yml").write_text(text)
    (folder / "Makefile").write_text("test:\n\techo 'make test ran'\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "A Makefile that says when it is called")

    result = run_workflow(folder, "ci.yml", "push", {"ref": "refs/heads/main"},
                          workdir=tmp_path / "act", job="test")

    assert result.exit_code == 0, result.log[-3000:]
    assert result.log.count("make test ran") >= 4
