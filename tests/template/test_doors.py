"""The files in tools/: each leads to the command of its name, and does nothing when imported."""

import runpy
import sys

import pytest
from baking import TEMPLATE, bake, run

DOORS = sorted(path.stem for path in (TEMPLATE / "tools").glob("*.py") if path.stem != "door")


@pytest.mark.parametrize("name", DOORS)
def test_a_process_that_a_command_starts_does_not_run_the_command_again(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])

    # As multiprocessing does in the workers of a Dask cluster.
    runpy.run_path(str(TEMPLATE / "tools" / f"{name}.py"), run_name="__mp_main__")

    assert capsys.readouterr() == ("", "")


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    return bake(tmp_path_factory.mktemp("doors") / "out")


@pytest.mark.parametrize("name", DOORS)
def test_a_door_says_what_it_reads_writes_and_decides_and_leads_to_its_command(generated, name):
    text = (generated / "tools" / f"{name}.py").read_text("utf-8")

    assert all(f"\n{word}" in text for word in ("Reads ", "Writes ", "Decides "))
    assert text.endswith(f'    run("{name}")\n')
    said = run(sys.executable, f"tools/{name}.py", "--help", cwd=generated).stdout
    assert said.startswith(f"usage: {name}.py")
