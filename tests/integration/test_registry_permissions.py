"""The registry where file permissions are in the way: one line, nothing half done, then it goes on.

Permissions count for every command here, also where root runs the tests (see less_power.py).
"""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import less_power
import pytest
from baking import environment, git, run
from registry_kit import NAME, artifacts, copied, origin, stages, team_with_a_version, verify

LAUNCHER = [sys.executable, Path(less_power.__file__)]


@pytest.fixture(scope="module", autouse=True)
def permissions_count(tmp_path_factory):
    """Prove that a closed folder is closed for the commands of these tests."""
    folder = tmp_path_factory.mktemp("closed")
    folder.chmod(0o555)
    done = run(*LAUNCHER, "touch", folder / "x", cwd=folder, check=False)
    if done.returncode == less_power.CANNOT:
        pytest.skip(f"root cannot give up its power here: {done.stderr.strip()}")
    assert done.returncode == 1 and "denied" in done.stderr


@pytest.fixture(scope="module")
def registered(venv):
    return team_with_a_version(venv)


@pytest.fixture
def project(registered, tmp_path):
    return copied(registered, tmp_path / "team")


def limited(project, name, *arguments, **env):
    """Run a command of the project for which permissions count."""
    return run(*LAUNCHER, project / ".venv" / "bin" / "python", f"tools/{name}.py", *arguments,
               "--registry", "origin", cwd=project, env=environment(**env), check=False)


def push(project):
    return limited(project, "push_to_registry", "--from", str(project.parent / "made-1"))


@contextmanager
def closed(place, mode):
    """Take permissions from a file, or from all folders of a tree, and give them back."""
    before = {path: path.stat().st_mode for path in (
        [Path(folder) for folder, _, _ in os.walk(place)] or [place])}
    try:
        # The deepest first: a closed folder shows nothing below it.
        for path in sorted(before, reverse=True):
            path.chmod(mode)
        yield
    finally:
        for path in sorted(before):
            path.chmod(before[path])


def one_line(done, code, *words):
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert all(word in done.stderr for word in words), done.stderr


# git does not say why its repository takes no objects.
@pytest.mark.parametrize("part, reason", [
    ("origin.git", "cannot write the registry of origin: its repository takes no new objects; is "
     "its disk full, or read-only?"),
    ("origin-artifacts", "Permission denied; nothing was registered")])
def test_a_place_without_the_right_to_write_is_one_line(project, part, reason):
    with closed(project.parent / part, 0o555):
        one_line(push(project), 3, reason)

    assert stages(project) == {"staging": "v1.0.0"} and verify(project) == []
    assert push(project).returncode == 0 and verify(project) == []


@pytest.mark.parametrize("command", [["show"], ["verify"], ["doctor"], ["doctor", "--repair"]])
def test_a_remote_without_the_right_to_read_is_one_line(project, command):
    with closed(origin(project), 0o000):
        one_line(limited(project, "registry", *command), 3, "cannot read the registry of origin")

    assert stages(project) == {"staging": "v1.0.0"} and verify(project) == []


def test_an_archive_without_the_right_to_read_is_not_pulled_and_said_by_verify(project):
    [archive] = artifacts(project).glob("sha256/*/*")
    with closed(archive, 0o000):
        pulled = limited(project, "registry", "pull", f"{NAME}@staging")
        checked = limited(project, "registry", "verify")

    one_line(pulled, 3, "denied")
    assert not list((project / "pulled").glob("*"))
    assert "Traceback" not in checked.stderr and checked.returncode in (1, 3)
    assert limited(project, "registry", "pull", f"{NAME}@staging").returncode == 0


def test_a_repository_of_ones_own_that_cannot_be_written_is_one_line(project):
    with closed(project / ".git", 0o555):
        one_line(push(project), 3, "denied")

    assert stages(project) == {"staging": "v1.0.0"} and verify(project) == []


def test_what_doctor_may_not_remove_stays_and_is_said(project):
    lock = origin(project) / "packed-refs.lock"
    lock.touch()
    os.utime(lock, (1, 1))
    with closed(origin(project), 0o555):
        found = limited(project, "registry", "doctor", "--repair")

    assert found.returncode == 1 and found.stderr == "" and lock.exists()
    assert f"{lock}: left behind by a process that was killed; not mended: " in found.stdout
    assert "Permission denied" in found.stdout
    assert limited(project, "registry", "doctor", "--repair").returncode == 0
    assert not lock.exists()


def test_a_hook_that_doctor_may_not_install_is_said(project):
    hook = origin(project) / "hooks" / "update"
    hook.unlink()
    with closed(origin(project) / "hooks", 0o555):
        found = limited(project, "registry", "doctor", "--repair")

    assert found.returncode == 1 and "Permission denied" in found.stdout
    assert limited(project, "registry", "doctor", "--repair").returncode == 0 and hook.is_file()


def test_a_signing_key_without_the_right_to_read_registers_nothing(project, tmp_path):
    key = tmp_path / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key, cwd=tmp_path)
    git(project, "config", "user.signingkey", str(key))
    settings = project / "project.yaml"
    settings.write_text(settings.read_text() + "  sign: true\n")
    with closed(key, 0o000):
        one_line(push(project), 2, f"ssh-keygen cannot sign with {key}: No private key")

    assert stages(project) == {"staging": "v1.0.0"} and verify(project) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to somebody else")
def test_a_remote_of_somebody_else_is_one_line_and_says_what_git_asks_for(project):
    for folder, _, names in os.walk(origin(project)):
        for name in (folder, *(os.path.join(folder, each) for each in names)):
            os.chown(name, 65534, 65534)

    one_line(limited(project, "registry", "show"), 3, "cannot read the registry of origin",
             "dubious ownership")
