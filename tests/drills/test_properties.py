"""The unit tests whose inputs are drawn at random, with ten times as many of them."""

import sys

import pytest
from baking import ROOT, run

pytestmark = pytest.mark.heavy


def test_every_property_holds_for_many_more_inputs(capsys):
    done = run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "hypothesis",
               "--hypothesis-profile=many", "tests/unit", cwd=ROOT, timeout=7200)

    with capsys.disabled():
        print(done.stdout)
