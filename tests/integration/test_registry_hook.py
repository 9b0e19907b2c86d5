"""The hook of a registry's bare repository refuses what would change the past, and nothing else."""

import socket
import subprocess
import time

import pytest
from baking import ROOT, git, run, tool
from registry_kit import NAME, annotated, copied, origin, team_with_two_versions, verify

PRODUCTION, VERSION = f"{NAME}#production#3", f"{NAME}@v1.0.0"


@pytest.fixture
def project(venv, tmp_path):
    """A team of its own."""
    return copied(team_with_two_versions(venv), tmp_path / "team")


@pytest.fixture(scope="module")
def refusing(venv, tmp_path_factory):
    """One team for all refused pushes, because they change nothing."""
    return copied(team_with_two_versions(venv), tmp_path_factory.mktemp("refusing") / "team")


@pytest.fixture
def daemon(tmp_path):
    """Serve a bare repository with `git daemon`; the fixture ends it."""
    started = []

    def serve(bare):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        started.append(subprocess.Popen(
            ["git", "daemon", "--export-all", "--enable=receive-pack", "--listen=127.0.0.1",
             f"--port={port}", f"--base-path={bare.parent}", str(bare.parent)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
        for _ in range(200):
            with socket.socket() as found:
                if found.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        return f"git://127.0.0.1:{port}/{bare.name}"

    yield serve
    for process in started:
        process.terminate()
        process.wait()


HOOK = {
    "a moved tag": (["push", "--force", "origin", f"main:refs/tags/{VERSION}"], "never moved"),
    "a deleted tag": (["push", "origin", f":refs/tags/{PRODUCTION}"], "never deleted"),
    "a deleted version": (["push", "origin", f":refs/tags/{VERSION}"], "never deleted"),
    "a lightweight tag": (["push", "origin", f"main:refs/tags/{NAME}@v7.0.0"],
                          "must be annotated"),
    "a rewritten ledger": (["push", "--force", "origin", "main:registry"], "never rewritten"),
    "a deleted ledger": (["push", "origin", ":registry"], "never deleted"),
}


@pytest.mark.parametrize("served", ["path", "daemon"])
@pytest.mark.parametrize("case", HOOK)
def test_the_hook_of_the_remote_refuses(refusing, daemon, case, served):
    arguments, reason = HOOK[case]
    if served == "daemon":
        git(refusing, "remote", "set-url", "origin", daemon(origin(refusing)))

    done = run("git", *arguments, cwd=refusing, check=False)

    assert done.returncode == 1 and reason in done.stderr
    git(refusing, "remote", "set-url", "origin", str(origin(refusing)))
    assert verify(refusing) == []


def test_the_hook_leaves_everything_else_alone_and_lets_torn_tags_go(project):
    annotated(project, f"{NAME}#production#2", "registry", "torn: event 2 is not of production")
    annotated(project, f"{NAME}@v7.0.0", "registry", "torn")
    commit_on_a_branch = "git checkout -qb topic && git commit -q --allow-empty -m x"
    run("sh", "-c", f"git config user.name a; git config user.email b; {commit_on_a_branch}",
        cwd=project)

    for arguments in (["topic"], ["--force", "main:topic"], [":topic"], ["main:refs/tags/mine"],
                      ["--force", "topic:refs/tags/mine"], [":refs/tags/mine"],
                      [f":refs/tags/{NAME}#production#2"], [f":refs/tags/{NAME}@v7.0.0"]):
        git(project, "push", "--quiet", "origin", *arguments)

    assert verify(project) == []


def test_a_hook_that_was_there_goes_on_working(tmp_path, project):
    bare = tmp_path / "old.git"
    run("git", "init", "--quiet", "--bare", bare, cwd=tmp_path)
    (bare / "hooks").mkdir(exist_ok=True)
    (bare / "hooks" / "update").write_text("#!/bin/sh\n[ \"$1\" != refs/heads/no ] || exit 1\n")
    (bare / "hooks" / "update").chmod(0o755)

    first = tool(project, "registry", "init-remote", str(bare)).stdout
    second = tool(project, "registry", "init-remote", str(bare)).stdout

    assert "goes on working" in first and "already" in second
    refused = run("git", "push", bare, "main:no", cwd=project, check=False)
    assert refused.returncode == 1 and "hook declined" in refused.stderr
    git(project, "push", "--quiet", str(bare), "main:yes")


def test_a_place_that_cannot_be_a_remote_is_one_line(tmp_path, project):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()

    for place in (tmp_path / "folder", tmp_path / "folder" / "file", project):
        done = tool(project, "registry", "init-remote", str(place), check=False)
        assert done.returncode == 2 and "no bare git repository" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_the_hook_is_clean_shell():
    run("shellcheck", ROOT / "src" / "nlp_gitops" / "registry" / "update-hook.sh", cwd=ROOT)
