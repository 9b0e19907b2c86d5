"""The store on GitHub against the stand-in: what it shows, finds, refuses and needs."""

from pathlib import Path

import pytest
from baking import run
from github_kit import REPOSITORY, published, releases, start, writes
from github_standin.world import TOKEN

pytest_plugins = ["github_fixtures"]


def test_a_version_is_published_whole_and_can_be_checked_without_our_tools(
        hub, store, archive, tmp_path):
    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"])

    release = published(hub)
    assert release.prerelease and hub.repositories[REPOSITORY].latest is None
    assert "| stage | staging |" in release.body and "&lt;b>first" in release.body
    folder = tmp_path / "downloaded"
    folder.mkdir()
    for item in release.assets.values():
        (folder / item.name).write_bytes(item.path.read_bytes())
    run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=folder)


def test_production_is_latest_and_no_pre_release_until_it_is_replaced(hub, store, archive):
    other = Path(archive).with_name("other") / "m.tar"
    other.parent.mkdir()
    other.write_bytes(b"another model")
    store(["keep", archive], ["publish", "v1.0.0", archive, "production"])
    first = hub.repositories[REPOSITORY].latest
    store(["keep", str(other)], ["publish", "v1.1.0", str(other), "production"],
          ["publish", "v1.0.0", archive, "archived"])

    assert first == published(hub).id and not published(hub).prerelease
    assert hub.repositories[REPOSITORY].latest == published(hub, "m@v1.1.0").id
    assert "| stage | archived |" in published(hub).body


def test_the_same_again_writes_nothing(hub, store, archive):
    calls = (["keep", archive], ["publish", "v1.0.0", archive, "shadow"])
    store(*calls)
    before = writes(hub)

    store(*calls)

    assert writes(hub) == before


def test_a_draft_is_not_found_by_its_tag_and_not_taken_for_published(hub, store, archive):
    store(["keep", archive])
    release, = releases(hub)
    release.tag_name = "m@v1.0.0"

    code, errors = store(["check", "v1.0.0", archive], check=False)
    faults = store(["faults", "v1.0.0", archive, "staging"])["results"][0]
    store(["publish", "v1.0.0", archive, "staging"])

    assert code == 3 and "no published release with m.tar" in errors
    assert faults == ["its release is not published"]
    assert published(hub).id == release.id


def test_an_archive_above_the_limit_is_refused_before_anything_is_sent(
        hub, store, tmp_path):
    sparse = tmp_path / "m.tar"
    with open(sparse, "wb") as file:
        file.truncate(1946 << 20)

    code, errors = store(["keep as", sparse.stat().st_size, str(sparse)], check=False)

    assert code == 1 and "an asset on GitHub holds at most 2,039,480,320" in errors
    assert hub.requests == []


def test_memory_stays_flat_however_large_an_archive_is(hub, store, venv, archive, tmp_path):
    large = tmp_path / "large" / "m.tar"
    large.parent.mkdir()
    with open(large, "wb") as file:
        file.truncate(200 << 20)

    def peak(version, path):
        with start(venv) as process:
            answer = store(["keep", path], ["publish", version, path, "staging"],
                           ["fetch", version, path, path + ".out"], process=process)
            process.stdin.close()
        return answer["peak"]

    small = peak("v1.0.0", archive)

    assert peak("v1.1.0", str(large)) < small + (24 << 10)
    assert Path(f"{large}.out").stat().st_size == 200 << 20


def test_a_cut_download_goes_on_where_it_stopped(hub, store, archive):
    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"])
    hub.faults.plan("cut inside", "GET", "/objects/", times=3)
    before = len(hub.requests)

    store(["fetch", "v1.0.0", archive, archive + ".out"])

    assert Path(archive + ".out").read_bytes() == Path(archive).read_bytes()
    assert [status for _, path, status in hub.requests[before:] if "/objects/" in path] == [
        200, 206, 206, 206]


def test_a_download_that_brings_nothing_leaves_nothing(hub, store, archive):
    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"])
    hub.faults.plan("cut", "GET", "/objects/", times=5)

    code, _ = store(["fetch", "v1.0.0", archive, archive + ".out"], check=False)

    assert code == 3 and not Path(archive + ".out").exists()


def _lose(release):
    del release.assets[_of(release, "metrics.json")]


def _alter(release):
    release.assets[_of(release, "m.tar")].digest = "sha256:" + "0" * 64


def _shorten(release):
    release.assets[_of(release, "m.tar")].size -= 1


def _add(release):
    release.assets[_of(release, "m.tar")].name = "m2.tar"


def _unmark(release):
    release.prerelease = False


def _withdraw(release):
    release.draft = True


def _of(release, name):
    return next(number for number, item in release.assets.items() if item.name == name)


@pytest.mark.parametrize("change, wanted", [
    (_lose, ["its release has no asset metrics.json"]),
    (_alter, ["the asset m.tar is not the registered one"]),
    (_shorten, ["the asset m.tar is not the registered one"]),
    (_add, ["its release has no asset m.tar",
            "its release has an asset m2.tar that the ledger does not know"]),
    (_unmark, ["its release is no pre-release, but the version is in staging"]),
    (_withdraw, ["its release is not published"])])
def test_what_somebody_changed_on_the_page_is_found(hub, store, archive, change, wanted):
    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"])
    change(releases(hub)[0])

    assert store(["faults", "v1.0.0", archive, "staging"])["results"] == [wanted]


def test_check_tells_an_altered_archive_from_a_missing_one(hub, store, archive):
    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"],
          ["check", "v1.0.0", archive])

    _alter(releases(hub)[0])
    altered = store(["check", "v1.0.0", archive], check=False)
    _add(releases(hub)[0])
    absent = store(["check", "v1.0.0", archive], check=False)

    assert altered[0] == 1 and "is not the registered one" in altered[1]
    assert absent[0] == 3 and "no published release with m.tar" in absent[1]


def test_publishing_again_brings_back_papers_that_somebody_removed(hub, store, archive):
    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"])
    _lose(releases(hub)[0])

    store(["publish", "v1.0.0", archive, "staging"])

    assert published(hub)


def test_a_server_without_digests_is_asked_for_the_bytes(hub, store, archive):
    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"])
    item = releases(hub)[0].assets[_of(releases(hub)[0], "m.tar")]
    item.digest = ""

    store(["check", "v1.0.0", archive])
    item.path.write_bytes(b"x" * item.size)
    code, errors = store(["check", "v1.0.0", archive], check=False)

    assert code == 1 and "is not the registered one" in errors


def test_an_immutable_release_changes_its_stage_but_takes_no_files(hub, store, archive):
    hub.repositories[REPOSITORY].immutable = True

    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"],
          ["publish", "v1.0.0", archive, "production"])
    latest = hub.repositories[REPOSITORY].latest
    _lose(releases(hub)[0])
    code, errors = store(["publish", "v1.0.0", archive, "production"], check=False)

    assert releases(hub)[0].immutable and latest == releases(hub)[0].id
    assert code == 3 and "Cannot upload assets to an immutable release" in errors


def test_only_our_own_drafts_that_nobody_needs_are_orphans(hub, store, archive, tmp_path):
    other = tmp_path / "other" / "m.tar"
    other.parent.mkdir()
    other.write_bytes(b"another model")
    store(["keep", archive], ["keep", str(other)])
    needed, orphan = releases(hub)
    known = run("sha256sum", archive, cwd=tmp_path).stdout.split()[0]
    foreign = hub.repositories[REPOSITORY]
    foreign.releases[1] = type(needed)(1, "v9", "a person's", "notes", True, False, "main",
                                       needed.made, needed.changed)

    found, young, old = store(["orphans", known], ["delete", 3600, known],
                              ["delete", 0, known])["results"]

    assert [item["id"] for item in found] == [orphan.id]
    assert young == [False] and old == [True]
    assert {item.id for item in releases(hub)} == {needed.id, 1}


def test_without_a_token_what_is_public_can_be_read_and_nothing_written(
        hub, store, archive, tmp_path):
    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"])
    before = len(hub.requests)
    alone = {"GITHUB_TOKEN": "", "PATH": str(tmp_path)}

    code, errors = store(["keep", archive], check=False, **alone)
    store(["fetch", "v1.0.0", archive, archive + ".out"], **alone)

    assert code == 3 and "set GITHUB_TOKEN, or type: gh auth login" in errors
    assert {method for method, *_ in hub.requests[before:]} == {"GET"}


def test_the_token_of_the_program_gh_is_used(hub, store, archive, tmp_path):
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(f'#!/bin/sh\n[ "$*" = "auth token --hostname github.example.org" ] && '
                  f"echo {TOKEN}\n")
    gh.chmod(0o755)

    store(["keep", archive], GITHUB_TOKEN="", PATH=str(gh.parent))

    assert [item.draft for item in releases(hub)] == [True]


def test_a_netrc_does_not_take_the_place_of_the_token(hub, store, archive, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password other\n")
    netrc.chmod(0o600)

    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"],
          ["fetch", "v1.0.0", archive, archive + ".out"], NETRC=str(netrc))

    assert published(hub)


def test_without_pygithub_one_line_says_so(store, venv, archive, tmp_path):
    (tmp_path / "github.py").write_text("raise ImportError\n")

    with start(venv, PYTHONPATH=str(tmp_path)) as process:
        code, said = store(["keep", archive], check=False, process=process)
        process.stdin.close()

    assert (code, said) == (3, "the registry on GitHub needs PyGithub; type: make setup")
