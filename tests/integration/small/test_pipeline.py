"""From data to production and back, through the same functions that the commands call."""

import json

import pytest
from pipeline_kit import brought, gate, packed, pinned, registered, to_production
from small import git, write_rows

from nlp_gitops import tracking
from nlp_gitops.core.errors import CheckFailed, Conflict, NotMeasured, UsageError
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.registry import views
from nlp_gitops.registry.operations import register, rollback
from nlp_gitops.registry.packaging import load_package, pack
from nlp_gitops.registry.remotes import connect
from nlp_gitops.tracking import lineage
from nlp_gitops.training import train


@pytest.fixture
def trained(project):
    """The run of a repository that has one."""
    brought(project, "trained")
    [run] = tracking.all_runs(project.root / "runs")
    return run


@pytest.fixture
def package(project):
    """What was packed of a run that passed its gate."""
    brought(project, "packed")
    return load_package(project.root / "dist" / "small")


@pytest.fixture
def produced(project):
    """The registry of a repository whose one version is in production."""
    brought(project, "produced")
    return connect(project, "local")


def test_a_run_without_lineage_is_not_logged(project):
    tags = {"task": "text-classification"}

    with pytest.raises(UsageError, match="no lineage"):
        tracking.RunLogger(project.root / "runs", "small", tags,
                           lineage.Inputs("a", "b", "c"))


def test_the_gate_takes_the_newest_run_that_matches_the_work_tree(project, trained):
    run = train(project, project.model())
    now = lineage.inputs(project, project.model(), load_manifest(project.dataset))

    assert tracking.newest_matching(project.root / "runs", "small", now) == run != trained


def test_changed_data_means_train_again(project, trained):
    rows = project.root / "data" / "train.jsonl"
    rows.write_text(rows.read_text().replace("kettle", "teapot"))
    now = lineage.inputs(project, project.model(), load_manifest(project.dataset))

    with pytest.raises(NotMeasured, match=r"\(data changed since"):
        tracking.newest_matching(project.root / "runs", "small", now)


def test_a_changed_test_split_is_refused(project, trained):
    write_rows(project.root / "data" / "test.jsonl",
               [{"id": "1", "text": "love it", "label": "positive", "domain": "d0", "group": "1"}])

    with pytest.raises(CheckFailed, match="not the pinned one"):
        gate(project, trained)


def test_an_altered_model_file_is_not_evaluated(project, trained):
    (trained.model_folder / "model.skops").write_bytes(b"other")

    with pytest.raises(CheckFailed, match="not those of the run"):
        gate(project, trained)


def test_a_run_that_was_not_evaluated_is_not_packed(project, trained):
    with pytest.raises(NotMeasured, match="eval_gate.py"):
        pack(project, trained, "for tests")


def test_a_run_that_failed_its_gate_is_not_packed(project, trained):
    path = project.root / "gates.yaml"
    path.write_text(path.read_text().replace("min: 0.8", "min: 1.01"))

    report = gate(project, trained)

    assert report["verdict"] == "FAIL"
    with pytest.raises(CheckFailed, match="gate said FAIL"):
        pack(project, trained, "for tests")


def test_packing_the_same_model_twice_gives_the_same_archive(project, package):
    assert packed(project).archive_sha256 == package.archive_sha256


def test_an_altered_package_is_refused(package):
    (package.folder / "small.tar").write_bytes(b"other")

    with pytest.raises(CheckFailed, match="altered"):
        load_package(package.folder)


def test_a_manifest_without_lineage_is_refused(package):
    manifest = {**package.manifest, "dataset_version": ""}
    text = json.dumps(manifest)
    (package.folder / "manifest.json").write_text(text)
    (package.folder / "SHA256SUMS").write_text("")

    with pytest.raises(CheckFailed, match="no dataset_version; lineage is compulsory"):
        load_package(package.folder)


def test_the_whole_life_of_two_versions(project):
    registry = connect(project, "local")

    first = registered(project, registry)
    again = register(registry, load_package(project.root / "dist" / "small"), pinned(project))
    to_production(project, registry)
    second = registered(project, registry, c=1.5)
    to_production(project, registry, "small@v1.0.1", expected="v1.0.0")
    after = rollback(registry, "small", "wrong labels")

    assert (first.version, second.version) == ("v1.0.0", "v1.0.1")
    assert again.events == () and again.version == "v1.0.0"
    assert after.version == "v1.0.0"
    shown = views.show_record(registry.states())["small"]
    assert shown["stages"]["production"] == "v1.0.0"
    assert shown["stages"]["archived"] == "v1.0.1"
    told = views.history(registry.snapshot(), "small", None)
    assert [item.event.action for item in reversed(told)] == [
        "register", "promote", "promote", "register", "promote", "promote", "archive",
        "rollback", "revoke"]
    bare = project.root / ".registry" / "registry.git"
    assert git(bare, "tag", "--list", "small@*").split() == ["small@v1.0.0", "small@v1.0.1"]
    assert git(bare, "rev-parse", "small#production#8^{commit}") == git(
        bare, "rev-parse", "small@v1.0.0^{commit}")


def test_a_revoked_version_comes_back_only_with_a_reason(project, produced):
    registry = produced
    registered(project, registry, c=1.5)
    to_production(project, registry)
    rollback(registry, "small", "bad")

    with pytest.raises(CheckFailed, match="revoked"):
        to_production(project, registry, "small@v1.0.1")
    with pytest.raises(UsageError, match="needs --reason"):
        to_production(project, registry, "small@v1.0.1", unrevoke=True)


def test_a_report_against_another_champion_is_a_conflict(project, produced):
    registry = produced
    for params in ({"c": 1.5}, {"min_df": 2}):
        registered(project, registry, **params)

    to_production(project, registry, "small@v1.0.1")

    with pytest.raises(Conflict, match="compares with v1.0.0, but v1.0.1 is in production now"):
        to_production(project, registry, "small@v1.0.2")


def test_production_takes_only_what_is_on_the_protected_branch(project):
    registry = connect(project, "local")
    git(project.root, "switch", "--quiet", "--create", "idea")
    registered(project, registry, c=1.5)

    with pytest.raises(CheckFailed, match="which is not on branch main"):
        to_production(project, registry)


def test_an_unexpected_champion_is_a_conflict(project, package):
    registry = connect(project, "local")
    register(registry, package, pinned(project))

    with pytest.raises(Conflict, match="production of small is none, not v0.9.0"):
        to_production(project, registry, expected="v0.9.0")


def test_rolling_back_without_a_predecessor_is_a_conflict(produced):
    with pytest.raises(Conflict, match="no earlier good version"):
        rollback(produced, "small", "bad")


def test_a_damaged_archive_is_not_promoted(project, package):
    registry = connect(project, "local")
    register(registry, package, pinned(project))
    path = registry.store.path(package.archive_sha256)
    path.chmod(0o644)
    path.write_bytes(b"other")

    with pytest.raises(CheckFailed, match="altered"):
        to_production(project, registry)
