"""`make live-check` against the stand-in: the same steps as on GitHub, and what it says."""

import os
import sys

import pytest
from baking import ROOT, environment, git, run
from github_life import HURRY
from github_standin.server import running
from github_standin.world import TOKEN

REPOSITORY = "acme/empty"


def check(hub, bare, *options, **env):
    """Run the live check with GitHub's address leading to a bare repository."""
    return run(sys.executable, ROOT / "scripts" / "live_check.py", REPOSITORY, *options,
               cwd=bare.parent, check=False, timeout=900, env=environment(**{
                   "GITHUB_API_URL": hub.url, "GITHUB_TOKEN": TOKEN, "GIT_CONFIG_COUNT": "1",
                   "GIT_CONFIG_KEY_0": f"url.file://{bare}.insteadOf", "TMPDIR": str(bare.parent),
                   "GIT_CONFIG_VALUE_0": f"https://github.com/{REPOSITORY}.git",
                   "PYTHONPATH": HURRY, **env}))


@pytest.mark.heavy
def test_every_step_is_ok_and_what_was_made_is_cleaned_up(tmp_path):
    bare = tmp_path / "empty.git"
    run("git", "init", "--quiet", "--bare", "--initial-branch=main", bare, cwd=tmp_path)
    with running(tmp_path / "hub") as hub:
        repository = hub.add(REPOSITORY, bare=bare)
        done = check(hub, bare, "--clean")
        again = check(hub, bare)

    lines = [line for line in done.stdout.splitlines() if line.startswith(("OK", "FAILED"))]
    assert done.returncode == 0 and len(lines) == 16, done.stdout + done.stderr
    assert all(line.startswith("OK ") for line in lines)
    assert repository.releases == {} and hub.protests == []
    assert git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert again.returncode == 1 and "has 2 refs already" in again.stdout


def test_without_a_token_one_line_says_so(tmp_path):
    with running(tmp_path / "hub") as hub:
        done = check(hub, tmp_path / "none.git", GITHUB_TOKEN="", PATH=os.path.dirname(
            sys.executable))

    assert done.returncode == 3 and done.stdout == "" and len(done.stderr.splitlines()) == 1
