"""A ledger whose files were altered: every reader ends with one line that names the file."""

import json
import os

import pytest
import tiny_registry as tiny
from hypothesis import given
from hypothesis import strategies as st

from nlp_gitops.core import git
from nlp_gitops.core.errors import CheckFailed, NotMeasured, UserError
from nlp_gitops.github.changes import LEDGER, key
from nlp_gitops.registry import operations, views, walk
from nlp_gitops.registry.events import State, VersionState, state_from_json, version_from_json
from nlp_gitops.registry.ledger import Ledger
from nlp_gitops.registry.pull import pull
from nlp_gitops.registry.reading import Snapshot, archive_path, manifest_from_json
from nlp_gitops.registry.verify import audit

pytestmark = pytest.mark.xdist_group("registry-damage")

STATE, FOLDER = "models/m/state.json", "models/m/v1.0.0"
OLD = tiny.ref("m@v1.0.0")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry with v1.0.0 in production and v1.0.1 in staging."""
    folder = tmp_path_factory.mktemp("whole")
    found = tiny.registry_in(folder)
    tiny.register(found, folder, "one")
    tiny.promote(found, "m@v1.0.0", "production")
    tiny.register(found, folder, "two")
    return found


@pytest.fixture(scope="module")
def texts(registry):
    """The JSON of the ledger's files, by path."""
    snapshot = registry.snapshot()
    paths = [STATE, f"{FOLDER}/manifest.json", f"{FOLDER}/version.json"]
    return {path: snapshot.ledger.read(snapshot.commit, path).decode() for path in paths}


def edited(registry, path, data):
    """Return a commit that follows the ledger's newest one, with other bytes in one file."""
    repo, newest = registry.ledger.repo, registry.ledger.fetch()
    blob = git.git(repo, "hash-object", "-w", "--stdin", stdin=data)
    env = {"GIT_INDEX_FILE": str(repo / "edited-index")}
    git.git(repo, "read-tree", newest, env=env)
    git.git(repo, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
    return git.git(repo, "commit-tree", "-p", newest, "-m", "edited",
                   git.git(repo, "write-tree", env=env))


READERS = {
    "states": lambda snapshot, folder: snapshot.states(),
    "version": lambda snapshot, folder: snapshot.version(OLD),
    "release": lambda snapshot, folder: snapshot.release(OLD),
    "history": lambda snapshot, folder: views.history_table(views.history(snapshot, "m", None)),
    "at": lambda snapshot, folder: views.at(
        snapshot, "m", "production", views.moment("2099-01-01")),
    "pull": lambda snapshot, folder: pull(
        tiny.FolderStore(folder / "none"), snapshot, OLD, folder / "p", folder / "c"),
    "archive": lambda snapshot, folder: snapshot.by_archive(
        "m", snapshot.version(OLD).archive_sha256),
    "old version": lambda snapshot, folder: snapshot.version_in(State("m"), OLD),
}
DAMAGED = {
    STATE: ["states", "version", "history", "at", "pull"],
    f"{FOLDER}/manifest.json": ["release", "pull"],
    f"{FOLDER}/version.json": ["history", "at", "old version"],
    "models/m/events/000/2-report.json": ["release"],
    "models/m/events/000/3.json": ["history", "at"],
    "archive": ["archive"],
}


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"null", b"[1]", b"{}", b'"v1"'])
@pytest.mark.parametrize("path", DAMAGED)
def test_a_file_of_another_shape_is_one_line_that_names_it(registry, tmp_path, path, data):
    readers = DAMAGED[path]
    if path == "archive":
        path = archive_path("m", registry.snapshot().version(OLD).archive_sha256)
    snapshot = Snapshot(registry.ledger, edited(registry, path, data))

    for name in readers:
        with pytest.raises(CheckFailed) as caught:
            READERS[name](snapshot, tmp_path)
        said = str(caught.value)
        assert said.startswith(f"ledger: {path}: ") and "\n" not in said
        assert said.endswith("python tools/registry.py verify")


@pytest.mark.parametrize("data", [b"", b"[1]", b'{"stages": 7}'])
def test_the_gates_key_is_another_one_on_an_altered_ledger(registry, data):
    repo = registry.ledger.repo
    tiny.git(repo, "update-ref", LEDGER, registry.ledger.fetch())
    whole = key(repo)
    tiny.git(repo, "update-ref", LEDGER, edited(registry, STATE, data))

    assert key(repo) != whole


@pytest.mark.parametrize("path", [STATE, f"{FOLDER}/manifest.json"])
def test_verify_names_the_commit_of_such_a_file(registry, path):
    commit, before = edited(registry, path, b"[1]"), registry.ledger.fetch()
    bare = registry.ledger.folder
    tiny.git(bare, "fetch", "--quiet", str(registry.ledger.repo), f"{commit}:refs/heads/registry")
    try:
        found = audit(registry.ledger.repo, registry, "origin", quick=True)
    finally:
        tiny.git(bare, "update-ref", "refs/heads/registry", before)

    assert [fault.code for fault in found.faults] == ["R003"]
    assert found.faults[0].subject == f"commit {commit[:7]}"


def test_a_missing_paper_is_named(registry):
    commit = edited(registry, f"{FOLDER}/other", b"")
    env = {"GIT_INDEX_FILE": str(registry.ledger.repo / "edited-index")}
    git.git(registry.ledger.repo, "update-index", "--force-remove", f"{FOLDER}/MODEL_CARD.md",
            env=env)
    tree = git.git(registry.ledger.repo, "write-tree", env=env)
    commit = git.git(registry.ledger.repo, "commit-tree", "-m", "edited", tree)

    with pytest.raises(CheckFailed, match=f"{FOLDER}/MODEL_CARD.md: is missing"):
        Snapshot(registry.ledger, commit).papers(OLD)


def test_a_state_of_another_model_is_refused(registry):
    text = registry.snapshot().ledger.read(registry.ledger.fetch(), STATE).decode()
    data = json.dumps({**json.loads(text), "name": "other"}).encode()

    with pytest.raises(CheckFailed, match="models/m/state.json: is about 'other'"):
        Snapshot(registry.ledger, edited(registry, STATE, data)).states()


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3),
                    lambda inner: st.lists(inner, max_size=2)
                    | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=3)


def places(value, here=()):
    """Return the path of every value inside one."""
    inner = (value.items() if isinstance(value, dict) else
             enumerate(value) if isinstance(value, list) else ())
    return [here, *(path for key, item in inner for path in places(item, (*here, key)))]


def replaced(value, path, new):
    """Return a value with another one in a place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def use_state(state):
    """Do what the registry does with a state that it has read."""
    assert all(isinstance(item, VersionState) for item in state.versions)
    views.show_table({"m": state})
    views.show_record({"m": state})
    state_from_json(state.to_json())
    try:
        operations.policy.rollback_targets(state, None)
    except UserError:
        pass
    operations.policy.next_version(state, "t", "l", "d", "p")


def use_manifest(manifest):
    operations.version_state(manifest, "v1.0.0", 1, "")
    operations.assets(manifest)


@pytest.mark.parametrize("path, read, use", [
    (STATE, state_from_json, use_state),
    (f"{FOLDER}/version.json", version_from_json, lambda version: version.tags.items()),
    (f"{FOLDER}/manifest.json", manifest_from_json, use_manifest)])
def test_whatever_stands_in_one_place_is_usable_or_a_value_error(texts, path, read, use):
    whole = json.loads(texts[path])
    use(read(texts[path]))

    @given(st.sampled_from(places(whole)), JSON)
    def check(place, new):
        try:
            found = read(json.dumps(replaced(whole, place, new)))
        except ValueError:
            return
        use(found)

    check()


@pytest.mark.parametrize("highest", ["", "0", "v1", "latest"])
def test_a_highest_number_that_is_no_version_is_refused_where_it_is_read(texts, highest):
    state = {**json.loads(texts[STATE]), "highest": highest}

    with pytest.raises(ValueError, match="not a state of this registry: .* is not a version"):
        state_from_json(json.dumps(state))


# A repository that git itself cannot read


@pytest.fixture
def broken(tmp_path):
    """A repository with three commits, and the newest one's id."""
    repo = tmp_path / "broken"
    repo.mkdir()
    tiny.git(repo, "init", "--quiet")
    for number in range(3):
        (repo / "file").write_text(str(number))
        tiny.git(repo, "add", "file")
        tiny.git(repo, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m",
                 f"event {number}")
    return repo, tiny.git(repo, "rev-parse", "HEAD")


def lose(repo, name):
    """Delete one object."""
    oid = tiny.git(repo, "rev-parse", name)
    os.unlink(repo / ".git" / "objects" / oid[:2] / oid[2:])


def test_a_walk_through_a_ledger_that_git_cannot_read_is_not_measured(broken, capfd):
    repo, newest = broken
    lose(repo, "HEAD~1^{tree}")

    with pytest.raises(NotMeasured, match="git fsck"):
        list(walk.commits(repo, newest, walk.Objects(repo)))

    assert capfd.readouterr().err == ""


def test_a_log_that_git_cannot_finish_is_not_measured(broken, capfd):
    repo, newest = broken
    lose(repo, "HEAD~1")

    with pytest.raises(NotMeasured, match="git fsck"):
        list(Ledger(repo, ".").log(newest))

    assert capfd.readouterr().err == ""
