"""The machinery's own tests, in a bake and its environment.

They are thorough and many. A team's repository keeps the small ones beside its own, so that its
`make check` stays fast; these stay with the template.
"""

import shutil
from pathlib import Path

import pytest
from conftest import bake, environment, run, with_venv

MACHINERY = Path(__file__).resolve().parent / "machinery"
# Packages that a project's lock file is without, by the tests that need them.
EXTRAS = {"test_cards": "huggingface_hub", "test_drift_spark": "pyarrow",
          "test_llm_endpoint": "openai"}


@pytest.fixture(scope="module")
def project(tmp_path_factory, venv):
    """A bake with the machinery's tests added to its own."""
    folder = with_venv(bake(tmp_path_factory.mktemp("machinery") / "out"), venv)
    for path in MACHINERY.glob("*.py"):
        shutil.copy2(path, folder / "tests" / path.name)
    return folder


@pytest.mark.parametrize("name", sorted(path.stem for path in MACHINERY.glob("test_*.py")))
def test_the_machinery(project, tmp_path, name):
    python, extra = project / ".venv" / "bin" / "python", tmp_path / "extra"
    if name in EXTRAS:
        run("uv", "pip", "install", "--quiet", "--python", python, "--target", extra, EXTRAS[name],
            cwd=tmp_path)
    # The first module compiles what all of them import; that took half of a small one's time.
    run(python, "-m", "pytest", f"tests/{name}.py", cwd=project, env=environment(
        TMPDIR=str(tmp_path), PYTHONPATH=str(extra), PYTHONDONTWRITEBYTECODE=""))
