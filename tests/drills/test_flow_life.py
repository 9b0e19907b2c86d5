"""The whole life of a model on GitHub, in one story, every step on the real runner."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from baking import git, run
from flow_kit import NAME, REPO, team
from github_events import event
from github_standin import pulls

pytestmark = pytest.mark.heavy


@pytest.fixture
def on_github(tmp_path, venv):
    with team(tmp_path, venv) as found:
        yield found


def dispatched(on_github, workflow, **inputs):
    return on_github.act(workflow, "workflow_dispatch", event(
        "workflow_dispatch", ref="refs/heads/main", inputs=inputs,
        repository={"full_name": REPO, "default_branch": "main"}))


def a_week_of_complaints(on_github, folder):
    """Write a prediction log whose texts are all of one kind, unlike what the model learnt."""
    rows = [json.loads(line) for line in (on_github.project / "data" / "test.jsonl").open()]
    texts = [row["text"] for row in rows if row["label"] == "negative"]
    for day in range(7):
        at = datetime.now(timezone.utc) - timedelta(days=7 - day)
        part = folder / f"dt={at.date()}" / "a.jsonl"
        part.parent.mkdir(parents=True)
        part.write_text("".join(json.dumps({
            "schema": "nlp-gitops/prediction/1", "request_id": f"r-{day}-{number}", "row": 0,
            "at": at.isoformat(timespec="milliseconds"), "model": NAME, "version": "v1.0.1",
            "variant": "stable", "status": 200, "latency_ms": 2.0, "label": "negative",
            "score": 0.9, "characters": len(text), "fields": {}, "text": text}) + "\n"
            for number, text in enumerate(texts[:150])))
    return folder


def pull_request(on_github, number, base):
    sha = git(on_github.project, "rev-parse", "HEAD")
    pulls.add(on_github.repository, number, "acme", "change", sha)
    return on_github.act("ci.yml", "pull_request", event(
        "pull_request", number=number, repository={"full_name": REPO, "default_branch": "main"},
        pull_request={"number": number, "merge_commit_sha": sha,
                      "base": {"ref": "main", "sha": base},
                      "head": {"ref": "change", "sha": sha}}))


def test_from_the_first_push_to_a_rollback(on_github, tmp_path):
    base = git(on_github.project, "rev-parse", "main")
    first = on_github.push_event()
    assert first.exit_code == 0, first.log[-3000:]
    assert dispatched(on_github, "promote.yml", version="@staging").exit_code == 0

    git(on_github.project, "checkout", "--quiet", "-b", "change")
    on_github.edit("project.yaml", "c: 4.0", "c: 0.0001")
    on_github.push("Worse", "change")
    assert pull_request(on_github, 1, base).outcome("pass") == "failure"
    on_github.edit("project.yaml", "c: 0.0001", "c: 5.0")
    on_github.push("Better", "change")
    assert pull_request(on_github, 2, base).exit_code == 0

    git(on_github.project, "checkout", "--quiet", "main")
    git(on_github.project, "merge", "--quiet", "--ff-only", "change")
    git(on_github.project, "push", "--quiet", "origin", "main")
    assert on_github.push_event(base).exit_code == 0
    assert on_github.stages() == {"production": "v1.0.0", "staging": "v1.0.1"}

    ledger = tmp_path / "ledger"
    git(tmp_path, "clone", "--quiet", "--branch", f"{NAME}@v1.0.1", str(on_github.bare),
        str(ledger))
    git(ledger, "checkout", "--quiet", "-b", "at-the-tag")
    on_github.act("on-release.yml", "release", event(
        "release", release={"tag_name": f"{NAME}@v1.0.1"},
        repository={"full_name": REPO, "default_branch": "main"}), repo=ledger)
    asked = on_github.repository.dispatches.pop()
    assert dispatched(on_github, asked["workflow"], **asked["inputs"]).exit_code == 0
    assert on_github.stages()["production"] == "v1.0.1"

    told = on_github.act("drift.yml", "schedule", {"schedule": "41 5 * * 1"}, variables={
        "DRIFT_LOGS": str(a_week_of_complaints(on_github, tmp_path / "logs"))})
    assert told.exit_code == 0, told.log[-3000:]
    assert [item["state"] for item in on_github.repository.issues.values()
            if item.get("title", "").startswith("Drift: ")] == ["open"]
    assert dispatched(on_github, "rollback.yml", reason="drift").exit_code == 0

    stages = on_github.stages()
    assert stages["production"] == "v1.0.0"
    assert on_github.tool("registry", "verify", "--registry", "origin").returncode == 0
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(on_github.bare), str(clone))
    assert json.loads(run("gto", "show", "--json", cwd=clone).stdout)[NAME]["stage"] == stages
    served = on_github.tool("deploy", "--environment", "production", "--stage", "production",
                            "--rehearsal", "--registry", "origin", "--json")
    assert json.loads(served.stdout)["candidate"] == f"{NAME}@v1.0.0"
