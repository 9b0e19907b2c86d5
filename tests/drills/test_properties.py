"""The unit tests again, with ten times as many inputs where they are drawn at random."""

import sys

import pytest
from baking import ROOT, run

pytestmark = pytest.mark.heavy


def test_every_property_holds_for_many_more_inputs(capsys):
    # All of them: a test with such a function inside has no mark of hypothesis.
    done = run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider",
               "--hypothesis-profile=many", "tests/unit", cwd=ROOT, timeout=7200)

    with capsys.disabled():
        print(done.stdout)
