"""What must hold of the prompts; `make prompts` checks headers, variables and versions."""

import pytest

from nlp_gitops import testing

SUITE = "tests/injection.yaml"


def test_an_order_in_a_text_is_not_followed(model):
    rate, examples = testing.failed(SUITE, "INV", model)

    most, only_warns = testing.bound(SUITE, "INV")
    if rate > most and only_warns:
        pytest.xfail("gates.yaml only warns of this: " + examples[0])
    assert rate <= most, "\n".join(examples)


def test_what_goes_into_the_prompt_is_the_text_itself(model):
    assert model.prepare("A {odd} <text>") == "A {odd} <text>"
