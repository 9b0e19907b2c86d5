"""What the registry allows, each refusal with its exit code."""

import pytest
import tiny_registry as tiny

from nlp_gitops.core.errors import CheckFailed, Conflict, UsageError
from nlp_gitops.core.project import RegistrySettings
from nlp_gitops.registry import policy
from nlp_gitops.registry.events import State, VersionState

STANDARD = RegistrySettings()
STRICT = RegistrySettings(skippable=frozenset())
NO_SHADOW = RegistrySettings(stages=("staging", "production"), skippable=frozenset())
NEW, OLD = tiny.ref("m@v1.1.0"), tiny.ref("m@v1.0.0")


def version(tag, reached=None, **changes):
    fields = {"seq": 1, "archive_sha256": f"archive {tag}", "manifest_sha256": "x",
              "model_sha256": f"model {tag}", "task": "text-classification", "labels_sha256": "ab",
              "dataset_version": "rows-v1.0.0", "prompt_version": "n/a", "source_commit": "c" * 40,
              "registered": "2026-01-05T10:00:00Z", "reached": reached}
    return VersionState(version=tag, **{**fields, **changes})


def state(*versions, **fields):
    return State("m", versions=versions, **fields)


def evidence(champion=None, **lineage):
    report = tiny.gate_report("model v1.1.0", champion)
    return {**report, "lineage": {**report["lineage"], **lineage}}


def judged(report, champion=None, test_sha256=tiny.TEST_SHA256):
    policy.check_evidence(NEW, report, version("v1.1.0"), champion, test_sha256)


# Evidence


def test_a_passing_report_about_this_model_on_this_split_against_this_champion_counts():
    champion = version("v1.0.0")

    judged(evidence(champion), champion)


def test_a_warning_counts_like_a_pass():
    judged({**evidence(), "verdict": "WARN"})


@pytest.mark.parametrize("verdict", ["FAIL", "INCONCLUSIVE", "NOT_MEASURED", "pass", None, 1])
def test_any_other_verdict_is_refused_with_1(verdict):
    with pytest.raises(CheckFailed, match="gate report says") as caught:
        judged({**evidence(), "verdict": verdict})
    assert caught.value.exit_code == 1


def test_a_report_about_another_model_is_refused_with_1():
    with pytest.raises(CheckFailed, match="another model") as caught:
        judged(evidence(model_sha256="model v9.9.9"))
    assert caught.value.exit_code == 1


def test_a_report_on_another_test_split_is_refused_with_1():
    with pytest.raises(CheckFailed, match="another test split") as caught:
        judged(evidence(), test_sha256="other")
    assert caught.value.exit_code == 1


def test_a_report_without_lineage_is_refused_with_1():
    with pytest.raises(CheckFailed, match="another model"):
        judged({"verdict": "PASS"})


def test_a_report_without_champion_is_refused_with_1_where_there_is_one():
    with pytest.raises(CheckFailed, match="compares with no champion") as caught:
        judged(evidence(), version("v1.0.0"))
    assert caught.value.exit_code == 1


def test_a_report_against_another_champion_is_a_conflict_with_4():
    with pytest.raises(Conflict, match="compares with v0.9.0, but v1.0.0") as caught:
        judged(evidence(version("v0.9.0")), version("v1.0.0"))
    assert caught.value.exit_code == 4


def test_the_champion_itself_is_not_compared_with_itself():
    judged(evidence(), champion=version("v1.1.0"))


def test_a_report_against_a_champion_that_is_gone_from_production_still_counts():
    judged(evidence(version("v1.0.0")), champion=None)


# The order of stages


@pytest.mark.parametrize("reached, stage", [
    (None, "staging"), ("archived", "staging"), ("production", "staging"),
    ("staging", "shadow"), ("staging", "production"), ("shadow", "production"),
    ("production", "shadow"), (None, "archived"), ("staging", "archived"), ("shadow", "archived")])
def test_the_standard_order_allows(reached, stage):
    found = version("v1.1.0", reached)

    assert policy.check_order(state(found), found, stage, STANDARD) == reached


@pytest.mark.parametrize("reached, stage, settings, before", [
    (None, "shadow", STANDARD, "staging"), (None, "production", STANDARD, "staging"),
    ("archived", "production", STANDARD, "staging"), ("archived", "shadow", STANDARD, "staging"),
    ("staging", "production", STRICT, "shadow"), (None, "production", NO_SHADOW, "staging")])
def test_a_stage_that_may_not_be_skipped_is_named_with_1(reached, stage, settings, before):
    found = version("v1.1.0", reached)

    with pytest.raises(CheckFailed, match=f"cannot go to {stage} before {before}") as caught:
        policy.check_order(state(found), found, stage, settings)
    assert caught.value.exit_code == 1


def test_without_shadow_staging_goes_to_production():
    found = version("v1.1.0", "staging")

    assert policy.check_order(state(found), found, "production", NO_SHADOW) == "staging"


def test_the_version_in_production_cannot_be_archived():
    found = version("v1.1.0", "production")

    with pytest.raises(CheckFailed, match="only replaced") as caught:
        policy.check_order(state(found, stages={"production": "v1.1.0"}), found, "archived",
                           STANDARD)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("text", ["Staging", "SHADOW", "production", "Archived"])
def test_a_stage_is_taken_in_any_case(text):
    assert policy.check_stage(text, STANDARD) == text.lower()


@pytest.mark.parametrize("text, settings", [("prod", STANDARD), ("", STANDARD),
                                            ("shadow", NO_SHADOW)])
def test_a_stage_that_is_none_is_usage_and_the_stages_are_listed(text, settings):
    with pytest.raises(UsageError, match="there are staging, .*production, archived"):
        policy.check_stage(text, settings)


# Revoked versions


def revoked():
    return state(version("v1.1.0"), revoked=("v1.1.0",))


def test_a_revoked_version_is_refused_with_1():
    with pytest.raises(CheckFailed, match="--unrevoke") as caught:
        policy.check_revoked(revoked(), NEW, "staging", False, None)
    assert caught.value.exit_code == 1


def test_a_revoked_version_may_be_archived_and_stays_revoked():
    assert policy.check_revoked(revoked(), NEW, "archived", False, None) is False


def test_unrevoke_with_a_reason_lifts_the_revocation():
    assert policy.check_revoked(revoked(), NEW, "staging", True, "false alarm") is True


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_unrevoke_without_a_reason_is_usage(reason):
    with pytest.raises(UsageError, match="needs --reason"):
        policy.check_revoked(revoked(), NEW, "staging", True, reason)


def test_unrevoke_of_a_version_that_is_not_revoked_lifts_nothing():
    assert policy.check_revoked(revoked(), OLD, "staging", True, "to be safe") is False


# Expectations


@pytest.mark.parametrize("holder, expected", [("v1.0.0", None), ("v1.0.0", "v1.0.0"),
                                              (None, "none")])
def test_an_expectation_that_holds(holder, expected):
    policy.check_current(state(stages={"production": holder} if holder else {}), "production",
                         expected)


@pytest.mark.parametrize("holder, expected", [("v1.0.0", "v0.9.0"), ("v1.0.0", "none"),
                                              (None, "v1.0.0")])
def test_an_expectation_that_does_not_hold_is_a_conflict_with_4(holder, expected):
    with pytest.raises(Conflict, match="as expected") as caught:
        policy.check_current(state(stages={"production": holder} if holder else {}), "production",
                             expected)
    assert caught.value.exit_code == 4


# Rollback


def went(*production, revoked=()):
    return state(stages={"production": production[-1]}, production=production, revoked=revoked)


def test_rollback_goes_to_the_last_other_version_that_is_good():
    past = went("v1.0.0", "v1.1.0", "v1.2.0", "v1.1.0", "v1.3.0", revoked=("v1.2.0",))

    assert policy.rollback_targets(past, None) == ["v1.1.0", "v1.0.0"]


def test_rollback_goes_to_the_wanted_version():
    assert policy.rollback_targets(went("v1.0.0", "v1.1.0", "v1.2.0"), "v1.0.0") == ["v1.0.0"]


@pytest.mark.parametrize("past, wanted, why", [
    (state(), None, "nothing to roll back"), (went("v1.0.0"), None, "no earlier good version"),
    (went("v1.0.0", "v1.1.0", revoked=("v1.0.0",)), None, "no earlier good version"),
    (went("v1.0.0", "v1.1.0", revoked=("v1.0.0",)), "v1.0.0",
     "m@v1.0.0 was revoked, so it is no earlier good version; leave --to out, or name another"),
    (went("v1.0.0", "v1.1.0"), "v0.9.0", "was not in production"),
    (went("v1.0.0", "v1.1.0"), "v1.1.0", "was not in production")])
def test_rollback_without_a_target_is_a_conflict_with_4(past, wanted, why):
    with pytest.raises(Conflict, match=why) as caught:
        policy.rollback_targets(past, wanted)
    assert caught.value.exit_code == 4


# Numbers


@pytest.mark.parametrize("changes, number", [
    ({}, "v1.2.4"), ({"dataset_version": "rows-v1.0.1"}, "v1.3.0"),
    ({"prompt_version": "0.2.0"}, "v1.3.0"), ({"labels_sha256": "abc"}, "v2.0.0"),
    ({"task": "prompt-classification"}, "v2.0.0"),
    ({"task": "prompt-classification", "dataset_version": "rows-v2.0.0"}, "v2.0.0")])
def test_the_next_number_says_what_changed_since_the_largest(changes, number):
    known = state(version("v0.9.0", dataset_version="rows-v0.1.0"), version("v1.2.3"))
    made = {"task": "text-classification", "labels_sha256": "ab",
            "dataset_version": "rows-v1.0.0", "prompt_version": "n/a", **changes}

    assert policy.next_version(known, **made).tag == number


def test_the_first_number_is_1_0_0():
    assert policy.next_version(state(), "t", "l", "d", "p").tag == "v1.0.0"
