"""The stand-in for GitHub itself: it refuses and protests where GitHub would."""

import json
import urllib.error
import urllib.request

import pytest
from github_standin import attestations
from github_standin.description import misfits
from github_standin.server import running
from github_standin.world import TOKEN


@pytest.fixture
def hub(tmp_path):
    with running(tmp_path / "hub") as found:
        found.add("acme/reviews")
        yield found


def ask(hub, method, path, body=None, token=TOKEN, **headers):
    """Return (status, value) of a call."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    address = path if path.startswith("http") else f"{hub.url}/repos/acme/reviews/{path}"
    more = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(address, data, {**more, **headers}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


WRONG = {"another name": {"tag": "v1"}, "another type": {"tag_name": "v1", "draft": "yes"},
         "a field too much": {"tag_name": "v1", "drafts": True},
         "a word that is none": {"tag_name": "v1", "make_latest": "yes"}}


@pytest.mark.parametrize("body", WRONG)
def test_a_request_that_does_not_fit_is_refused_and_remembered(hub, body):
    status, _ = ask(hub, "POST", "releases", WRONG[body])

    assert status == 422 and len(hub.protests) >= 1


def test_a_wrong_field_planted_in_an_answer_is_remembered(hub):
    _, release = ask(hub, "POST", "releases", {"tag_name": "v1", "draft": True})
    hub.repositories["acme/reviews"].releases[release["id"]].prerelease = "no"

    ask(hub, "GET", f"releases/{release['id']}")

    assert len(hub.protests) == 1 and "prerelease" in hub.protests[0]


def test_a_call_that_the_stand_in_does_not_know_is_remembered(hub):
    status, _ = ask(hub, "GET", "stargazers")

    assert status == 404 and hub.protests


def test_misfits_finds_fields_that_nobody_described_at_any_depth():
    label = {"id": 1, "node_id": "L", "url": "u", "name": "n", "description": None,
             "color": "ffffff", "default": False, "archived_at": None, "archived_by": None}

    assert misfits("list[Label]", [label]) == []
    assert misfits("list[Label]", [label, {**label, "colour": 1}]) == [
        "list[Label] 1.colour: no such field"]


def test_drafts_are_hidden_from_tags_and_from_strangers(hub):
    _, draft = ask(hub, "POST", "releases", {"tag_name": "v1", "draft": True})
    _, second = ask(hub, "POST", "releases", {"tag_name": "v1", "draft": True})

    assert draft["id"] != second["id"]
    assert ask(hub, "GET", "releases/tags/v1")[0] == 404
    assert ask(hub, "GET", "releases", token=None) == (200, [])
    assert ask(hub, "GET", f"releases/{draft['id']}", token=None)[0] == 404
    assert len(ask(hub, "GET", "releases")[1]) == 2


def test_writing_needs_the_right_token(hub):
    assert ask(hub, "POST", "releases", {"tag_name": "v1"}, token=None)[0] == 401
    assert ask(hub, "POST", "releases", {"tag_name": "v1"}, token="wrong")[0] == 401


def test_a_tag_is_published_once(hub):
    first = ask(hub, "POST", "releases", {"tag_name": "v1"})
    second = ask(hub, "POST", "releases", {"tag_name": "v1"})

    assert first[0] == 201 and second[0] == 422
    assert second[1]["errors"][0]["code"] == "already_exists"
    # GitHub makes the missing tag itself, a lightweight one.
    assert hub.repositories["acme/reviews"].tags == {"v1": "lightweight"}
    assert hub.protests == []


def test_assets_are_renamed_unique_hashed_and_kept_on_another_host(hub):
    _, release = ask(hub, "POST", "releases", {"tag_name": "v1", "draft": True})
    address = release["upload_url"].partition("{")[0] + "?name=a%20b.tar"

    made = ask(hub, "POST", address, b"content")
    again = ask(hub, "POST", address, b"content")

    assert made[0] == 201 and made[1]["name"] == "a.b.tar"
    assert made[1]["digest"] == ("sha256:ed7002b439e9ac845f22357d822bac14"
                                 "44730fbdb6016d3ec9432297b9ec9f73")
    assert again[0] == 422 and again[1]["errors"][0]["code"] == "already_exists"
    # urllib takes the token along to the other host, where GitHub's storage refuses it.
    assert ask(hub, "GET", made[1]["url"], Accept="application/octet-stream")[0] == 400
    assert hub.protests == []


def test_listings_come_in_pages(hub):
    for number in range(3):
        ask(hub, "POST", "releases", {"tag_name": f"v{number}", "draft": True})

    pages = [ask(hub, "GET", f"releases?per_page=2&page={number}")[1] for number in (1, 2, 3)]

    assert [[item["tag_name"] for item in page] for page in pages] == [["v2", "v1"], ["v0"], []]


def test_attestations_are_listed_by_digest_and_kind_and_their_bundles_lie_elsewhere(hub):
    repository, digest = hub.repositories["acme/reviews"], "ab" * 32
    for number in range(2):
        attestations.add(repository, digest, {"mediaType": str(number)}, inline=number == 1)
    attestations.add(repository, digest, {}, kind="release")
    path = f"attestations/sha256:{digest}?predicate_type=provenance&per_page=1"

    _, newest = ask(hub, "GET", path)
    stored = repository.attestations[f"sha256:{digest}"]
    _, oldest = ask(hub, "GET", f"{path}&after={stored[1].stored.id}")

    assert [newest["attestations"][0]["bundle"], oldest["attestations"][0]["bundle"]] == [
        {"mediaType": "1"}, None]
    # Who sends a token along is refused, as by GitHub's storage.
    address = oldest["attestations"][0]["bundle_url"]
    assert ask(hub, "GET", address)[0] == 400
    assert urllib.request.urlopen(address).read()[2:] == b'{"mediaType": "0"}'
    assert ask(hub, "GET", "attestations/sha256:00")[0] == 404
    assert hub.protests == []


def test_issues_comments_labels_dispatches_and_deployments_fit(hub):
    _, issue = ask(hub, "POST", "issues", {"title": "drift", "labels": ["drift"]})
    _, comment = ask(hub, "POST", f"issues/{issue['number']}/comments", {"body": "one"})
    ask(hub, "PATCH", f"issues/comments/{comment['id']}", {"body": "two"})
    _, deployment = ask(hub, "POST", "deployments", {"ref": "main", "environment": "staging"})
    ask(hub, "POST", f"deployments/{deployment['id']}/statuses", {"state": "success"})
    ask(hub, "POST", "actions/workflows/promote.yml/dispatches",
        {"ref": "main", "inputs": {"version": "m@v1.0.0"}})

    assert ask(hub, "GET", "issues?labels=drift&state=open")[1][0]["comments"] == 1
    assert ask(hub, "GET", f"issues/{issue['number']}/comments")[1][0]["body"] == "two"
    ask(hub, "PATCH", f"issues/{issue['number']}", {"state": "closed"})
    assert ask(hub, "GET", "issues?labels=drift")[1] == []
    assert [item["name"] for item in ask(hub, "GET", "labels")[1]] == ["drift"]
    assert ask(hub, "GET", "deployments?environment=staging")[1][0]["id"] == deployment["id"]
    repository = hub.repositories["acme/reviews"]
    assert repository.dispatches == [{"workflow": "promote.yml", "ref": "main",
                                      "inputs": {"version": "m@v1.0.0"}}]
    assert hub.protests == []
