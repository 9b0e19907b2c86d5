"""The registry on bad days: full disks, dead remotes, wrong clocks. Each ends in one clear line.

What was acknowledged is there afterwards, and `verify` finds nothing after `doctor --repair`.
"""

import json
import os
import shutil
import subprocess
import time

import pytest
from baking import commit, environment, git, run, tool, with_venv
from registry_kit import NAME, artifacts, copied, origin, stages, team_with_a_version, verify

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture(scope="module")
def registered(venv):
    return team_with_a_version(venv)


@pytest.fixture
def project(registered, tmp_path):
    return copied(registered, tmp_path / "team")


def promote(project, check=True, **env):
    return tool(project, "promote", "@staging", "--to", "production", "--registry", "origin",
                check=check, **env)


def push(project, check=True, **env):
    return tool(project, "push_to_registry", "--from", str(project.parent / "made-1"),
                "--registry", "origin", check=check, **env)


def one_line(done, code, *words):
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert all(word in done.stderr for word in words), done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A file system of four MiB; the fixture unmounts it."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder],
                          capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mount does not work here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@AS_ROOT
def test_a_full_disk_for_archives_registers_nothing_and_leaves_nothing(project, small_disk):
    artifacts(project).rename(project.parent / "old-artifacts")
    (project.parent / "origin-artifacts").symlink_to(small_disk)
    shutil.copytree(project.parent / "old-artifacts", small_disk, dirs_exist_ok=True)
    (project.parent / "made-1" / "model" / "big.bin").write_bytes(os.urandom(8 << 20))
    judged_again(project)

    one_line(push(project, check=False), 3, "no space left", "nothing was registered")

    assert stages(project) == {"staging": "v1.0.0"} and verify(project) == []
    assert not list(small_disk.rglob(".incoming-*"))


def judged_again(project):
    """Let the waiting model's report be about its present files."""
    from registry_kit import about, sha256_tree

    folder = project.parent / "made-1"
    path = folder / "evaluation" / "report.json"
    path.write_text(json.dumps(about(json.loads(path.read_text()), sha256_tree(folder / "model"),
                                     None)))


@AS_ROOT
def test_a_full_disk_of_the_remote_loses_nothing(project, small_disk):
    shutil.copytree(origin(project), small_disk / "origin.git")
    git(project, "remote", "set-url", "origin", str(small_disk / "origin.git"))
    shutil.move(artifacts(project), small_disk / "origin-artifacts")
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as stream, pytest.raises(OSError):
        while True:
            stream.write(bytes(1024))

    one_line(promote(project, check=False), 3, "cannot write the registry of origin",
             "No space left")
    filler.unlink()

    assert stages(project) == {"staging": "v1.0.0"} and verify(project) == []
    promote(project)
    assert stages(project)["production"] == "v1.0.0" and verify(project) == []


@AS_ROOT
@pytest.mark.parametrize("part", ["origin.git", "origin-artifacts"])
def test_a_place_that_cannot_be_written_is_one_line(project, part):
    place = project.parent / part
    run("mount", "--bind", place, place, cwd=project)
    try:
        run("mount", "-o", "remount,bind,ro", place, cwd=project)
        pushed = push(project, check=False)
        shown = stages(project)
    finally:
        run("umount", place, cwd=project)

    one_line(pushed, 3, "Read-only file system" if part == "origin-artifacts" else "read-only")
    assert shown == stages(project) == {"staging": "v1.0.0"}
    assert verify(project) == []


KILL = """#!/bin/sh
[ -e "$GIT_DIR/die" ] || exit 0
rm "$GIT_DIR/die"
kill -9 "$PPID"
"""


@pytest.mark.parametrize("hook, landed", [("pre-receive", False), ("post-receive", True)])
def test_a_remote_that_dies_in_mid_push_leaves_all_or_nothing(project, hook, landed):
    path = origin(project) / "hooks" / hook
    path.write_text(KILL.replace("$GIT_DIR", str(origin(project))))
    path.chmod(0o755)
    (origin(project) / "die").touch()

    done = promote(project, check=False)
    repaired = tool(project, "registry", "doctor", "--repair", "--registry", "origin", check=False)

    assert not (origin(project) / "die").exists()
    assert done.returncode == (0 if landed else 3), done.stderr
    assert "Traceback" not in done.stderr and repaired.returncode == 0
    assert ("production" in stages(project)) == landed and verify(project) == []
    promote(project)
    assert stages(project)["production"] == "v1.0.0" and verify(project) == []


@pytest.mark.parametrize("lost", ["refs/tags", "refs/heads/registry"])
def test_a_torn_push_is_finished_or_taken_back(project, lost):
    before = git(origin(project), "rev-parse", "registry")
    promote(project)
    if lost == "refs/tags":
        git(origin(project), "update-ref", "-d", f"refs/tags/{NAME}#production#3")
    else:
        git(origin(project), "update-ref", "refs/heads/registry", before)
        git(project, "update-ref", git(project, "for-each-ref", "--format=%(refname)",
                                       "refs/nlp-registry/origin"), before)

    looked = tool(project, "registry", "doctor", "--registry", "origin", check=False)
    mended = tool(project, "registry", "doctor", "--repair", "--registry", "origin", check=False)

    assert looked.returncode == 1 and "--repair" in looked.stdout
    assert mended.returncode == 0 and f"mended: tag {NAME}#production#3" in mended.stdout
    assert verify(project) == []
    assert stages(project).get("production") == ("v1.0.0" if lost == "refs/tags" else None)
    assert promote(project).returncode == 0 and verify(project) == []


def test_a_tag_that_is_made_again_is_the_same_byte_for_byte(project):
    for name in (f"{NAME}@v1.0.0", f"{NAME}#staging#2"):
        before = git(origin(project), "rev-parse", f"refs/tags/{name}")
        git(origin(project), "update-ref", "-d", f"refs/tags/{name}")

        tool(project, "registry", "doctor", "--repair", "--registry", "origin",
             GIT_COMMITTER_NAME="somebody else", GIT_COMMITTER_EMAIL="else@localhost")

        assert git(origin(project), "rev-parse", f"refs/tags/{name}") == before


@pytest.mark.heavy
def test_stale_locks_and_leftovers_go_but_fresh_ones_stay(project):
    shelf = artifacts(project) / "sha256" / "ab"
    shelf.mkdir(parents=True, exist_ok=True)
    stale = [origin(project) / "packed-refs.lock", origin(project) / "refs/heads/registry.lock",
             project / ".git/refs/nlp-registry/origin.lock", shelf / ".incoming-old"]
    fresh = [origin(project) / "refs/heads/main.lock", shelf / ".incoming-new"]
    for path in (*stale, *fresh):
        path.touch()
    for path in stale:
        os.utime(path, (1, 1))
    for path in fresh:
        # However slow this machine is, they stay younger than ten seconds.
        os.utime(path, (time.time() + 3600,) * 2)

    assert promote(project, check=False).returncode != 0
    looked = tool(project, "registry", "doctor", "--registry", "origin", check=False)
    mended = tool(project, "registry", "doctor", "--repair", "--registry", "origin")

    assert looked.returncode in (1, 3)
    assert all(str(path) in mended.stdout for path in stale)
    assert not any(path.exists() for path in stale) and all(path.exists() for path in fresh)
    promote(project)
    assert verify(project) == []


def test_the_lock_of_a_process_at_work_stays(project):
    lock = origin(project) / "packed-refs.lock"
    lock.touch()
    os.utime(lock, (1, 1))
    with subprocess.Popen(["sleep", "600"], cwd=origin(project)) as at_work:
        tool(project, "registry", "doctor", "--repair", "--registry", "origin")
        assert lock.exists()
        at_work.kill()

    tool(project, "registry", "doctor", "--repair", "--registry", "origin")
    assert not lock.exists()


def test_a_missing_hook_is_found_and_installed(project):
    hook = origin(project) / "hooks" / "update"
    hook.unlink()

    looked = tool(project, "registry", "doctor", "--registry", "origin", check=False)
    tool(project, "registry", "doctor", "--repair", "--registry", "origin")

    assert looked.returncode == 1 and "init-remote" in looked.stdout
    assert hook.is_file() and os.access(hook, os.X_OK)


def test_a_foreign_tag_is_reported_and_never_deleted(project):
    git(origin(project), "-c", "user.name=a", "-c", "user.email=b", "tag", "-m", "by hand",
        f"{NAME}@v7.0.0", "registry")

    done = tool(project, "registry", "doctor", "--repair", "--registry", "origin", check=False)

    assert done.returncode == 1 and "put in by hand" in done.stdout
    assert git(origin(project), "tag", "--list", f"{NAME}@v7.0.0")


def test_doctor_and_verify_of_a_remote_that_is_gone_are_one_line(project):
    shutil.rmtree(origin(project))

    for arguments in (["verify"], ["doctor"], ["doctor", "--repair"]):
        one_line(tool(project, "registry", *arguments, "--registry", "origin", check=False), 3,
                 "cannot read")


def test_doctor_of_an_empty_registry_has_nothing_to_say(project):
    for arguments in (["verify"], ["doctor", "--repair"]):
        assert tool(project, "registry", *arguments, "--registry", "local").returncode == 0
    assert not (project / ".registry").exists()


def test_a_stale_clone_goes_on_from_what_is_there_now(project, venv, tmp_path):
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", origin(project), clone, cwd=tmp_path)
    with_venv(clone, venv)
    assert stages(clone) == {"staging": "v1.0.0"}
    promote(project)
    push_elsewhere(project)

    done = tool(clone, "promote", f"{NAME}@v1.0.0", "--to", "production", "--registry", "origin")

    assert "nothing to do" in done.stdout
    assert stages(clone) == stages(project) and verify(clone) == []


def push_elsewhere(project):
    from registry_kit import against_champion

    against_champion(project, project.parent / "made-1" / "evaluation" / "report.json")
    push(project)


@pytest.mark.parametrize("options", [["--depth=1"], ["--depth=1", "--no-single-branch"]])
def test_a_shallow_clone_reads_and_writes_and_says_what_it_cannot_verify(project, venv, tmp_path,
                                                                         options):
    git(project, "push", "--quiet", "origin", "main")
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", *options, f"file://{origin(project)}", clone, cwd=tmp_path)
    git(clone, "remote", "set-url", "origin", str(origin(project)))
    with_venv(clone, venv)

    tool(clone, "promote", f"{NAME}@v1.0.0", "--to", "production", "--registry", "origin")

    assert stages(clone) == stages(project) == {"staging": "v1.0.0", "production": "v1.0.0"}
    assert verify(project) == []
    checked = tool(clone, "registry", "verify", "--registry", "origin", check=False)
    if checked.returncode:
        one_line(checked, 3, "git fetch --unshallow")
    git(clone, "fetch", "--quiet", "--unshallow", "origin")
    assert verify(clone) == []


def clock(tmp_path, offset):
    """Return an environment whose Python runs `offset` seconds beside the true time."""
    folder = tmp_path / "clock"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        "import os, time\nnow = time.time\n"
        "time.time = lambda: now() + int(os.environ['CLOCK_OFFSET'])\n")
    return {"PYTHONPATH": str(folder), "CLOCK_OFFSET": str(offset)}


def test_clocks_an_hour_off_change_neither_the_order_nor_what_gto_says(project, tmp_path):
    promote(project, **clock(tmp_path, 3600))
    push_elsewhere(project)
    against = project.parent / "made-1" / "evaluation" / "report.json"
    tool(project, "promote", f"{NAME}@v1.0.1", "--to", "production", "--registry", "origin",
         "--evidence", str(against), **clock(tmp_path, -3600))

    held = stages(project)
    assert held == {"staging": "v1.0.1", "production": "v1.0.1", "archived": "v1.0.0"}
    assert verify(project) == []
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", origin(project), clone, cwd=tmp_path)
    seen = json.loads(run("gto", "show", "--json", cwd=clone).stdout)
    assert seen[NAME]["stage"] == held


def test_a_clock_that_stands_still_gives_every_event_its_own_second(project, tmp_path):
    folder = tmp_path / "clock"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import time\ntime.time = lambda: 1e9\n")

    promote(project, PYTHONPATH=str(folder))
    tool(project, "promote", f"{NAME}@v1.0.0", "--to", "shadow", "--registry", "origin",
         PYTHONPATH=str(folder), check=False)

    times = git(origin(project), "log", "--format=%ct", "registry").split()
    assert len(set(times[:-1])) == len(times) - 1 and times == sorted(times, reverse=True)
    assert verify(project) == []


def test_verify_while_others_write_finds_nothing(project):
    writer = subprocess.Popen(
        ["sh", "-c", "for to in production shadow staging production; do .venv/bin/python "
         f"tools/promote.py {NAME}@v1.0.0 --to $to --registry origin; done"],
        cwd=project, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while writer.poll() is None:
            assert verify(project, "--quick") == []
    finally:
        writer.wait()


def test_signed_tags_are_checked_against_the_allowed_signers(project, tmp_path):
    key = tmp_path / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "team", "-f", key, cwd=tmp_path)
    public = key.with_suffix(".pub").read_text().split()
    (project / "signers").write_text(f"team@localhost {public[0]} {public[1]}\n")
    settings = project / "project.yaml"
    settings.write_text(settings.read_text() + "  sign: true\n  allowed_signers: signers\n")
    commit(project, "Sign the tags")
    git(project, "push", "--quiet", "origin", "main")
    git(project, "config", "user.signingkey", str(key))

    promote(project)

    faults = verify(project)
    assert {fault["code"] for fault in faults} == {"R025"}
    assert {fault["subject"] for fault in faults} == {f"tag {NAME}@v1.0.0",
                                                      f"tag {NAME}#staging#2"}
    assert all("is not signed" in fault["message"] for fault in faults)


@pytest.mark.parametrize("remembered", [True, False])
def test_doctor_deletes_no_tag_while_the_ledger_is_in_doubt(project, remembered):
    promote(project)
    push_elsewhere(project)
    tool(project, "promote", "@staging", "--to", "shadow", "--registry", "origin", "--evidence",
         str(project.parent / "made-1" / "evaluation" / "report.json"))
    tags = git(origin(project), "tag", "--list")
    # Cut to the first promotion to staging: four events are gone, their tags are not.
    git(origin(project), "update-ref", "refs/heads/registry", "registry~4")
    if not remembered:
        for ref in git(project, "for-each-ref", "--format=%(refname)", "refs/nlp-registry").split():
            git(project, "update-ref", "-d", ref)

    done = tool(project, "registry", "doctor", "--repair", "--registry", "origin", check=False)

    assert done.returncode == 1
    assert ("R001" if remembered else "somebody may have cut the ledger") in done.stdout
    assert git(origin(project), "tag", "--list") == tags
