"""Pull requests and pushes on the real runner: what is green, what is red, and what that costs."""

import json
import os
import shutil
import sys

import pytest
from baking import ROOT, TEMPLATE, bake, commit, environment, git, with_venv
from flow_kit import NAME, REPO, team
from github_events import event
from github_standin import pulls
from runner import run_workflow

ATTEST = "Attest the build, where the plan can"
HOSTILE = "$(touch pwned) `touch pwned`\n::error::x <b>@org</b>"

pytestmark = pytest.mark.long


@pytest.fixture
def on_github(tmp_path, venv):
    with team(tmp_path, venv) as found:
        yield found


@pytest.fixture
def small(on_github):
    """The same with few tests of its own: that all of them pass is seen on the first push."""
    return with_quick_tests(on_github)


@pytest.fixture
def prompted(tmp_path, venv):
    """Another one, whose model is a prompt."""
    with team(tmp_path, venv, lambda output, venv: with_venv(
            bake(output, task="prompt-classification"), venv)) as found:
        yield with_quick_tests(found)


def with_quick_tests(found):
    for path in (found.project / "tests").glob("test_*.py"):
        if path.stem != "test_preprocess":
            path.unlink()
    found.push("Keep the quick tests")
    return found


def pull_request(on_github, base, number=7, branch="change", fork=False):
    """Run ci.yml for a pull request of the work tree's commit against `base`."""
    head = git(on_github.project, "rev-parse", "HEAD")
    return on_github.act("ci.yml", "pull_request", event(
        "pull_request", number=number, repository={"full_name": REPO, "default_branch": "main"},
        pull_request={"number": number, "title": HOSTILE, "merge_commit_sha": head,
                      "base": {"ref": "main", "sha": base},
                      "head": {"ref": branch, "sha": head, "repo": {"fork": fork}}}))


def outcome_of(result, name):
    """Return how the only step of this name went."""
    outcome, = (step.outcome for step in result.steps if step.name == name)
    return outcome


def on_branch(on_github, message):
    """Commit the work tree on a branch of its own; return the commit it starts from."""
    base = git(on_github.project, "rev-parse", "main")
    git(on_github.project, "checkout", "--quiet", "-b", "change")
    on_github.push(message, "change")
    return base


def test_the_first_push_of_a_new_repository_is_green_to_staging_without_any_setting(on_github):
    result = on_github.push_event()

    assert result.exit_code == 0, result.log[-3000:]
    assert {job for job, end in result.jobs.items() if end != "success"} == {"drill"}
    assert {"changed", "gate", "register / version", "deploy", "pass"} < set(
        result.jobs)
    assert outcome_of(result, ATTEST) == "skipped"
    assert on_github.stages() == {"staging": "v1.0.0"}
    assert on_github.tags() == [f"{NAME}#staging#2", f"{NAME}@v1.0.0"]
    release = on_github.released("v1.0.0")
    assert release.prerelease and f"{NAME}.tar" in {item.name for item in release.assets.values()}
    assert on_github.repository.dispatches == []
    for text in ("PASS: f1", f"gate:{NAME}", "The registry now", "Rehearsal, nothing is deployed"):
        assert text in result.summary
    report = json.loads(next(result.artifacts.rglob("gate-report/report.json")).read_text())
    assert report["verdict"] == "PASS"


def test_what_changed_is_told_from_the_wheel_by_a_python_without_any_package(on_github, tmp_path):
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)

    result = on_github.act("ci.yml", "push", {
        "ref": "refs/heads/main", "before": git(on_github.project, "rev-parse", "main")},
        job="changed", lend=False,
        env={"PATH": f"{python.parent}{os.pathsep}{environment()['PATH']}"})

    assert result.exit_code == 0, result.log[-3000:]
    assert [step.name for step in result.steps] == ["Check out", "Compare"]
    assert "[changed] code=false" in result.log and "[changed] key=gate-" in result.log


@pytest.mark.heavy
def test_a_public_repository_attests_the_archive_and_where_it_is_told_to_it_goes_on(on_github):
    on_github.edit("project.yaml", "auto: false", "auto: true ")
    on_github.push("Promote without a person")

    result = on_github.act("ci.yml", "push", {
        "ref": "refs/heads/main", "before": "0" * 40,
        "after": git(on_github.project, "rev-parse", "main"),
        "repository": {"visibility": "public"}})

    assert result.exit_code == 0, result.log[-3000:]
    assert outcome_of(result, ATTEST) == "success"
    names = [step.name for step in result.steps]
    assert names.index("Pack") < names.index(ATTEST) < names.index("Register")
    digest, = (item.digest for item in on_github.released("v1.0.0").assets.values()
               if item.name == f"{NAME}.tar")
    assert f"attested {digest} dist/{NAME}/{NAME}.tar" in result.log
    assert on_github.stages() == {"staging": "v1.0.0", "shadow": "v1.0.0"}
    assert on_github.repository.dispatches == [
        {"workflow": "promote.yml", "ref": "main", "inputs": {"version": f"{NAME}@v1.0.0"}}]


@pytest.mark.heavy
def test_unchanged_inputs_are_not_trained_again_and_papers_end_in_seconds(small):
    (small.project / "tests" / "test_more.py").write_text("def test_more():\n    pass\n")
    base = on_branch(small, "A test")
    trained = pull_request(small, base)
    kept = pull_request(small, base)
    small.edit("README.md", "## ", "### ")
    small.push("Papers", "change")

    result = pull_request(small, git(small.project, "rev-parse", "change~"))

    assert trained.exit_code == kept.exit_code == result.exit_code == 0, kept.log[-3000:]
    for tool in ("tools/train.py", "-m nlp_gitops drill rollback"):
        assert tool in trained.log and tool not in kept.log
    assert "DRILL: PASS" in trained.log
    assert "PASS: f1" in trained.summary and "PASS: f1" in kept.summary
    assert {job: result.outcome(job) for job in (
        "checks", "gate", "drill", "register", "pass")} == {
        **dict.fromkeys(("checks", "gate", "drill", "register"), "skipped"), "pass": "success"}


def test_each_broken_check_is_red_with_its_reason_and_nothing_is_trained(prompted):
    data = prompted.project / "data" / "train.jsonl"
    first, rest = data.read_text(encoding="utf-8").split("\n", 1)
    data.write_text(json.dumps({**json.loads(first), "label": "postive"}) + "\n" + rest)
    prompted.edit("nlp/preprocess.py", ".casefold()", "")
    (prompted.project / "nlp" / "extra.py").write_text("import os\n")
    prompted.edit("prompts/classify_sentiment/prompt_v0.3.1.txt", "{{ text }}", "{{ txet }}")

    result = pull_request(prompted, on_branch(prompted, HOSTILE))

    assert {name: outcome for name, outcome in result.jobs.items() if "checks" in name} == {
        f"checks ({name})": "failure" for name in ("lint", "test", "schema", "prompts")}
    for reason in ("nlp/extra.py:1:1: F401", "test_preprocess.py", "did you mean 'positive'?",
                   "txet", "P040"):
        assert reason in result.log
    for place in ("data/train.jsonl,line=1,", "prompt_v0.3.1.txt,line=39,"):
        assert place in result.log
    assert (result.outcome("gate"), result.outcome("pass")) == ("skipped", "failure")


def test_a_worse_model_from_a_fork_is_red_and_a_comment_says_why(small):
    small.edit("project.yaml", "c: 4.0", "c: 0.0001")
    small.edit("gates.yaml", "max: 150", "max: 0.0001")
    base = on_branch(small, HOSTILE)
    sha = git(small.project, "rev-parse", "HEAD")
    pulls.add(small.repository, 7, "stranger", "change", sha, title=HOSTILE)

    result = pull_request(small, base, fork=True)
    git(small.project, "checkout", "--quiet", "main")
    told = small.act("pr-comment.yml", "workflow_run", event(
        "workflow_run", repository={"full_name": REPO, "default_branch": "main"}, workflow_run={
            "event": "pull_request", "id": 1, "conclusion": "failure", "head_branch": "change",
            "head_sha": sha, "html_url": "https://github.com/run",
            "head_repository": {"owner": {"login": "stranger"}}}))

    assert (result.failed_step.name, result.outcome("pass")) == (
        "Train and judge, unless the same inputs passed before", "failure")
    assert told.exit_code == 0, told.log[-3000:]
    comment, = small.repository.comments.values()
    for gate in ("quality", "short-and-domains", "latency"):
        assert gate in comment["body"] and gate in result.summary
    assert "pwned" not in [path.name for path in small.work.rglob("pwned")]


SAYS = """\
changed:
\t@printf 'code=true\\nkey=k\\n' >> "$$GITHUB_OUTPUT"
%:
\t@mkdir -p runs && touch runs/run.json
\t@test -n "$$OPENAI_API_KEY" && echo "$@: a key of $${#OPENAI_API_KEY}, $$OPENAI_BASE_URL, \
$$LLM_ANSWERS" || echo "$@: no key"
"""


@pytest.mark.parametrize("settings, seen", [
    ({}, "train: no key"),
    ({"secrets": {"OPENAI_API_KEY": "sk-123"},
      "variables": {"OPENAI_BASE_URL": "http://llm/v1", "LLM_ANSWERS": "live"}},
     "train: a key of 6, http://llm/v1, live")])
def test_the_key_of_a_provider_reaches_the_gate_and_nothing_else(tmp_path, settings, seen):
    folder = tmp_path / "small"
    shutil.copytree(TEMPLATE / ".github", folder / ".github")
    (folder / "Makefile").write_text(SAYS)
    (folder / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.11"\n')
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "A Makefile that says what it was given")

    result = run_workflow(folder, "ci.yml", "pull_request", event("pull_request"),
                          workdir=tmp_path / "act", **settings)

    assert seen in result.log, result.log[-3000:]
    assert result.log.count("a key of") == 3 * ("key of" in seen)
    assert "sk-123" not in result.log and "lint: no key" in result.log
    assert "drill-rollback: no key" in result.log


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
