"""What the tests share: one model of project.yaml, trained once on the train split."""

import pytest

from nlp_gitops import testing


@pytest.fixture(scope="session")
def model():
    return testing.trained_model()
