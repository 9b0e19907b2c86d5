"""The settings that a repository on GitHub should have: audited and set against the stand-in."""

import pytest
from github_kit import REPOSITORY

pytest_plugins = ["github_fixtures"]


@pytest.fixture
def repository(hub):
    return hub.repositories[REPOSITORY]


def test_everything_is_missing_at_first_set_once_and_then_as_it_should_be(hub, store, repository):
    before, done, after, again = store(["audit"], ["apply"], ["audit"], ["apply"])["results"]

    assert len(before) == 8 and all("is missing" in line for line in before)
    assert [line.rpartition(": ")[2] for line in done] == 8 * ["set"] + ["is as it should be"]
    assert after == []
    assert all(line.endswith("is as it should be") for line in again)
    assert set(repository.labels) == {"drift", "incident", "model-regression"}
    assert set(repository.environments) == {"staging", "production"}


def test_the_rules_are_those_that_keep_a_registry_whole(store, repository):
    store(["apply"])

    rules = {(item["target"], *item["conditions"]["ref_name"]["include"]):
             {rule["type"] for rule in item["rules"]} for item in repository.rulesets.values()}
    assert rules == {
        ("tag", "refs/tags/*@v*", "refs/tags/*#*#*"): {"update", "deletion", "non_fast_forward"},
        ("branch", "refs/heads/registry"): {"deletion", "non_fast_forward"},
        ("branch", "refs/heads/main"): {"deletion", "non_fast_forward", "required_status_checks"}}


def test_without_a_protected_branch_there_is_no_rule_for_one(store, repository):
    store(["apply", None])

    assert len(repository.rulesets) == 2


WEAKER = {
    "switched off": {"enforcement": "disabled"},
    "somebody may pass": {"bypass_actors": [
        {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]},
    "a ref left out": {"conditions": {"ref_name": {
        "include": ["refs/tags/*@v*", "refs/tags/*#*#*"], "exclude": ["refs/tags/m@v1.0.0"]}}},
    "a rule less": {"rules": [{"type": "deletion"}]},
}


@pytest.mark.parametrize("change", WEAKER)
def test_a_ruleset_that_somebody_weakened_is_found_and_mended(store, repository, change):
    store(["apply"])
    next(iter(repository.rulesets.values())).update(WEAKER[change])

    found, _, after = store(["audit"], ["apply"], ["audit"])["results"]

    assert len(found) == 1 and "is there, but not as it should be" in found[0]
    assert "Settings > Rules" in found[0]
    assert after == []


def test_what_a_team_added_stays(store, repository):
    store(["apply"])
    for item in repository.rulesets.values():
        item["rules"].append({"type": "required_linear_history"})
    repository.environments["production"]["protection_rules"].append(
        {"id": 1, "node_id": "GA", "type": "branch_policy"})

    found, _ = store(["audit"], ["apply"])["results"]

    assert found == []
    assert repository.environments["production"]["protection_rules"]


def test_a_plan_without_rulesets_is_a_line_and_the_rest_is_set(store, repository):
    repository.lacks.add("rulesets")

    done = store(["apply"])["results"][0]

    assert sum("cannot be had here: GitHub answers 403 Upgrade to GitHub Pro" in line
               for line in done) == 3
    assert set(repository.environments) == {"staging", "production"}
    assert len(repository.labels) == 3


def test_immutability_is_set_only_when_asked_for_and_never_taken_away(store, repository):
    store(["apply"])
    first = repository.immutable
    off, _, on = store(["audit", "main", True], ["apply", "main", True],
                       ["audit", "main", True])["results"]
    unplanned, kept = store(["audit"], ["apply"])["results"]

    assert not first and repository.immutable
    assert off == ["release immutability is off; Settings > General > Releases"] and on == []
    assert "is on, but was not planned" in unplanned[0] and "stays so" in kept[-1]


def test_a_failing_server_ends_with_one_line(hub, store):
    hub.faults.plan("refuse", "GET", times=99, status=500)

    code, said = store(["audit"], check=False)

    assert code == 3 and "500 Server Error" in said
