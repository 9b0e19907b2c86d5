"""The registry's drills in full size: many writers at once, and long random histories."""

import sys

import pytest
from baking import ROOT, environment, run

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize("name, size", [
    ("test_registry_races", {"REGISTRY_RACES": "8,560"}),
    ("test_registry_states", {"REGISTRY_EXAMPLES": "60", "REGISTRY_STEPS": "50"})])
def test_a_drill_in_full_size(tmp_path, capsys, name, size):
    done = run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider",
               f"tests/integration/small/{name}.py", cwd=ROOT,
               env=environment(TMPDIR=str(tmp_path), **size), timeout=7200)

    with capsys.disabled():
        print(done.stdout)
