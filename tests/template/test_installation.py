"""A repository whose machinery is not what it locks says so in one line, before anything runs."""

import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from baking import once, run, tool


def said(done) -> str:
    """Return the one line that a command ended with."""
    assert "Traceback" not in done.stderr
    [line] = done.stderr.strip().splitlines()
    return line


def vendored(project: Path) -> Path:
    [wheel] = (project / "vendor").glob("*.whl")
    return wheel


def test_a_missing_wheel(project):
    wheel = vendored(project)
    wheel.unlink()

    done = tool(project, "train", check=False)

    assert done.returncode == 2
    assert said(done) == (f"error: {wheel}: not there, and requirements.txt locks it; type: "
                          f"git checkout -- vendor/{wheel.name} requirements.txt")
    assert not (project / "runs").exists()


def test_a_changed_wheel(project):
    wheel = vendored(project)
    wheel.write_bytes(wheel.read_bytes() + b" ")

    done = tool(project, "registry", "show", check=False)

    assert done.returncode == 2
    assert said(done).startswith(f"error: {wheel}: its sha256 is ")
    assert said(done).endswith("then make setup")


def test_a_lock_of_another_hash(project):
    lock = project / "requirements.txt"
    text = lock.read_text()
    at = text.index("--hash=sha256:", text.index("./vendor/")) + len("--hash=sha256:")
    lock.write_text(text[:at] + "0" * 64 + text[at + 64:])

    done = tool(project, "check_schema", "data/dataset.yaml", check=False)

    assert done.returncode == 2
    assert "requirements.txt locks 000000000000…" in said(done)


def test_a_wheel_that_is_no_wheel_is_not_installed(project):
    wheel, lock = vendored(project), project / "requirements.txt"
    wheel.write_bytes(b"nothing")
    lock.write_text(re.sub(r"(\./vendor/.* \\\n    --hash=sha256:)[0-9a-f]{64}",
                           lambda match: match[1] + hashlib.sha256(b"nothing").hexdigest(),
                           lock.read_text()))

    done = tool(project, "train", check=False)

    assert done.returncode == 2
    assert said(done) == (f"error: {wheel}: not a wheel of nlp-gitops; type: git checkout -- "
                          "vendor")


def test_an_environment_that_was_set_up_for_another_wheel(project, tmp_path, venv):
    own = tmp_path / "venv"
    shutil.copytree(venv, own, symlinks=True, copy_function=os.link)
    [record] = own.glob("lib/python*/site-packages/nlp_gitops-*.dist-info/RECORD")
    changed = record.read_text().replace("nlp_gitops/core/errors.py,sha256=",
                                         "nlp_gitops/core/errors.py,sha256=0")
    record.unlink()
    record.write_text(changed)
    (project / ".venv").unlink()
    (project / ".venv").symlink_to(own)

    done = tool(project, "train", check=False)

    assert done.returncode == 2
    assert said(done).endswith(f"is not the one in vendor/{vendored(project).name}; "
                               "type: make setup")


def test_two_versions_at_once(project, tmp_path, venv):
    [folder] = venv.glob("lib/python*/site-packages")
    second = tmp_path / "second"
    for name in ("nlp_gitops", *(path.name for path in folder.glob("nlp_gitops-*.dist-info"))):
        shutil.copytree(folder / name, second / name)

    done = tool(project, "train", check=False, PYTHONPATH=str(second))

    assert done.returncode == 2
    assert said(done).startswith("error: nlp-gitops is installed twice: ")
    assert "pip uninstall nlp-gitops" in said(done)


def test_without_the_virtual_environment(project, tmp_path):
    bare = once("bare-python", install_nothing) / "bin" / "python"

    done = run(bare, "tools/train.py", cwd=project, check=False)

    assert done.returncode == 2
    assert said(done) == (f"error: nlp_gitops is not installed for {bare}; type: make setup, "
                          "then . .venv/bin/activate")


def install_nothing(folder: Path) -> None:
    """Make an environment without any package."""
    run("uv", "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)


def test_an_old_python(project):
    code = ("import runpy, sys; sys.version_info = (3, 9, 2); sys.argv = ['tools/train.py']; "
            "sys.path[0] = 'tools'; runpy.run_path('tools/train.py', run_name='__main__')")

    done = run(sys.executable, "-c", code, cwd=project, check=False)

    assert done.returncode == 2
    assert said(done) == ("error: Python 3.11 or newer is needed, and this is 3.9; type: make "
                          "setup, then . .venv/bin/activate")


def test_an_nlp_package_of_another_project_on_the_path(project, tmp_path):
    (project / "nlp" / "__init__.py").unlink()
    other = tmp_path / "other"
    (other / "nlp").mkdir(parents=True)
    (other / "nlp" / "__init__.py").write_text("")
    code = ("import sys; sys.path.insert(0, sys.argv.pop(1)); import nlp; "
            "from nlp_gitops.cli.main import main; main(['train'])")

    done = run(project / ".venv" / "bin" / "python", "-c", code, other, cwd=project, check=False)

    assert done.returncode == 2
    assert f"the package nlp is that of another project, {other / 'nlp'}" in said(done)


@pytest.mark.parametrize("folder", ["data", "nlp"])
def test_from_a_subfolder_it_is_the_same_repository(project, folder):
    done = run(project / ".venv" / "bin" / "python", "../tools/check_schema.py",
               "../data/dataset.yaml", cwd=project / folder)

    assert done.stdout.endswith("SCHEMA: PASS 6,000 rows\n")


def test_outside_of_any_repository(tmp_path, venv):
    done = run(venv / "bin" / "nlp-gitops", "train", cwd=tmp_path, check=False)

    assert done.returncode == 2
    assert said(done) == (f"error: {tmp_path}: no project.yaml here or above; run this inside the "
                          "repository")


def test_a_link_as_environment_is_never_emptied(project, tmp_path):
    shared = tmp_path / "shared-environment"
    shared.mkdir()
    (shared / "of-another-project").touch()
    (project / ".venv").unlink()
    (project / ".venv").symlink_to(shared)

    done = run("make", "setup", cwd=project, check=False)

    assert done.returncode != 0
    assert "error: .venv is a link" in done.stderr
    assert [path.name for path in shared.iterdir()] == ["of-another-project"]
