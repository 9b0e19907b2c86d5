"""Other people's programs read the registry: gto, plain git, sha256sum."""

import json
import shutil
import tempfile
import time
from pathlib import Path

import pytest
import tiny_registry as tiny
from baking import git, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nlp_gitops.core.errors import CheckFailed, Conflict
from nlp_gitops.registry import operations, views
from nlp_gitops.registry.pull import pull

HOUR = 3600
clocks = st.sampled_from([0, 0, -HOUR, HOUR])
operation = st.tuples(
    st.sampled_from(["register", "promote", "promote", "promote", "rollback"]),
    st.integers(0, 20), st.sampled_from(["staging", "shadow", "production", "production",
                                         "archived"]), clocks)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gto")


@pytest.fixture(scope="module")
def registry(folder):
    """A registry with a version that went to production, was replaced, and came back."""
    found = tiny.registry_in(folder)
    for content in ("one", "two"):
        version = tiny.register(found, folder, content).version
        tiny.promote(found, f"m@{version}", "production")
    operations.rollback(found, "m", "two is slow")
    return found


@pytest.fixture(scope="module")
def clone(registry, folder):
    return clone_of(folder)


def apply(registry, folder, step, number):
    """Do one operation; what the rules forbid does not happen."""
    kind, pick, stage, _ = step
    try:
        if kind == "register":
            tiny.register(registry, folder, f"weights {number}")
        elif kind == "rollback":
            operations.rollback(registry, "m", "drill")
        else:
            versions = registry.states()["m"].versions
            tiny.promote(registry, f"m@{versions[pick % len(versions)].version}", stage)
    except (CheckFailed, Conflict):
        return


def clone_of(folder):
    """Clone the remote with its tags, as anybody would."""
    run("git", "clone", "--quiet", folder / "origin.git", folder / "reader", cwd=folder)
    return folder / "reader"


def gto(clone, *arguments):
    return json.loads(run("gto", *arguments, "--json", cwd=clone).stdout)


@settings(max_examples=2, deadline=None, database=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(steps=st.lists(operation, min_size=6, max_size=12))
def test_gto_agrees_after_any_sequence_whatever_the_clocks_say(steps):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder, real = Path(name), time.time
        registry = tiny.registry_in(folder)
        tiny.register(registry, folder, "the first")
        for number, step in enumerate(steps):
            patch.setattr(time, "time", lambda shift=step[3]: real() + shift)
            apply(registry, folder, step, number)
        patch.undo()

        clone, snapshot = clone_of(folder), registry.snapshot()
        shown = views.show_record(snapshot.states())["m"]
        told = [item.event for item in views.history(snapshot, "m", None)]

        assert gto(clone, "show")["m"]["stage"] == shown["stages"]
        tagged = [event for event in gto(clone, "history") if event["event"] != "commit"]
        assert [(event["ref"], event["version"], event["stage"]) for event in tagged] == [
            (event.tag, event.version, event.stage) for event in told]


@pytest.mark.parametrize("tag, version, stage", [
    ("m@v1.0.1", "v1.0.1", None), ("m#staging#5", "v1.0.1", "staging"),
    ("m#archived#7", "v1.0.0", "archived"), ("m#production#8", "v1.0.0", "production")])
def test_gto_check_ref_finds_version_and_stage_of_a_tag(clone, tag, version, stage):
    found = gto(clone, "check-ref", tag)

    assert (found["tag"], found["version"], found.get("stage")) == (tag, version, stage)


def test_gto_shows_every_version_newest_first(clone):
    assert [item["version"] for item in gto(clone, "show", "m")] == ["v1.0.1", "v1.0.0"]


def test_git_alone_reads_the_manifest_of_a_version(clone):
    manifest = json.loads(git(clone, "show", "m@v1.0.0:models/m/v1.0.0/manifest.json"))

    assert (manifest["name"], manifest["version"]) == ("m", "v1.0.0")


def test_git_alone_lists_what_happened(clone):
    lines = git(clone, "tag", "-n", "--sort=taggerdate").splitlines()

    assert [line.split(maxsplit=1)[1] for line in lines[-2:]] == [
        "rollback m v1.0.0 archived -> production (replaces v1.0.1)",
        "revoke m v1.0.1 production -> archived"]


def test_sha256sum_accepts_a_pulled_version_with_its_archive_beside_it(registry, folder, tmp_path):
    target = tmp_path / "pulled"
    pull(registry.store, registry.snapshot(), tiny.ref("m@v1.0.0"), target, tmp_path / "cache")
    archive = json.loads((target / "manifest.json").read_text())["artifacts"][0]
    digest = archive["sha256"]
    shutil.copy(folder / "artifacts" / "sha256" / digest[:2] / digest, target / archive["name"])

    done = run("sha256sum", "-c", "SHA256SUMS", cwd=target)

    assert done.stdout.count(": OK") == len((target / "SHA256SUMS").read_text().splitlines()) == 5
