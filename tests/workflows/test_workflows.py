"""Workflows as the linters of the field see them, in the template and in bakes."""

import itertools
import shutil

import pytest
import yaml
from baking import ROOT, bake, run

pytestmark = pytest.mark.xdist_group("workflows")


def workflows(folder):
    return sorted((folder / ".github" / "workflows").glob("*.yml"))


# Each looks at several folders in one go, because beginning takes it most of its time.
LINTERS = {
    "actionlint": lambda *folders: [
        "actionlint", "-no-color", *(path for folder in folders for path in workflows(folder))],
    "zizmor": lambda *folders: [
        "zizmor", "--offline", "--persona=pedantic", "--no-progress", *folders],
    "check-jsonschema": lambda *folders: [
        "check-jsonschema", "--builtin-schema", "vendor.github-workflows",
        *(path for folder in folders for path in workflows(folder))],
}
# Every set of answers that decides which files there are.
ANSWERS = [dict(zip(("task", "kubernetes"), answers)) for answers in itertools.product(
    ("text-classification", "prompt-classification"), ("no", "yes"))]


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    return bake(tmp_path_factory.mktemp("workflows") / "out")


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """One bake for each set of answers."""
    folder = tmp_path_factory.mktemp("workflows")
    return [bake(folder / "-".join(answers.values()), **answers) for answers in ANSWERS]


@pytest.fixture
def folders(request, which):
    found = request.getfixturevalue(which)
    return found if isinstance(found, list) else [found]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory, baked):
    """The stubs, as they lie on the branch of the ledger."""
    folder = tmp_path_factory.mktemp("ledger") / "branch"
    run("git", "clone", "--quiet", "--branch", "registry", baked, folder, cwd=folder.parent)
    assert len(workflows(folder)) == 2
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The template's own workflows, without the ones it generates."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(ROOT / ".github", folder / ".github")
    run("git", "init", "--quiet", cwd=folder)
    return folder


@pytest.mark.parametrize("linter", LINTERS)
@pytest.mark.parametrize("which", ["answered", "ledger", "own"])
def test_the_linters_find_nothing(folders, linter):
    run(*LINTERS[linter](*folders), cwd=folders[0])


FAULTS = {
    "zizmor": ("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", "actions/checkout@v7"),
    "actionlint": ("runs-on: ubuntu-latest", "runs-on: ubuntu-lastest"),
    "check-jsonschema": ("timeout-minutes: 15", "timeout-minuts: 15"),
}
MORE_FAULTS = {
    "a title in a script": ("zizmor", 'make "$CHECK"',
                            "echo ${{ github.event.pull_request.title }}"),
    "no permissions": ("zizmor", "permissions: {}", ""),
    # Only shellcheck sees it, which actionlint calls.
    "a word that the shell splits": ("actionlint", 'make "$CHECK"', "make $CHECK"),
}


@pytest.mark.parametrize("linter, old, new", [
    *((linter, *fault) for linter, fault in FAULTS.items()), *MORE_FAULTS.values()])
def test_the_linters_do_fail_on_a_planted_fault_in_any_folder(
        tmp_path, baked, linter, old, new):
    folder = bake(tmp_path / "out")
    path = folder / ".github" / "workflows" / "ci.yml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))

    done = run(*LINTERS[linter](baked, folder), cwd=tmp_path, check=False)

    assert done.returncode != 0
    assert ".github/workflows/ci.yml" in done.stdout and str(baked) not in done.stdout


@pytest.mark.parametrize("which", ["answered", "ledger", "own"])
def test_workflows_are_short_pinned_and_without_rights_by_default(folders):
    for path in itertools.chain(*map(workflows, folders)):
        text = path.read_text()
        workflow = yaml.safe_load(text)
        assert len(text.splitlines()) <= 120, path.name
        assert workflow["permissions"] == {}, path.name
        for name, job in workflow["jobs"].items():
            assert "timeout-minutes" in job or "uses" in job, (path.name, name)
            for step in job.get("steps", ()):
                assert "${{" not in step.get("run", ""), (path.name, name)


# The runner of the tests ignores filters, so they are read here.
EVENTS = {
    "ci.yml": {"pull_request": None, "push": {"branches": ["main"]}},
    "deploy.yml": {"workflow_call"},
    "drift.yml": {"workflow_dispatch": None, "schedule": [{"cron": "41 5 * * 1"}]},
    "drill.yml": {"workflow_call"},
    "pages.yml": {"workflow_run": {"workflows": ["ci", "promote", "rollback", "drift"],
                                   "types": ["completed"], "branches": ["main"]},
                  "workflow_dispatch": None, "schedule": [{"cron": "11 6 * * 1"}]},
    "pr-comment.yml": {"workflow_run": {"workflows": ["ci"], "types": ["completed"]}},
    "promote.yml": {"workflow_dispatch"},
    "register.yml": {"workflow_call": None},
    "registry-verify.yml": {"push": {"tags": ["*@v*", "*#*#*"]}, "workflow_dispatch": None,
                            "schedule": [{"cron": "23 5 * * 1"}]},
    "rollback.yml": {"workflow_dispatch"},
    "security.yml": {"pull_request": None},
    "update-template.yml": {"workflow_dispatch": None, "schedule": [{"cron": "7 6 3 * *"}]},
    "on-release.yml": {"release": {"types": ["released"]}},
    "on-tag.yml": {"push": {"tags": ["*@v*", "*#*#*"]}},
}


@pytest.mark.parametrize("which", ["answered", "ledger"])
def test_workflows_start_on_these_events_and_no_others(folders):
    for path in itertools.chain(*map(workflows, folders)):
        # YAML reads the key `on` as true.
        events, expected = yaml.safe_load(path.read_text())[True], EVENTS[path.name]
        assert (set(events) if isinstance(expected, set) else events) == expected, path.name


def test_whatever_writes_the_ledger_waits_in_a_queue_that_drops_nobody(baked):
    for name in ("ci", "promote", "rollback"):
        text = (baked / ".github" / "workflows" / f"{name}.yml").read_text()
        assert yaml.safe_load(text)["concurrency"]["queue"] == "max"
    register = (baked / ".github" / "workflows" / "register.yml").read_text()
    assert yaml.safe_load(register)["jobs"]["version"]["concurrency"] == {
        "group": "registry", "queue": "max"}
