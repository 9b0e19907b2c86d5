"""What workflows do around a promotion, through the commands a person can type, against GitHub."""

import json
import shutil
import zipfile
from datetime import datetime, timezone
from hashlib import sha256

import pytest
import yaml
from baking import commit, git, run, tool, with_venv
from flow_kit import HOSTILE, NAME, in_workflow, team_in_staging
from github_events import event

from nlp_gitops.core.project import load_project
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.tracking import lineage

pytestmark = pytest.mark.xdist_group("flow-commands")


@pytest.fixture(scope="module")
def on_github(tmp_path_factory, venv):
    """A team on GitHub with one version in staging, made elsewhere, which costs no training."""
    with team_in_staging(tmp_path_factory.mktemp("commands"), venv) as found:
        yield found


def begin(on_github, tmp_path, version, **env):
    return on_github.tool("promotion", "begin", "--", version, check=False,
                          **in_workflow(tmp_path / "job", **env))


def test_a_registered_version_may_begin_and_hands_on_its_parts(on_github, tmp_path):
    done = begin(on_github, tmp_path, "@staging")

    assert done.returncode == 0
    assert (tmp_path / "job" / "output").read_text().splitlines() == [
        f"ref={NAME}@v1.0.0", f"name={NAME}", "version=v1.0.0", "champion=none", "todo=true"]


@pytest.mark.parametrize("version", [HOSTILE, "--help", "", f"{NAME}@v9.9.9", "$(id)@v1.0.0",
                                     f"{NAME}@production", f"{NAME}@v1.0.0\ntodo=true"])
def test_what_is_no_registered_version_is_refused_in_one_line(on_github, tmp_path, version):
    done = begin(on_github, tmp_path, version)

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert (tmp_path / "job" / "output").read_text() == ""


def test_a_promotion_from_a_branch_whose_gates_nobody_reviewed_is_refused(on_github, tmp_path):
    done = begin(on_github, tmp_path, "@staging", GITHUB_REF="refs/heads/mine")

    assert done.returncode == 2 and "promotions run on main" in done.stderr


def end(on_github, tmp_path, jobs, evidence="none"):
    results = {"judge": {"result": jobs["judge"]}, "production": {"outputs": jobs}}
    return on_github.tool("promotion", "end", f"{NAME}@v1.0.0", "--jobs", json.dumps(results),
                          "--evidence", str(tmp_path / evidence), check=False,
                          **in_workflow(tmp_path / "job"))


def ended_by_canary(on_github, tmp_path, verdict):
    folder = tmp_path / "evidence" / "production"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "canary.json").write_text(json.dumps(
        {"verdict": verdict, "why": f"9 % errors {HOSTILE}", "rehearsal": True}))
    return end(on_github, tmp_path, {"judge": "success", "canary": "failure",
                                     "ledger": "skipped", "traffic": "skipped"}, "evidence")


def test_a_refusal_sets_the_pre_release_again_and_says_why_on_it(on_github, tmp_path):
    on_github.released("v1.0.0").prerelease = False

    done = ended_by_canary(on_github, tmp_path, "INCONCLUSIVE")

    release = on_github.released("v1.0.0")
    assert "opened #" in done.stdout and "Incident: " in done.stdout
    assert done.returncode == 1 and release.prerelease
    assert "Promotion refused" in release.body and "9 % errors" in release.body
    assert "@org" not in release.body and "`id`" not in release.body
    assert on_github.tool("registry", "verify", "--registry", "origin").returncode == 0


def test_a_version_that_the_canary_found_worse_is_revoked_on_that_evidence(on_github, tmp_path):
    for _ in range(2):
        ended_by_canary(on_github, tmp_path, "FAIL")

    ledger = json.loads(on_github.tool("registry", "history", "--registry", "origin",
                                       "--json").stdout)
    revoked = [item for item in ledger if item["action"] == "revoke"]
    again = begin(on_github, tmp_path, f"{NAME}@v1.0.0")

    assert [item["evidence"]["verdict"] for item in revoked] == ["FAIL"]
    assert "9 % errors" in revoked[0]["reason"]
    assert again.returncode == 1 and "was revoked" in again.stderr
    on_github.tool("promote", f"{NAME}@v1.0.0", "--to", "staging", "--unrevoke", "--reason",
                   "drill", "--registry", "origin")


def test_a_laptop_starts_the_promotion_and_leaves_the_registry_to_it(on_github):
    before = on_github.tags()

    done = on_github.tool("promote", f"{NAME}@v1.0.0", "--to", "Production", "--registry",
                          "origin")
    refused = on_github.tool("promote", f"{NAME}@v1.0.0", "--to", "Production", "--registry",
                             "origin", "--expect-current", "none", check=False)

    assert "started promote.yml" in done.stdout and on_github.tags() == before
    assert on_github.repository.dispatches.pop() == {
        "workflow": "promote.yml", "ref": "main", "inputs": {"version": f"{NAME}@v1.0.0"}}
    assert refused.returncode == 2 and "--direct" in refused.stderr
    assert on_github.repository.dispatches == []


def test_notes_of_a_later_promotion_replace_the_earlier_ones(on_github, tmp_path):
    jobs = dict.fromkeys(("judge", "canary", "ledger", "traffic"), "success")

    for _ in range(2):
        assert end(on_github, tmp_path, jobs).returncode == 0

    body = on_github.released("v1.0.0").body
    assert body.count("Promoted to production") == 1 and "refused" not in body


FREEZE = ("  # frozen: why ", "  frozen: incident 7 ")


def test_a_frozen_promotion_does_not_begin_and_says_why(on_github, tmp_path):
    on_github.edit("project.yaml", *FREEZE)
    done = begin(on_github, tmp_path, "@staging")
    on_github.edit("project.yaml", "auto: false", "auto: true ")
    onward = on_github.tool("onward", **in_workflow(tmp_path / "onward"))
    on_github.edit("project.yaml", "auto: true ", "auto: false")
    on_github.edit("project.yaml", *reversed(FREEZE))

    why = json.loads((on_github.project / "reports" / "refusal.json").read_text())["why"]
    assert done.returncode == 4 and "frozen: incident 7" in done.stderr and "frozen" in why
    assert "frozen: incident 7" in onward.stdout and on_github.repository.dispatches == []


def test_an_incident_is_one_issue_from_the_form_and_told_again_as_a_comment(on_github, tmp_path):
    for earlier in on_github.repository.issues.values():
        earlier["state"] = "closed"
    production = tmp_path / "evidence" / "production"
    production.mkdir(parents=True)
    (production / "canary.json").write_text(json.dumps(
        {"schema": "nlp-gitops/canary/1", "environment": "production", "rehearsal": False,
         "verdict": "FAIL", "why": f"9 % errors {HOSTILE}", "candidate": f"{NAME}@v1.0.0",
         "champion": None, "serving": None, "ended": datetime.now(timezone.utc).isoformat(),
         "seconds": 9, "canary": {"seconds": 8.0, "back_seconds": 0.1}}))

    def opened():
        return on_github.tool("incident", "open", f"{NAME}@v1.0.0", "--evidence",
                              str(tmp_path / "evidence"),
                              **in_workflow(tmp_path / "job")).stdout

    first, again = opened(), opened()

    issue, = (item for item in on_github.repository.issues.values()
              if item["state"] == "open")
    form = yaml.safe_load((on_github.project / ".github" / "ISSUE_TEMPLATE" / "incident.yml")
                          .read_text())
    labels = [item["attributes"]["label"] for item in form["body"] if item["type"] != "markdown"]
    assert [line[4:] for line in issue["body"].splitlines() if line.startswith("### ")] == labels
    assert f"opened #{issue['number']}" in first and "commented there" in again
    assert [item["issue_url"] for item in on_github.repository.comments.values()].count(
        issue["url"]) == 1
    assert issue["title"].startswith(f"Incident: {NAME}@v1.0.0: 9 % errors")
    assert "SEV3" in issue["body"] and "actions/runs/7" in issue["body"]
    assert "@org" not in issue["body"] and "`id`" not in issue["body"]


def test_a_post_mortem_is_an_issue_where_the_registry_is_on_github_or_a_file(on_github, tmp_path):
    on_github.tool("incident", "post-mortem", "--registry", "origin")
    on_github.tool("incident", "post-mortem", "--registry", "origin", "--out",
                   str(tmp_path / "draft.md"))

    issue, = (item for item in on_github.repository.issues.values()
              if item.get("title", "").startswith("Post-mortem: "))
    assert "event 1: register `v1.0.0`" in issue["body"]
    assert (tmp_path / "draft.md").read_text().startswith(f"# {issue['title']}\n")


def test_a_doubled_rollback_finds_that_production_changed(on_github, tmp_path):
    on_github.tool("promote", f"{NAME}@v1.0.0", "--to", "Production", "--registry", "origin",
                   "--direct")
    on_github.repository.runs[7] = "2020-01-01T00:00:00Z"
    late = on_github.tool("asked", **in_workflow(tmp_path / "late"))
    on_github.repository.runs[7] = "2100-01-01T00:00:00Z"
    on_github.tool("asked", **in_workflow(tmp_path / "now"))

    assert "production changed after this was asked for" in late.stdout
    assert "go=false" in (tmp_path / "late" / "output").read_text()
    assert "go=true" in (tmp_path / "now" / "output").read_text()


def changed(project, job, base):
    """Ask on the system's Python, which is kept from finding installed packages."""
    payload = event("push", ref="refs/heads/main", before=base)
    env = in_workflow(job, payload)
    run("make", "changed", "PYTHON=python3 -S", cwd=project, env={"PATH": "/usr/bin:/bin", **env})
    return dict(line.split("=") for line in (job / "output").read_text().splitlines())


def test_papers_are_told_from_code_and_the_key_names_what_a_verdict_rests_on(on_github, tmp_path):
    base = git(on_github.project, "rev-parse", "HEAD")
    on_github.edit("README.md", "##", "###")
    (on_github.project / "docs" / f"odd {HOSTILE.splitlines()[0].replace('/', '')}.md").touch()
    middle = commit(on_github.project, "Papers")
    papers = changed(on_github.project, tmp_path / "papers", base)
    on_github.edit("project.yaml", "c: 4.0", "c: 3.0")
    commit(on_github.project, "A parameter")
    code = changed(on_github.project, tmp_path / "code", middle)
    first = changed(on_github.project, tmp_path / "first", "0" * 40)

    assert papers["code"] == "false" and code["code"] == first["code"] == "true"
    assert papers["key"] != code["key"] == first["key"]


@pytest.fixture
def clone(on_github, tmp_path, venv):
    """A person's clone, so that the team's own stays as it is."""
    git(tmp_path, "clone", "--quiet", str(on_github.project), str(tmp_path / "clone"))
    return with_venv(tmp_path / "clone", venv)


def made_from(folder):
    """Return what a run in this folder would be made from."""
    project = load_project(folder)
    return lineage.inputs(project, project.model(), load_manifest(project.dataset))


def test_another_wheel_is_code_and_gives_another_key_and_another_lineage(clone, tmp_path):
    [wheel] = clone.glob("vendor/*.whl")
    lock, old = clone / "requirements.txt", sha256(wheel.read_bytes()).hexdigest()
    base, before = git(clone, "rev-parse", "HEAD"), made_from(clone)
    first = changed(clone, tmp_path / "first", base)

    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("nlp_gitops/newer.py", "")
    unlocked_at = commit(clone, "Another wheel")
    unlocked = changed(clone, tmp_path / "unlocked", base)
    refused = tool(clone, "train", check=False)
    assert lock.read_text().count(old) == 1
    lock.write_text(lock.read_text().replace(old, sha256(wheel.read_bytes()).hexdigest()))
    commit(clone, "Lock it")
    locked = changed(clone, tmp_path / "locked", unlocked_at)

    assert (first["code"], unlocked["code"], locked["code"]) == ("false", "true", "true")
    assert len({first["key"], unlocked["key"], locked["key"]}) == 3
    # Nothing is trained by a wheel that is not locked.
    assert refused.returncode == 2 and "its sha256 is" in refused.stderr
    assert made_from(clone).differences(vars(before)) == ["code"]


def test_an_unpacked_package_is_what_answers_and_its_edits_count_as_the_wheel_s(clone, tmp_path):
    [wheel] = clone.glob("vendor/*.whl")
    zipfile.ZipFile(wheel).extractall(clone)
    shutil.rmtree(clone / "vendor")
    base, before = commit(clone, "Unpack the package"), made_from(clone)
    first = changed(clone, tmp_path / "first", base)
    (clone / "nlp_gitops" / "newer.py").touch()
    commit(clone, "Edit it")

    edited = changed(clone, tmp_path / "edited", base)

    assert (first["code"], edited["code"]) == ("false", "true") and first["key"] != edited["key"]
    assert made_from(clone).differences(vars(before)) == ["code"]


def test_the_notes_on_a_release_outlive_what_the_registry_writes_there():
    from nlp_gitops.registry.github_releases import kept, with_notes

    mark = "<!-- model-registry archive=" + "0" * 64 + " -->\n"
    noted = with_notes(f"| stage | staging |\n\n{mark}", "refused")

    new = kept(f"| stage | archived |\n\n{mark}", noted)

    assert "archived" in new and "refused" in new and new.endswith(mark)
    assert kept(f"plain {mark}", "never promoted") == f"plain {mark}"


def test_a_person_decides_about_production_unless_the_project_says_otherwise(on_github, tmp_path):
    env = in_workflow(tmp_path / "job")
    asks = on_github.tool("onward", **env)
    before = list(on_github.repository.dispatches)
    on_github.edit("project.yaml", "auto: false", "auto: true ")
    goes = on_github.tool("onward", **env)
    on_github.edit("project.yaml", "auto: true ", "auto: false")

    assert "a person decides" in asks.stdout and before == []
    assert "started promote.yml" in goes.stdout
    assert on_github.repository.dispatches == [
        {"workflow": "promote.yml", "ref": "main", "inputs": {"version": f"{NAME}@v1.0.0"}}]
    assert on_github.stages()["shadow"] == "v1.0.0"


def test_without_cruft_s_record_there_is_no_update_and_no_failure(on_github):
    assert "no .cruft.json" in on_github.tool("update_template").stdout
