"""What people read from a registry: stages, history, the past; of many versions and models."""

import json
import shutil
from datetime import datetime, timezone

import pytest
import tiny_registry as tiny
from runs_kit import command

from nlp_gitops.core.errors import CheckFailed, UsageError
from nlp_gitops.registry import events, operations, views
from nlp_gitops.registry.events import Event, parse_message, state_from_json
from nlp_gitops.registry.pull import pull

pytestmark = pytest.mark.xdist_group("registry-reading")

KEPT, MANY = 2, 5


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """A registry with more versions than its state keeps (a hundred in life), and its folder."""
    folder = tmp_path_factory.mktemp("crowd")
    registry = tiny.registry_in(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "KEPT_VERSIONS", KEPT)
        for number in range(MANY):
            tiny.register(registry, folder, f"weights {number}")
        yield registry, folder


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A folder with a bare repository and its archives: two models, some versions with tags."""
    folder = tmp_path_factory.mktemp("remote") / "made"
    clone = tiny.cloned(folder.parent / "clone", str(tiny.origin(folder)))
    registry, work = tiny.connected(clone, folder / "origin-artifacts"), folder.parent
    tiny.register(registry, work, "a", tags={"team": "search", "size": "small"})
    tiny.register(registry, work, "b", tags={"team": "search", "size": "large"})
    tiny.register(registry, work, "c", name="other", tags={"team": "ads"})
    tiny.promote(registry, "m@v1.0.0", "production")
    return folder


@pytest.fixture
def team(project, remote):
    """A repository whose registry `origin` is a copy of the remote, and which has read it."""
    copy = shutil.copytree(remote, project.root / ".registry")
    tiny.git(project.root, "remote", "add", "origin", str(copy / "origin.git"))
    registry = tiny.connected(project.root, copy / "origin-artifacts")
    registry.snapshot()
    return registry


def asked(capsys, *arguments):
    code, output = command(capsys, "registry", *arguments, "--registry", "origin")
    assert code == 0
    return output


# More versions than the state keeps


def test_the_state_keeps_the_newest_versions_only(crowd):
    versions = crowd[0].states()["m"].versions

    assert [item.version for item in versions] == [
        f"v1.0.{number}" for number in range(MANY - 1, MANY - 1 - KEPT, -1)]


def test_an_old_version_is_promoted_like_any_other(crowd):
    tiny.promote(crowd[0], "m@v1.0.0", "staging")

    assert crowd[0].states()["m"].stages["staging"] == "v1.0.0"


def test_an_old_archive_is_known_and_not_registered_twice(crowd):
    registry, folder = crowd
    package = tiny.packed(folder, "weights 1")

    outcome = operations.register(registry, package, tiny.TEST_SHA256)

    assert (outcome.version, outcome.events) == ("v1.0.1", ())


def test_the_number_of_an_old_version_is_taken(crowd):
    registry, folder = crowd

    with pytest.raises(operations.Conflict, match="registered already"):
        tiny.register(registry, folder, "other weights", version="v1.0.1")


def test_an_old_version_is_pulled(crowd, tmp_path):
    registry, _ = crowd

    pull(registry.store, registry.snapshot(), tiny.ref("m@v1.0.2"), tmp_path / "p", tmp_path / "c")

    assert (tmp_path / "p" / "model" / "weights.txt").read_text() == "weights 2"


def test_an_old_version_has_its_data_in_history(crowd):
    oldest = views.history(crowd[0].snapshot(), "m", None)[-1]

    assert (oldest.event.version, oldest.dataset_version) == ("v1.0.0", "rows-v1.0.0")


# One source commit, several versions


def test_several_versions_come_from_one_source_commit(crowd):
    snapshot = crowd[0].snapshot()

    manifests = [snapshot.manifest(tiny.ref(f"m@v1.0.{number}")) for number in range(3)]

    assert {item["source_commit"] for item in manifests} == {"c" * 40}
    assert len({item["model_sha256"] for item in manifests}) == 3


# show


def test_show_of_all_models(team, capsys):
    shown = json.loads(asked(capsys, "show", "--json"))

    assert shown["m"]["stages"] == {"staging": "v1.0.1", "production": "v1.0.0"}
    assert shown["m"]["versions"] == ["v1.0.1", "v1.0.0"] and shown["m"]["seq"] == 5
    assert shown["other"]["stages"] == {"staging": "v1.0.0"} and shown["other"]["seq"] == 2


def test_show_of_one_model(team, capsys):
    assert list(json.loads(asked(capsys, "show", "other", "--json"))) == ["other"]


@pytest.mark.parametrize("tags, found", [
    (["team=search"], {"m": ["v1.0.1", "v1.0.0"]}), (["team=ads"], {"other": ["v1.0.0"]}),
    (["team=search", "size=small"], {"m": ["v1.0.0"]}), (["team=nobody"], {})])
def test_show_of_versions_with_tags(team, capsys, tags, found):
    flags = [word for tag in tags for word in ("--tag", tag)]

    shown = json.loads(asked(capsys, "show", *flags, "--json"))

    assert {name: item["versions"] for name, item in shown.items()} == found


def test_the_table_names_stages_data_and_tags(team, capsys):
    row = next(line for line in asked(capsys, "show").splitlines() if line.split()[1] == "v1.0.0")

    assert row.split()[:5] == ["m", "v1.0.0", "production", "rows-v1.0.0", "n/a"]
    assert row.endswith("size=small team=search")


def test_show_needs_neither_numpy_nor_scikit_learn(team):
    told = tiny.python(
        "import sys\n"
        "from nlp_gitops.cli.main import main\n"
        "try: main(['registry', 'show', '--registry', 'origin'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'scipy', 'sklearn', 'skops'} & set(sys.modules)))")

    assert "v1.0.1" in told and told.splitlines()[-1] == "[]"


# history


def test_history_answers_who_when_why_and_from_what(team, capsys):
    newest = json.loads(asked(capsys, "history", "m", "--json"))[0]

    assert (newest["seq"], newest["action"], newest["version"], newest["stage"]) == (
        5, "promote", "v1.0.0", "production")
    assert newest["actor"] and newest["at"].endswith("Z")
    assert (newest["dataset_version"], newest["prompt_version"]) == ("rows-v1.0.0", "n/a")
    assert newest["evidence"]["verdict"] == "PASS"


def test_history_limited_is_the_newest_events_and_says_that_there_are_older_ones(team, capsys):
    lines = asked(capsys, "history", "m", "--limit", "2").splitlines()

    assert [line.split()[1] for line in lines[1:-1]] == ["5", "4"]
    assert lines[-1] == "older events: --all"


def test_history_of_all_models_is_in_the_order_of_the_ledger(team, capsys):
    told = json.loads(asked(capsys, "history", "--json"))

    assert [(item["model"], item["seq"]) for item in told] == [
        ("m", 5), ("other", 2), ("other", 1), ("m", 4), ("m", 3), ("m", 2), ("m", 1)]


def test_history_with_all_has_no_limit(crowd):
    registry, _ = crowd
    snapshot = registry.snapshot()

    assert len(views.history(snapshot, "m", None)) == snapshot.states()["m"].seq
    assert [item.event.seq for item in views.history(snapshot, None, 3)] == [
        item.event.seq for item in views.history(snapshot, "m", 3)]


# at


@pytest.mark.parametrize("text, expected", [
    ("2026-03-01", (2026, 3, 1, 23, 59, 59)), ("2026-03-01T14:30:00Z", (2026, 3, 1, 14, 30, 0)),
    ("2026-03-01T14:30:00+02:00", (2026, 3, 1, 12, 30, 0)),
    ("2026-03-01 14:30", (2026, 3, 1, 14, 30, 0)), ("20260301", (2026, 3, 1, 23, 59, 59))])
def test_a_moment_is_utc_and_a_date_means_its_end(text, expected):
    assert views.moment(text) == datetime(*expected, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-03-01T25:00", "1.3.2026"])
def test_a_moment_that_is_none_is_usage(text):
    with pytest.raises(UsageError, match="is no date"):
        views.moment(text)


def test_at_in_the_middle_of_the_past(team, capsys):
    times = [int(line) for line in tiny.git(
        team.ledger.repo, "log", "--reverse", "--format=%ct", team.ledger.ref).splitlines()]
    dates = [datetime.fromtimestamp(time, timezone.utc).isoformat() for time in times]

    def version(date, stage="staging"):
        return json.loads(asked(capsys, "at", "m", stage, date, "--json"))["version"]

    # Root, register and promote a, register and promote b, two events of `other`, production.
    assert [version(date) for date in dates] == [
        None, None, "v1.0.0", "v1.0.0", "v1.0.1", "v1.0.1", "v1.0.1", "v1.0.1"]
    assert [version(date, "production") for date in dates[-2:]] == [None, "v1.0.0"]


def test_at_tells_people_who_why_and_from_what(team, capsys):
    told = asked(capsys, "at", "m", "Production", "2099-01-01")

    assert told.splitlines()[0] == "m@v1.0.0"
    assert "data         rows-v1.0.0" in told and "gate report  PASS, sha256 " in told


def test_at_before_the_beginning_says_so(team, capsys):
    assert asked(capsys, "at", "m", "production", "2001-01-01").startswith("no version of m was in")


# Damaged records


@pytest.mark.parametrize("text", ["{}", "[]", '{"schema": "nlp-gitops/state/2"}',
                                  '{"schema": "nlp-gitops/state/1"}', "null", "1", "no json"])
def test_a_state_that_is_none_is_a_value_error(text):
    with pytest.raises(ValueError):
        state_from_json(text)


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"schema": "nlp-gitops/event/1"}',
                                  '{"schema": "nlp-gitops/event/1", "odd": 1}'])
def test_a_message_without_an_event_is_a_value_error(body):
    with pytest.raises(ValueError):
        parse_message(f"subject\n\n{body}")


def test_an_event_survives_its_own_message():
    event = Event("m", 7, "promote", "v1.0.0", "staging", "Zoë", "2026-01-05T10:00:00Z", "id",
                  reason="two\n\nlines", evidence={"verdict": "PASS"})

    assert parse_message(event.message) == event


def test_an_event_without_its_record_is_found(crowd):
    with pytest.raises(CheckFailed, match="models/m/events/099/9999.json: is missing"):
        list(crowd[0].snapshot().events("m", [9999]))
