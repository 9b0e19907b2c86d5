"""Register, promote, roll back: what a person may rely on."""

import dataclasses

import pytest
import tiny_registry as tiny

from nlp_gitops.core.errors import CheckFailed, Conflict, NotMeasured, UsageError
from nlp_gitops.registry import events, operations

pytestmark = pytest.mark.xdist_group("registry-operations")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    found = tiny.registry_in(folder)
    tiny.register(found, folder, "one")
    return found


@pytest.fixture(scope="module")
def grown(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("grown")
    found = tiny.copied(made, folder)
    tiny.promote(found, "m@v1.0.0", "production")
    tiny.register(found, folder, "two")
    return found


@pytest.fixture(scope="module")
def replaced(grown, tmp_path_factory):
    found = tiny.copied(grown, tmp_path_factory.mktemp("replaced"))
    return found, tiny.promote(found, "m@v1.0.1", "production")


@pytest.fixture
def registry(made, tmp_path):
    """A registry whose v1.0.0 is in staging."""
    return tiny.copied(made, tmp_path)


@pytest.fixture
def two(grown, tmp_path):
    """A registry whose v1.0.0 is in production, and v1.0.1 in staging."""
    return tiny.copied(grown, tmp_path)


@pytest.fixture
def second(replaced, tmp_path):
    """A registry whose v1.0.1 is in production, where it replaced v1.0.0."""
    return tiny.copied(replaced[0], tmp_path)


def stages(registry):
    return registry.states()["m"].stages


def protecting(registry, branch="main"):
    settings = dataclasses.replace(registry.settings, protected_branch=branch)
    return dataclasses.replace(registry, settings=settings)


def pushed(registry, branch):
    """Make a commit and push it to a branch of the remote; return it."""
    repo = registry.ledger.repo
    tiny.git(repo, "commit", "--quiet", "--allow-empty", "-m", "Work")
    tiny.git(repo, "push", "--quiet", "--force", "origin", f"HEAD:{branch}")
    return tiny.git(repo, "rev-parse", "HEAD")


# A freeze


def test_while_promotions_are_frozen_nothing_goes_to_production_and_a_rollback_does(second,
                                                                                    tmp_path):
    tiny.register(second, tmp_path, "three")
    frozen = tiny.with_settings(second, frozen="incident 7")

    tiny.promote(frozen, "m@v1.0.2", "shadow")
    with pytest.raises(Conflict, match="frozen: incident 7; rollback works"):
        tiny.promote(frozen, "m@v1.0.2", "production")
    operations.rollback(frozen, "m", "wrong labels")

    assert stages(second)["production"] == "v1.0.0"


# Going on from where a version is


def test_an_archived_version_comes_back_through_staging(registry):
    tiny.promote(registry, "m@v1.0.0", "archived")

    tiny.promote(registry, "m@v1.0.0", "staging")
    tiny.promote(registry, "m@v1.0.0", "production")

    assert stages(registry)["production"] == "v1.0.0"


def test_a_version_too_old_for_the_state_goes_on_from_the_stage_it_holds(
        registry, tmp_path, monkeypatch):
    monkeypatch.setattr(events, "KEPT_VERSIONS", 1)
    tiny.register(registry, tmp_path, "two")

    tiny.promote(registry, "m@v1.0.0", "staging")
    tiny.promote(registry, "m@v1.0.0", "production")

    assert stages(registry)["production"] == "v1.0.0"


def test_a_version_that_was_displaced_goes_on_from_the_stage_it_reached(registry, tmp_path):
    tiny.register(registry, tmp_path, "two")

    tiny.promote(registry, "m@v1.0.0", "production")

    assert stages(registry) == {"staging": "v1.0.1", "production": "v1.0.0"}


@pytest.mark.parametrize("stage", ["staging", "shadow", "production"])
def test_a_version_that_holds_the_stage_stays_there_without_an_event(registry, stage):
    tiny.promote(registry, "m@v1.0.0", stage)

    outcome = tiny.promote(registry, "m@v1.0.0", stage)

    assert outcome.events == ()


def test_the_replaced_version_is_archived_in_the_same_push(replaced):
    _, outcome = replaced

    assert [(event.version, event.stage) for event in outcome.events] == [
        ("v1.0.1", "production"), ("v1.0.0", "archived")]
    assert outcome.events[1].reason == "replaced by v1.0.1"


# Evidence from the ledger


def test_the_report_of_the_registration_suffices_while_the_champion_is_the_same(registry):
    outcome = operations.promote(registry, tiny.ref("m@v1.0.0"), "production", tiny.TEST_SHA256)

    assert outcome.events[0].evidence["verdict"] == "PASS"


def test_the_report_of_the_registration_is_stale_after_another_promotion(registry, tmp_path):
    tiny.register(registry, tmp_path, "two")
    tiny.promote(registry, "m@v1.0.1", "production")

    with pytest.raises(CheckFailed, match="compares with no champion"):
        operations.promote(registry, tiny.ref("m@v1.0.0"), "production", tiny.TEST_SHA256)


@pytest.mark.parametrize("evidence", [b"", b"[]", b"no json", b"\xff"])
def test_evidence_that_is_no_report_is_refused_with_1(registry, evidence):
    with pytest.raises(CheckFailed, match="not readable JSON"):
        tiny.promote(registry, "m@v1.0.0", "production", evidence=evidence)


def test_a_model_that_its_gate_refused_is_not_registered(registry, tmp_path):
    package = tiny.packed(tmp_path, "bad", verdict="FAIL")

    with pytest.raises(CheckFailed, match="its gate report says FAIL"):
        operations.register(registry, package, tiny.TEST_SHA256)

    assert [item.version for item in registry.states()["m"].versions] == ["v1.0.0"]
    assert not registry.store.path(package.archive_sha256).exists()


# Archives


@pytest.mark.parametrize("damage, error", [
    (lambda path: path.unlink(), NotMeasured),
    (lambda path: (path.chmod(0o644), path.write_bytes(b"altered")), CheckFailed)])
def test_a_version_whose_archive_is_damaged_is_not_promoted(registry, damage, error):
    version = registry.states()["m"].find("v1.0.0")
    damage(registry.store.path(version.archive_sha256))

    with pytest.raises(error, match="archive of m@v1.0.0"):
        tiny.promote(registry, "m@v1.0.0", "production")

    assert "production" not in stages(registry)


def test_rollback_does_not_go_to_a_version_whose_archive_is_damaged(second):
    second.store.path(second.states()["m"].find("v1.0.0").archive_sha256).unlink()

    with pytest.raises(NotMeasured, match="archive of m@v1.0.0"):
        operations.rollback(second, "m", "drill")

    assert stages(second)["production"] == "v1.0.1"


def test_rollback_without_a_reason_is_usage(registry):
    with pytest.raises(UsageError, match="needs its reason"):
        operations.rollback(registry, "m", "  ")


def test_rollback_of_a_model_that_is_not_there_is_a_conflict(registry):
    with pytest.raises(Conflict, match="nothing to roll back"):
        operations.rollback(registry, "nobody", "drill")


# The protected branch


def test_production_takes_a_commit_on_the_protected_branch(registry, tmp_path):
    commit = pushed(registry, "main")
    tiny.register(registry, tmp_path, "merged", source_commit=commit)

    tiny.promote(protecting(registry), "m@v1.0.1", "production")

    assert stages(registry)["production"] == "v1.0.1"


def test_production_refuses_a_commit_on_another_branch_with_1(registry, tmp_path):
    commit = pushed(registry, "feature")
    tiny.register(registry, tmp_path, "not merged", source_commit=commit)

    tiny.promote(protecting(registry), "m@v1.0.1", "shadow")
    with pytest.raises(CheckFailed, match="is not on branch main") as caught:
        tiny.promote(protecting(registry), "m@v1.0.1", "production")

    assert caught.value.exit_code == 1


def test_a_protected_branch_that_is_not_there_is_3(registry):
    with pytest.raises(NotMeasured, match="origin has no branch release") as caught:
        tiny.promote(protecting(registry, "release"), "m@v1.0.0", "production")

    assert caught.value.exit_code == 3


def test_a_remote_on_this_machine_reads_only_the_tags_that_are_pushed(two, tmp_path, monkeypatch):
    trace = tmp_path / "packets"
    monkeypatch.setenv("GIT_TRACE_PACKET", str(trace))

    outcome = tiny.promote(two, "m@v1.0.1", "shadow")

    told = [line.partition("receive-pack> ")[2] for line in trace.read_text().splitlines()]
    assert [line for line in told if "refs/" in line][-2:] == [
        "ok refs/heads/registry", "ok refs/tags/m#shadow#6"]
    assert not any("refs/tags/m@" in line for line in told)
    assert [event.tag for event in outcome.events] == ["m#shadow#6"]
