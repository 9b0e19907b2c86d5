"""Several processes at once: nothing acknowledged is lost, no number is given twice.

REGISTRY_RACES=PROCESSES,EVENTS makes the drill larger; tests/drills runs it in full size.
"""

import os
import shutil
import subprocess

import pytest
import race_drill
import tiny_registry as tiny

pytestmark = pytest.mark.long

PROCESSES, EVENTS = map(int, os.environ.get("REGISTRY_RACES", "3,6").split(","))


def has_daemon():
    where = subprocess.run(["git", "--exec-path"], capture_output=True, text=True).stdout.strip()
    return shutil.which("git-daemon", path=where) is not None


@pytest.fixture(autouse=True)
def plain_git(monkeypatch):
    """Each clone writes under its own name, whatever the machine's settings are."""
    for variable in ("GITHUB_ACTIONS", "GITHUB_ACTOR", "GIT_COMMITTER_NAME", "GIT_AUTHOR_NAME"):
        monkeypatch.delenv(variable, raising=False)


def test_processes_over_a_path(tmp_path, capsys):
    bare = tiny.origin(tmp_path)

    result = race_drill.drill(tmp_path, str(bare), PROCESSES, EVENTS)

    race_drill.check(result)
    tell(capsys, "path", result)


@pytest.mark.skipif(not has_daemon(), reason="this git has no daemon")
def test_processes_over_the_git_protocol(tmp_path, capsys):
    bare = tiny.origin(tmp_path)

    with race_drill.daemon(tmp_path) as address:
        result = race_drill.drill(tmp_path, f"{address}/{bare.name}", PROCESSES, EVENTS)
        race_drill.check(result)
    tell(capsys, "git daemon", result)


def tell(capsys, what, result):
    with capsys.disabled():
        print(f"\n{what}, {PROCESSES} processes:", result.line())
