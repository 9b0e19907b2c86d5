"""Names and versions: what is accepted, and what is refused with a hint."""

from datetime import datetime, timezone

import pytest

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef, Version, check_model_name, run_name


@pytest.mark.parametrize("name", ["a", "review-sentiment", "ner2", "0-1", "x" * 63])
def test_good_model_names(name):
    assert check_model_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a/b", "a@b", "a#b", "a b", "ä",
                                  "x" * 64, "../a", "a\n"])
def test_bad_model_names(name):
    with pytest.raises(UsageError, match="model name"):
        check_model_name(name)


def test_a_reference_is_name_and_version():
    assert str(ModelRef.parse("a@v1.2.3")) == "a@v1.2.3"


@pytest.mark.parametrize("text", ["a", "a@", "a@1", "a@v1.2", "a@v01.2.3", "a@v1.2.3-rc1",
                                  "@v1.2.3", "a@v1.2.3\n"])
def test_bad_references(text):
    with pytest.raises(UsageError):
        ModelRef.parse(text)


def test_versions_are_ordered_by_number_not_by_text():
    assert Version.parse("v1.10.0") > Version.parse("1.9.9")


def test_bumping_resets_the_smaller_parts():
    version = Version(1, 2, 3)

    assert [str(version.bumped(part)) for part in ("major", "minor", "patch")] == [
        "2.0.0", "1.3.0", "1.2.4"]


def test_a_run_name_says_when_what_and_from_which_commit():
    at = datetime(2026, 1, 5, 10, 15, 0, tzinfo=timezone.utc)

    assert run_name(at, "ner", "1.2.0", "n/a", "abc1234def") == (
        "20260105-101500Z_ner_d1.2.0_pna_abc1234")
