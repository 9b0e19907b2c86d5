"""The settings that a repository on GitHub should have: audited and set against the stand-in."""

import pytest
from github_kit import REPOSITORY

pytest_plugins = ["github_fixtures"]


@pytest.fixture
def repository(hub):
    return hub.repositories[REPOSITORY]


def of_grade(found, *grades):
    """Return the lines of an audit that have one of these grades."""
    return [line for grade, line in found if grade in grades]


def test_everything_is_missing_at_first_set_once_and_then_as_it_should_be(hub, store, repository):
    before, done, after, again = store(["audit"], ["apply"], ["audit"], ["apply"])["results"]

    before, after = of_grade(before, "missing"), of_grade(after, "missing", "wrong")
    assert len(before) == 8 and all("is missing: " in line for line in before)
    assert all(line.endswith("or type: python tools/registry.py init-github --apply")
               and ("; Settings > " in line or "; Issues > " in line) for line in before)
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

    [line] = of_grade(found, "wrong", "missing")
    assert of_grade(found, "wrong") == [line] and "is there, but not as it should be" in line
    assert "Settings > Rules" in line
    assert of_grade(after, "wrong", "missing") == []


def test_what_a_team_added_stays(store, repository):
    store(["apply"])
    for item in repository.rulesets.values():
        item["rules"].append({"type": "required_linear_history"})
    repository.environments["production"]["protection_rules"].append(
        {"id": 1, "node_id": "GA", "type": "branch_policy"})

    found, _ = store(["audit"], ["apply"])["results"]

    assert of_grade(found, "wrong", "missing") == []
    assert repository.environments["production"]["protection_rules"]


def test_names_that_differ_by_case_are_the_same_as_on_github(store, repository):
    store(["apply"])
    for kind, name in (("labels", "Incident"), ("environments", "Production")):
        items = getattr(repository, kind)
        items[name] = {**items.pop(name.lower()), "name": name}

    found, done = store(["audit"], ["apply"])["results"]

    assert of_grade(found, "wrong", "missing") == []
    assert all(line.endswith("is as it should be") for line in done)
    assert {"Incident", "Production"} <= {*repository.labels, *repository.environments}


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
    assert of_grade(off, "missing") == [
        "release immutability is off; Settings > General > Releases"]
    assert of_grade(on, "missing", "wrong") == []
    assert "release immutability is on" in of_grade(unplanned, "off")[0]
    assert of_grade(unplanned, "wrong", "missing") == [] and "stays so" in kept[-1]


FEATURES = ["variable TRAIN_RUNNER", "variable DEPLOY_RUNNER", "variable APPROVAL_ENVIRONMENT",
            "variable NOTIFY_WEBHOOK", "variable DRIFT_LOGS", "variable PAGES",
            "secret TEMPLATE_TOKEN", "GitHub Actions may open no pull"]


def test_features_that_are_off_are_told_each_with_where_to_click(store):
    store(["apply"])

    found = store(["audit"])["results"][0]

    assert [grade for grade, _ in found] == 8 * ["off"]
    for start, (_, line) in zip(FEATURES, found, strict=True):
        assert line.startswith(start) and "; Settings > " in line
        assert "gh variable set" in line or "gh secret set" in line or "pull" in line


def switched_on(repository):
    repository.variables.update(TRAIN_RUNNER="gpu", DEPLOY_RUNNER="here", DRIFT_LOGS="logs",
                                NOTIFY_WEBHOOK="https://hooks.example.org/x",
                                APPROVAL_ENVIRONMENT="approval", PAGES="true")
    repository.secrets.add("TEMPLATE_TOKEN")
    repository.may_open_pulls = True
    repository.environments["approval"] = {
        **repository.environments["staging"], "name": "approval",
        "protection_rules": [{"id": 1, "node_id": "GA", "type": "required_reviewers",
                              "prevent_self_review": False, "reviewers": []}]}


def test_what_is_switched_on_is_not_told(store, repository):
    store(["apply"])
    switched_on(repository)

    assert store(["audit"])["results"] == [[]]


def test_a_variable_of_the_organization_or_on_a_later_page_counts(store, repository):
    store(["apply"])
    switched_on(repository)
    del repository.variables["TRAIN_RUNNER"]
    repository.shared_variables["TRAIN_RUNNER"] = "gpu"
    repository.variables = {**{f"A{number}": "x" for number in range(70)}, **repository.variables}

    assert store(["audit"])["results"] == [[]]


def test_a_repository_without_an_organization_has_its_own_variables(store, repository):
    store(["apply"])
    switched_on(repository)
    repository.hidden["organization"] = 404

    assert store(["audit"])["results"] == [[]]


def _unmade(repository):
    del repository.environments["approval"]


def _unasked(repository):
    repository.environments["approval"]["protection_rules"] = [
        {"id": 1, "node_id": "GA", "type": "wait_timer", "wait_timer": 30}]


def _plain(repository):
    repository.variables["NOTIFY_WEBHOOK"] = "http://hooks.example.org/secret"


@pytest.mark.parametrize("change, words", [
    (_unmade, ["names the environment 'approval', which does not exist, so nobody is asked",
               "Settings > Environments > approval"]),
    (_unasked, ["'approval', which has no required reviewers, so nobody is asked",
                "Settings > Environments > approval > Required reviewers"]),
    (_plain, ["NOTIFY_WEBHOOK does not begin with https://, so nobody is told",
              "Settings > Secrets and variables > Actions > Variables"])])
def test_a_value_that_does_not_do_what_it_says_is_wrong(store, repository, change, words):
    store(["apply"])
    switched_on(repository)
    change(repository)

    [[grade, line]] = store(["audit"])["results"][0]

    assert grade == "wrong" and all(word in line for word in words)
    assert "secret" not in line


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("setting, click", [
    ("rulesets", "look at Settings > Rules > Rulesets"),
    ("environments", "look at Settings > Environments"),
    ("variables", "look at Settings > Secrets and variables > Actions > Variables"),
    ("secrets", "look at Settings > Secrets and variables > Actions > Secrets"),
    ("permissions", "look at Settings > Actions > General")])
def test_what_the_token_must_not_see_is_neither_missing_nor_off(
        store, repository, setting, click, status):
    store(["apply"])
    switched_on(repository)
    repository.hidden[setting] = status

    [[grade, line]] = store(["audit"])["results"][0]

    assert grade == "unread" and line.endswith(click)
    assert f"could not be read with this token (GitHub answers {status}" in line


def test_a_plan_without_rulesets_is_unread_not_missing(store, repository):
    repository.lacks.add("rulesets")

    found = store(["audit"])["results"][0]

    assert [line for line in of_grade(found, "unread") if "Upgrade to GitHub Pro" in line]
    assert not any("ruleset" in line for line in of_grade(found, "missing", "wrong"))


def _another_ruleset(repository):
    own = next(number for number, item in repository.rulesets.items()
               if item["name"] == "main: only what passed")
    repository.rulesets[own]["name"] = "of the team"


def _old_protection(repository):
    own = next(number for number, item in repository.rulesets.items()
               if item["name"] == "main: only what passed")
    del repository.rulesets[own]
    repository.required["main"] = ["lint", "pass"]


def _another_check(repository):
    _old_protection(repository)
    repository.required["main"] = ["lint"]


def _switched_off(repository):
    _another_ruleset(repository)
    for item in repository.rulesets.values():
        item["enforcement"] = "disabled" if item["name"] == "of the team" else "active"


@pytest.mark.parametrize("change, is_required", [
    (_another_ruleset, True), (_old_protection, True), (_another_check, False),
    (_switched_off, False)])
def test_the_check_may_be_required_in_another_way(store, repository, change, is_required):
    store(["apply"])
    change(repository)

    found = of_grade(store(["audit"])["results"][0], "missing", "wrong")

    assert found == [] if is_required else (
        len(found) == 1 and "main takes only what passed the check 'pass'" in found[0])


def test_a_failing_server_ends_with_one_line(hub, store):
    hub.faults.plan("refuse", "GET", times=99, status=500)

    code, said = store(["audit"], check=False)

    assert code == 3 and "500 Server Error" in said
