"""What runs by the clock or on odd events, on the real runner: checks, pages, reviews, updates."""

import tarfile
import zipfile
from hashlib import sha256

import pytest
from baking import commit, environment, git, run
from flow_kit import NAME, REPO, team_in_staging
from github_events import event

REPOSITORY = {"full_name": REPO, "default_branch": "main"}
WEEKLY = {"schedule": "23 5 * * 1"}

pytestmark = [pytest.mark.xdist_group("flow-schedules"), pytest.mark.long]


@pytest.fixture(scope="module")
def on_github(tmp_path_factory, venv):
    """A team on GitHub with one version in staging, made elsewhere, which costs no training."""
    with team_in_staging(tmp_path_factory.mktemp("schedules"), venv) as found:
        yield found


def test_the_registry_page_is_published_where_a_variable_asks_for_it(on_github):
    off = on_github.act("pages.yml", "schedule", WEEKLY)
    on = on_github.act("pages.yml", "schedule", WEEKLY, variables={"PAGES": "true"})

    assert off.exit_code == 0 and off.outcome("build") == "skipped", off.log[-3000:]
    assert on.exit_code == 0 and on.outcome("publish") == "success", on.log[-3000:]
    with tarfile.open(on.artifacts / "github-pages" / "artifact.tar") as site:
        page = site.extractfile("./index.html").read().decode()
    # The team's registry, not one of the runner's own, with links to GitHub.
    assert f"{NAME}@v1.0.0" in page and f"https://github.com/{REPO}/releases/tag" in page


def test_a_pull_request_publishes_no_page(on_github):
    result = on_github.act("pages.yml", "workflow_run", {
        "workflow_run": {"event": "pull_request", "head_branch": "main"}},
        variables={"PAGES": "true"})

    assert result.exit_code == 0 and result.outcome("build") == "skipped", result.log[-3000:]


def test_the_weekly_check_is_green_until_somebody_edits_the_ledger(on_github, tmp_path):
    clean = on_github.act("registry-verify.yml", "schedule", WEEKLY)
    ledger = tmp_path / "ledger"
    git(tmp_path, "clone", "--quiet", "--branch", "registry", str(on_github.bare), str(ledger))
    state = ledger / "models" / NAME / "state.json"
    state.write_text(state.read_text().replace('"staging": "v1.0.0"', '"production": "v1.0.0"'))
    commit(ledger, "promote it quietly")
    git(ledger, "push", "--quiet", "origin", "registry")

    tampered = on_github.act("registry-verify.yml", "schedule", WEEKLY)

    assert clean.exit_code == 0, clean.log[-3000:]
    assert tampered.failed_step.name == "Verify"
    issue, = on_github.repository.issues.values()
    assert "R003" in issue["body"] and "R003" in tampered.summary


def test_without_logs_the_weekly_drift_report_is_green_and_names_the_setting(on_github):
    result = on_github.act("drift.yml", "schedule", WEEKLY)

    assert result.exit_code == 0, result.log[-3000:]
    assert "NOT MEASURED" in result.summary and "DRIFT&#95;LOGS" in result.summary
    assert not any("Drift" in item["title"] for item in on_github.repository.issues.values())


def test_a_tag_on_the_ledger_starts_the_check_of_the_default_branch(on_github, tmp_path):
    tag = f"{NAME}@v1.0.0"
    ledger = tmp_path / "ledger"
    git(tmp_path, "clone", "--quiet", "--branch", tag, str(on_github.bare), str(ledger))
    git(ledger, "checkout", "--quiet", "-b", "at-the-tag")

    result = on_github.act("on-tag.yml", "push", event(
        "push", ref=f"refs/tags/{tag}", after=git(ledger, "rev-parse", "HEAD"),
        repository=REPOSITORY), repo=ledger)

    assert result.exit_code == 0, result.log[-3000:]
    assert on_github.repository.dispatches == [{"workflow": "registry-verify.yml", "ref": "main"}]


@pytest.mark.parametrize("visibility, switched_on, outcome", [
    ("public", "", "success"), ("private", "", "skipped"), ("private", "true", "success")])
def test_packages_are_reviewed_where_that_is_free_or_wanted(on_github, visibility,
                                                            switched_on, outcome):
    result = on_github.act("security.yml", "pull_request", event(
        "pull_request", number=7, repository={**REPOSITORY, "visibility": visibility}),
        variables={"DEPENDENCY_REVIEW": switched_on})

    assert result.exit_code == 0, result.log[-3000:]
    assert result.outcome("dependencies") == outcome


def newer_wheel(project):
    """Put another wheel into the template, as `make package` does; return its name and sha256."""
    [wheel] = project.glob("vendor/*.whl")
    old = sha256(wheel.read_bytes()).hexdigest()
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("nlp_gitops/newer.py", "")
    new = sha256(wheel.read_bytes()).hexdigest()
    for lock in (project / "requirements.txt", project / "deploy" / "requirements.txt"):
        assert old in lock.read_text()
        lock.write_text(lock.read_text().replace(old, new))
    return wheel.relative_to(project).as_posix(), new


@pytest.mark.heavy
def test_a_newer_template_comes_as_a_pull_request_or_an_issue_says_how(on_github, template):
    run("cruft", "link", str(template), "--no-input", cwd=on_github.project,
        env=environment(HOME=str(template.parent)))
    on_github.push("Remember the template")
    same = on_github.act("update-template.yml", "schedule", WEEKLY)
    path = template / "<<cookiecutter.project>>" / "gates.yaml"
    path.write_text("# a line from the newer template\n" + path.read_text())
    wheel, digest = newer_wheel(path.parent)
    commit(template, "Move on")

    proposed = on_github.act("update-template.yml", "schedule", WEEKLY)
    pulls = list(on_github.repository.pulls.values())
    on_github.repository.pulls.clear()
    on_github.repository.lacks.add("pulls")
    forbidden = on_github.act("update-template.yml", "workflow_dispatch", event(
        "workflow_dispatch", ref="refs/heads/main", inputs=None, repository=REPOSITORY))

    assert same.exit_code == proposed.exit_code == forbidden.exit_code == 0, proposed.log[-3000:]
    assert "the template is no newer" in same.log
    assert [item["head"]["ref"] for item in pulls] == ["template-update"]
    assert "newer template" in git(on_github.bare, "show", "template-update:gates.yaml")
    assert digest in git(on_github.bare, "show", "template-update:requirements.txt")
    assert git(on_github.bare, "rev-parse", f"template-update:{wheel}") == git(
        template, "rev-parse", f"HEAD:<<cookiecutter.project>>/{wheel}")
    assert "newer template" not in git(on_github.bare, "show", "main:gates.yaml")
    issue = list(on_github.repository.issues.values())[-1]
    assert issue["title"] == "There is a newer template" and "TEMPLATE_TOKEN" in issue["body"]
