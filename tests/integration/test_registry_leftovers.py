"""What a killed process leaves in the project's own repository, which is not the registry's.

`doctor` finds what is the registry's own, or surely stale, and `--repair` removes it. Everything
else in there belongs to the team.
"""

import json
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from baking import git, run, tool
from registry_kit import elsewhere, stages, team, verify

DRAFT = f"refs/nlp-registry/draft/{uuid.UUID(int=7).hex}"


@pytest.fixture(scope="module")
def project(tmp_path_factory, venv):
    """A team without any version, and a model that waits to be registered."""
    project = team(tmp_path_factory.mktemp("leftovers"), venv)
    elsewhere(project, 0)
    return project


def doctor(project, *options, registry="origin"):
    """Return (exit code, what doctor says)."""
    done = tool(project, "registry", "doctor", "--json", "--registry", registry, *options,
                check=False)
    assert done.stderr == "", done.stderr
    return done.returncode, json.loads(done.stdout)


def planted(project, name, age):
    """Put a lock into the project's own repository, as old as that."""
    path = project / ".git" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


LOCKS = {
    "a draft's lock": (f"{DRAFT}.lock", 30),
    "the lock of the last ledger seen": ("refs/nlp-registry/origin.lock", 30),
    "the lock of packed refs": ("packed-refs.lock", 90),
    "half written packed refs": ("packed-refs.new", 90),
}


@pytest.mark.parametrize("case", LOCKS)
def test_a_stale_lock_is_found_and_removed_on_request(project, case):
    path = planted(project, *LOCKS[case])

    looked, found = doctor(project)
    still_there = path.exists()
    mended, said = doctor(project, "--repair")

    assert looked == 1 and still_there
    assert [item["subject"] for item in found["troubles"]] == [str(path)]
    assert found["troubles"][0]["remedy"] == "--repair removes it"
    assert mended == 0 and len(said["mended"]) == 1 and not path.exists()


FOREIGN = {
    "a fresh draft's lock": (f"{DRAFT}.lock", -3600),
    "a fresh lock of packed refs": ("packed-refs.lock", -3600),
    "packed refs locked for half a minute": ("packed-refs.lock", 30),
    "the index, which is the person's": ("index.lock", 90_000),
    "HEAD": ("HEAD.lock", 90_000),
    "a branch": ("refs/heads/main.lock", 90_000),
    "the settings": ("config.lock", 90_000),
    "an object": ("objects/pack/tmp_pack_x", 90_000),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_is_fresh_or_not_ours_stays_and_is_not_mentioned(project, case):
    path = planted(project, *FOREIGN[case])

    code, found = doctor(project, "--repair")

    assert code == 0 and found["mended"] == [] and path.exists()
    path.unlink()


@pytest.mark.parametrize("place", ["", "docs", ".git"])
def test_no_lock_is_touched_while_git_works_here(project, place):
    path = planted(project, "packed-refs.lock", 90)
    # It waits for its input, as a long fetch waits for its server.
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=project / place,
                          stdin=subprocess.PIPE) as at_work:
        code, found = doctor(project, "--repair")
        kept = path.exists()
        at_work.stdin.close()

    assert (code, found["mended"], kept) == (0, [], True)
    assert doctor(project, "--repair")[0] == 0 and not path.exists()


def test_no_lock_is_touched_while_git_works_in_another_work_tree(project, tmp_path):
    git(project, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    path = planted(project, "packed-refs.lock", 90)
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=tmp_path / "tree",
                          stdin=subprocess.PIPE) as at_work:
        doctor(project, "--repair")
        kept = path.exists()
        at_work.stdin.close()

    assert kept and doctor(project, "--repair")[0] == 0 and not path.exists()
    git(project, "worktree", "remove", "--force", str(tmp_path / "tree"))


def test_an_editor_or_shell_in_the_project_does_not_keep_a_lock(project):
    path = planted(project, "packed-refs.lock", 90)
    with subprocess.Popen(["sleep", "600"], cwd=project) as shell:
        doctor(project, "--repair")
        shell.kill()

    assert not path.exists()


@pytest.mark.parametrize("place", ["the project", "a remote on this machine"])
def test_a_draft_that_served_to_write_or_send_a_commit_is_removed_after_an_hour(project, place):
    repo = project if place == "the project" else Path(git(project, "remote", "get-url", "origin"))
    tree = git(repo, "rev-parse", "main^{tree}")
    made = {}
    for name, age in (("old", 7200), ("new", 60)):
        when = f"{int(time.time()) - age} +0000"
        oid = run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", "-m", name,
                  tree, cwd=repo, env={**os.environ, "GIT_COMMITTER_DATE": when}).stdout.strip()
        made[name] = f"refs/nlp-registry/draft/{name}"
        git(repo, "update-ref", made[name], oid)
    git(repo, "pack-refs", "--all")

    looked, found = doctor(project)
    mended, _ = doctor(project, "--repair")

    assert looked == 1 and [item["subject"] for item in found["troubles"]] == [made["old"]]
    assert mended == 0
    assert git(repo, "for-each-ref", "--format=%(refname)",
               "refs/nlp-registry/draft/") == made["new"]
    git(repo, "update-ref", "-d", made["new"])


# Lets git do its work, and kills who asked for it.
GIT = """#!/bin/sh
"$GIT" "$@" || exit
case "$*" in *" fast-import "*|*" mktag"*) kill -9 $PPID;; esac
"""


@pytest.mark.parametrize("step", ["fast-import ", "mktag"])
def test_a_kill_at_the_very_first_event_leaves_nothing_and_it_happens_once(project, tmp_path, step):
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(GIT.replace('*" fast-import "*|*" mktag"*', f'*" {step}"*'))
    wrapper.chmod(0o755)
    real = run("sh", "-c", "command -v git", cwd=tmp_path).stdout.strip()
    shutil.rmtree(project / ".registry", ignore_errors=True)
    words = ("push_to_registry", "--from", str(project.parent / "made-0"), "--registry", "local")

    killed = tool(project, *words, check=False, GIT=real,
                  PATH=f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    found = doctor(project, registry="local")
    left = [*(project / ".git").rglob("*.lock"), *(project / ".git").glob("refs/*/draft/*")]
    # Whoever else died here does not keep the registry from its work.
    lock = planted(project, "packed-refs.lock", 90)
    tool(project, *words)

    assert killed.returncode == -9 and left == []
    assert found == (0, {**found[1], "mended": [], "troubles": [], "faults": []})
    assert stages(project, "local") == {"staging": "v1.0.0"}
    lock.unlink()
    assert verify(project, registry="local") == []
