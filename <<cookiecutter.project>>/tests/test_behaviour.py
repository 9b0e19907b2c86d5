"""Plain opinions must be read rightly, whatever the test split holds: tests/behaviour.yaml."""

import pytest

from nlp_gitops import testing

SUITE = "tests/behaviour.yaml"


@pytest.mark.parametrize("kind", ["MFT", "INV", "DIR"])
def test_no_more_cases_fail_than_gates_yaml_tolerates(model, kind):
    rate, examples = testing.failed(SUITE, kind, model)

    most, only_warns = testing.bound(SUITE, kind)
    if rate > most and only_warns:
        pytest.xfail("gates.yaml only warns of this: " + examples[0])
    assert rate <= most, "\n".join(examples)
