"""The registry's drills in full size: many writers at once, and long random histories."""

import shutil
from pathlib import Path

import pytest
from baking import bake, environment, run, with_venv

pytestmark = pytest.mark.heavy
MACHINERY = Path(__file__).resolve().parents[1] / "machinery"


@pytest.fixture(scope="module")
def project(tmp_path_factory, venv):
    """A bake with the machinery's tests added to its own."""
    folder = with_venv(bake(tmp_path_factory.mktemp("drills") / "out"), venv)
    for path in MACHINERY.glob("*.py"):
        shutil.copy2(path, folder / "tests" / path.name)
    return folder


@pytest.mark.parametrize("name, size", [
    ("test_registry_races", {"REGISTRY_RACES": "8,560"}),
    ("test_registry_states", {"REGISTRY_EXAMPLES": "60", "REGISTRY_STEPS": "50"})])
def test_a_drill_in_full_size(project, tmp_path, capsys, name, size):
    done = run(project / ".venv" / "bin" / "python", "-m", "pytest", f"tests/{name}.py",
               cwd=project, env=environment(TMPDIR=str(tmp_path), **size), timeout=7200)

    with capsys.disabled():
        print(done.stdout)
