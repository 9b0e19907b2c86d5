"""The store on GitHub when the server or the connection fails, or the process is killed."""

import itertools
import signal
import time
from pathlib import Path

import pytest
from github_kit import REPOSITORY, ask, published, releases, start

pytest_plugins = ["github_fixtures"]
UPLOAD = "/uploads/"


FAULTS = {
    "an upload leaves a starter": ("starter", "POST", UPLOAD, {}),
    "an upload's answer is lost": ("lose", "POST", UPLOAD, {}),
    "an upload is cut off": ("cut", "POST", UPLOAD, {"times": 2}),
    "an upload is done and cut off": ("cut after", "POST", UPLOAD, {}),
    "an upload arrives altered": ("alter", "POST", UPLOAD, {}),
    "a paper arrives altered": ("alter", "POST", UPLOAD, {"skip": 2}),
    "an upload meets a limit": ("refuse", "POST", UPLOAD, {
        "status": 403, "headers": {"Retry-After": "1"}}),
    "an upload meets too many requests": ("refuse", "POST", UPLOAD, {
        "status": 429, "headers": {"Retry-After": "0"}}),
    "an upload meets a limit with a reset": ("refuse", "POST", UPLOAD, {
        "status": 403, "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}}),
    "a draft's answer is lost": ("lose", "POST", "/releases$", {}),
    "a draft meets a limit": ("refuse", "POST", "/releases$", {
        "status": 429, "headers": {"Retry-After": "0"}}),
    "a draft is refused by a failing server": ("refuse", "POST", "/releases$", {"times": 3}),
    "publishing is done, its answer lost": ("lose", "PATCH", "", {}),
    "publishing is cut off": ("cut", "PATCH", "", {"times": 2}),
    "the listing fails": ("refuse", "GET", "/releases$", {"times": 3, "status": 503}),
    "the listing of assets fails": ("cut", "GET", "/assets$", {"times": 3}),
    "the release cannot be read back at once": ("refuse", "GET", "/releases/tags/", {
        "status": 404, "message": "Not Found", "skip": 1}),
    "the tag cannot be read at once": ("refuse", "GET", "/git/ref/", {"status": 500}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_overcome(hub, store, archive, fault):
    what, method, path, more = FAULTS[fault]
    hub.faults.plan(what, method, path, **more)

    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"])

    assert hub.faults.left == 0
    assert [item.id for item in releases(hub)] == [published(hub).id]
    assert store(["faults", "v1.0.0", archive, "staging"])["results"] == [[]]


# A cut of every second request before it is heard leaves no pair of calls whole.
@pytest.mark.parametrize("every, what", [(2, "cut after"), *itertools.product(
    (3, 4, 5, 7), ("cut", "cut after"))])
def test_a_connection_cut_at_every_nth_request_is_overcome(hub, store, archive, every, what):
    hub.faults.every, hub.faults.every_what = every, what
    calls = (["keep", archive], ["publish", "v1.0.0", archive, "staging"])

    # A person would type the command again as well.
    codes = [store(*calls, check=False)[0]]
    while codes[-1] and len(codes) < 5:
        codes.append(store(*calls, check=False)[0])

    assert set(codes[:-1]) <= {3} and codes[-1] == 0
    hub.faults.every = 0
    assert published(hub).prerelease
    store(["fetch", "v1.0.0", archive, archive + ".out"])
    assert Path(archive + ".out").read_bytes() == Path(archive).read_bytes()


STEPS = {"the draft is made": ("POST", "/releases$", 0), "a paper is there": ("POST", UPLOAD, 2),
         "the archive is there": ("POST", UPLOAD, 0), "it is published": ("PATCH", "", 0)}


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_as_soon_as_a_step_is_done_loses_and_doubles_nothing(
        hub, store, venv, archive, step):
    method, path, skip = STEPS[step]
    calls = (["keep", archive], ["publish", "v1.0.0", archive, "staging"])
    hub.faults.plan("halt", method, path, skip=skip)
    with start(venv) as process:
        ask(process, hub, calls)
        _until(lambda: hub.faults.halting)
        process.send_signal(signal.SIGKILL)

    store(*calls)

    assert process.returncode == -signal.SIGKILL
    assert [item.id for item in releases(hub)] == [published(hub).id]


def _until(happened):
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_listing_that_lags_behind_makes_no_second_draft(hub, store, archive):
    hub.repositories[REPOSITORY].unlisted = 1

    store(["keep", archive], ["keep", archive], ["publish", "v1.0.0", archive, "staging"])

    assert [item.id for item in releases(hub)] == [published(hub).id]


def test_an_upload_that_was_heard_but_is_not_listed_yet_is_no_failure(hub, store, archive):
    hub.faults.plan("lose", "POST", UPLOAD)
    hub.faults.plan("stale", "GET", "/assets$", skip=1)

    store(["keep", archive], ["publish", "v1.0.0", archive, "staging"])

    assert hub.faults.left == 0 and published(hub)
    assert 422 in {status for _, path, status in hub.requests if UPLOAD in path}


def test_of_two_drafts_the_whole_one_is_published_and_the_other_is_an_orphan(hub, store, archive):
    hub.faults.plan("refuse", "POST", UPLOAD, times=5)
    code, _ = store(["keep", archive], check=False)
    hub.repositories[REPOSITORY].unlisted = 1
    store(["keep", archive])
    hub.repositories[REPOSITORY].unlisted = 0

    result = store(["publish", "v1.0.0", archive, "staging"], ["orphans"], ["delete", 0])

    assert code == 3
    empty = result["results"][1][0]["id"]
    assert empty != published(hub).id and result["results"][2] == [True]
    assert [item.id for item in releases(hub)] == [published(hub).id]


def test_bytes_that_never_arrive_right_are_never_published(hub, store, archive):
    hub.faults.plan("alter", "POST", UPLOAD, times=5)

    code, errors = store(["keep", archive], ["publish", "v1.0.0", archive, "staging"], check=False)

    assert code == 3 and "GitHub holds other bytes of m.tar than were sent, 5 times" in errors
    assert [item.draft for item in releases(hub)] == [True]


def test_a_draft_without_its_archive_is_not_published(hub, store, archive):
    store(["keep", archive])
    releases(hub)[0].assets.clear()

    code, errors = store(["publish", "v1.0.0", archive, "staging"], check=False)

    assert code == 3 and "its release has no asset m.tar" in errors
    assert [item.draft for item in releases(hub)] == [True]


def test_a_release_whose_tag_is_not_pushed_is_not_published(hub, store, archive):
    hub.repositories[REPOSITORY].tags.clear()

    code, errors = store(["keep", archive], ["publish", "v1.0.0", archive, "staging"], check=False)

    assert code == 3 and "does not show the tag m@v1.0.0 yet" in errors
    assert [item.draft for item in releases(hub)] == [True]
    assert hub.repositories[REPOSITORY].tags == {}


@pytest.mark.parametrize("headers, message, wait", [
    ({"Retry-After": "3600"}, "slow down", 3600),
    ({}, "You have exceeded a secondary rate limit", 60)])
def test_a_wait_beyond_patience_ends_with_one_line(hub, store, archive, headers, message, wait):
    hub.faults.plan("refuse", "POST", UPLOAD, times=99, status=403, headers=headers,
                    message=message)

    code, errors = store(["keep", archive], check=False)

    assert code == 3 and f"asks to wait {wait} s" in errors
    assert hub.faults.left == 98


@pytest.mark.parametrize("status, hint", [
    (401, "is GITHUB_TOKEN set"), (403, "needs the right to write contents")])
def test_a_plain_refusal_is_not_repeated(hub, store, archive, status, hint):
    hub.faults.plan("refuse", "POST", times=99, status=status, message="no")

    code, errors = store(["keep", archive], check=False)

    assert code == 3 and hint in errors
    assert hub.faults.left == 98
