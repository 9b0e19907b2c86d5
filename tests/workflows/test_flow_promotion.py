"""From staging to production and back, on the real runner: releases, canary, ledger, traffic."""

import json

import pytest
from baking import git, packed
from flow_kit import NAME, REPO, team
from github_events import event
from registry_kit import about, elsewhere

pytestmark = [pytest.mark.xdist_group("flow-promotion"), pytest.mark.long]


@pytest.fixture(scope="module")
def on_github(tmp_path_factory, venv):
    """A team with v1.0.0 in production and v1.0.1 in staging; the tests follow each other."""
    with team(tmp_path_factory.mktemp("promotion"), venv, packed) as found:
        found.tool("push_to_registry", "--registry", "origin")
        found.tool("promote", "@staging", "--to", "Production", "--registry", "origin",
                   "--direct")
        found.edit("project.yaml", "c: 4.0", "c: 5.0")
        found.push("Regularise less")
        found.tool("train")
        found.tool("eval_gate", "--registry", "origin")
        found.tool("pack_model")
        found.tool("push_to_registry", "--registry", "origin")
        yield found


def promote(on_github, version, **more):
    return on_github.act("promote.yml", "workflow_dispatch", event(
        "workflow_dispatch", ref="refs/heads/main", inputs={"version": version},
        repository={"full_name": REPO, "default_branch": "main"}), **more)


def test_unticking_pre_release_starts_the_promotion_of_that_version(on_github):
    tag = f"{NAME}@v1.0.1"
    ledger = on_github.work / "ledger"
    git(on_github.work, "clone", "--quiet", "--branch", tag, str(on_github.bare), str(ledger))
    git(ledger, "checkout", "--quiet", "-b", "at-the-tag")
    payload = event("release", release={"tag_name": tag, "name": "$(id) `id`\n::error::x"},
                    repository={"full_name": REPO, "default_branch": "main"})

    result = on_github.act("on-release.yml", "release", payload, repo=ledger)

    assert result.exit_code == 0, result.log[-3000:]
    assert on_github.repository.dispatches.pop() == {
        "workflow": "promote.yml", "ref": "main", "inputs": {"version": tag}}


@pytest.mark.parametrize("version", ["$(touch pwned)`touch pwned`\n::error::x\ntodo=true",
                                     "--help"])
def test_a_hostile_or_unknown_version_is_refused_and_changes_nothing(on_github, version):
    before = on_github.tags()

    result = promote(on_github, version)

    assert result.failed_step.name == "May it begin?", result.log[-3000:]
    assert on_github.tags() == before and not list(on_github.work.rglob("pwned"))


def test_a_failing_canary_refuses_and_leaves_the_champion(on_github):
    before = on_github.tags()
    workflow, line = ".github/workflows/promote.yml", '--candidate "$REF" --evidence-out'
    on_github.edit(workflow, line, f"--fault errors=0.5 {line}")
    on_github.push("Drill: a candidate that answers with errors")
    on_github.released("v1.0.1").prerelease = False

    result = promote(on_github, f"{NAME}@v1.0.1")

    on_github.edit(workflow, f"--fault errors=0.5 {line}", line)
    on_github.push("The drill is over")
    assert result.failed_step.name == "Canary", result.log[-3000:]
    revoked, = set(on_github.tags()) - set(before)
    assert revoked.startswith(f"{NAME}#archived#")
    assert on_github.stages()["production"] == "v1.0.0"
    release = on_github.released("v1.0.1")
    assert release.prerelease and "Promotion refused" in release.body
    issue, = issues(on_github, "incident")
    assert f"{NAME}@v1.0.1: canary: errors" in issue["title"] and "SEV4" in issue["body"]
    assert "rehearsal to production began" in issue["body"]
    assert promote(on_github, f"{NAME}@v1.0.1").failed_step.name == "May it begin?"
    on_github.tool("promote", f"{NAME}@v1.0.1", "--to", "staging", "--unrevoke", "--reason",
                   "the drill is over", "--registry", "origin")


def register_elsewhere(on_github, champion):
    """Register a model made elsewhere, which the gate has compared with this champion."""
    folder = elsewhere(on_github.project, 0)
    digest, = (item.digest for item in on_github.released(champion).assets.values()
               if item.name == f"{NAME}.tar")
    path = folder / "evaluation" / "report.json"
    report = json.loads(path.read_text())
    path.write_text(json.dumps(about(report, report["lineage"]["model_sha256"],
                                     digest.removeprefix("sha256:"))))
    on_github.tool("push_to_registry", "--from", str(folder), "--registry", "origin")


@pytest.mark.heavy
def test_a_promotion_that_another_one_overtook_is_refused(on_github):
    """The champion changes after the gates and the canary have compared with it."""
    register_elsewhere(on_github, champion="v1.0.0")
    workflow, line = ".github/workflows/promote.yml", 'tools/promote.py "$REF" --to Production'
    other = f"tools/promote.py {NAME}@v1.1.0 --to Production && .venv/bin/python {line}"
    on_github.edit(workflow, line, other)
    on_github.push("Drill: somebody else is first")

    result = promote(on_github, f"{NAME}@v1.0.1")

    on_github.edit(workflow, other, line)
    on_github.push("The drill is over")
    assert result.failed_step.name.startswith("Into production"), result.log[-3000:]
    assert on_github.stages()["production"] == "v1.1.0"
    release = on_github.released("v1.0.1")
    assert release.prerelease and "the registry changed meanwhile" in release.body
    on_github.tool("rollback", "--reason", "the drill is over", "--registry", "origin")


def issues(on_github, label):
    return [item for item in on_github.repository.issues.values()
            if label in [found["name"] for found in item["labels"]]]


def test_a_good_version_goes_to_production_with_notes_and_a_repetition_does_nothing(on_github):
    result = promote(on_github, f"{NAME}@v1.0.1")
    after = on_github.tags()
    again = promote(on_github, f"{NAME}@v1.0.1")

    assert result.exit_code == again.exit_code == 0, result.log[-3000:]
    assert on_github.stages()["production"] == "v1.0.1"
    release = on_github.released("v1.0.1")
    assert not release.prerelease and "Promoted to production" in release.body
    assert on_github.repository.latest == release.id
    assert on_github.tags() == after
    assert again.outcome("production") == "skipped" and "nothing to do" in again.summary


def rollback(on_github, reason):
    return on_github.act("rollback.yml", "workflow_dispatch", event(
        "workflow_dispatch", ref="refs/heads/main", inputs={"reason": reason},
        repository={"full_name": REPO, "default_branch": "main"}))


def test_a_rollback_brings_the_last_good_version_back_and_a_second_click_does_nothing(on_github):
    reason = "wrong $(touch pwned) `touch pwned` labels"

    result = rollback(on_github, reason)
    on_github.repository.runs.update(dict.fromkeys(range(100), "2020-01-01T00:00:00Z"))
    tags = on_github.tags()
    again = rollback(on_github, "doubled")

    assert result.exit_code == again.exit_code == 0, result.log[-3000:]
    assert on_github.stages()["production"] == "v1.0.0"
    assert on_github.tags() == tags and again.outcome("traffic") == "skipped"
    history = on_github.tool("registry", "history", "--registry", "origin").stdout
    assert reason in history and not list(on_github.work.rglob("pwned"))
    assert any("labels" in item["body"] for item in on_github.repository.comments.values())
    assert on_github.repository.latest == on_github.released("v1.0.0").id


def test_a_stage_tag_pushed_by_hand_is_reported_and_changes_nothing(on_github):
    before = on_github.stages()
    git(on_github.project, "tag", f"{NAME}#production#99")
    git(on_github.project, "push", "--quiet", "origin", f"{NAME}#production#99")

    result = on_github.act("registry-verify.yml", "push", {
        "ref": f"refs/tags/{NAME}#production#99",
        "after": git(on_github.project, "rev-parse", "HEAD")})

    issue, = issues(on_github, "alert:registry")
    assert result.failed_step.name == "Verify"
    assert "R024" in issue["body"] and "R024" in result.summary
    assert on_github.stages() == before
