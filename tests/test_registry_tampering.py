"""Whoever changes the registry behind our back is found by `verify`, or refused by `pull`.

The attacker of these tests may do everything: write into the bare repository past its hook, force
pushes, edit the artifact folder, and register archives that no tool of ours would make.
"""

import io
import json
import socket
import subprocess
import tarfile
import time

import pytest
from conftest import TEMPLATE, git, run, tool
from registry_kit import (NAME, artifacts, champion_sha256, codes, copied, origin, register,
                          register_archive, rewrite, team, verify)

STAGING, PRODUCTION = f"{NAME}#staging#2", f"{NAME}#production#3"
VERSION = f"{NAME}@v1.0.0"


@pytest.fixture(scope="module")
def registered(tmp_path_factory, venv):
    """A team with v1.0.0 in production and v1.0.1 in staging: events 1 to 5."""
    folder = tmp_path_factory.mktemp("registered")
    project = team(folder, venv)
    register(project, 0)
    tool(project, "promote", "@staging", "--to", "production", "--registry", "origin")
    register(project, 1)
    assert verify(project) == []
    return folder


@pytest.fixture
def project(registered, tmp_path):
    """A copy of it to tamper with; this clone has read the ledger before."""
    return copied(registered, tmp_path / "team")


@pytest.fixture
def stranger(project):
    """Forget what this clone has read before: only the registry itself can tell."""
    for ref in git(project, "for-each-ref", "--format=%(refname)", "refs/nlp-registry").split():
        git(project, "update-ref", "-d", ref)
    return project


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


def annotated(project, name, target, message):
    """Put an annotated tag straight into the bare repository."""
    git(origin(project), "-c", "user.name=mallory", "-c", "user.email=m@localhost", "tag", "-f",
        "-a", name, target, "-m", message)


def message_of(project, name):
    return git(origin(project), "for-each-ref", "--format=%(contents)", f"refs/tags/{name}")


TAGS = {
    "deleted": ("R020", "is missing; event 2", lambda project: git(
        origin(project), "update-ref", "-d", f"refs/tags/{STAGING}")),
    "lightweight": ("R021", "a bare pointer", lambda project: git(
        origin(project), "update-ref", f"refs/tags/{STAGING}",
        git(origin(project), "rev-parse", f"{STAGING}^{{commit}}"))),
    "moved": ("R022", "instead of", lambda project: annotated(
        project, STAGING, "registry", message_of(project, STAGING))),
    "another message": ("R023", "its message is not that of its event", lambda project: annotated(
        project, STAGING, f"{STAGING}^{{commit}}", "fine, trust me")),
    "another event's tag": ("R023", "its object says tag", lambda project: git(
        origin(project), "update-ref", f"refs/tags/{STAGING}",
        git(origin(project), "rev-parse", f"refs/tags/{PRODUCTION}"))),
    "another time": ("R023", "its time is not that of its event", lambda project: annotated(
        project, STAGING, f"{STAGING}^{{commit}}", message_of(project, STAGING))),
    "inserted version": ("R024", "no event of the ledger made it", lambda project: annotated(
        project, f"{NAME}@v7.0.0", "registry", "a version of mine")),
    "inserted stage": ("R024", "no event of the ledger made it", lambda project: annotated(
        project, f"{NAME}#production#99", f"{VERSION}^{{commit}}", "promoted by me")),
    "inserted for gto": ("R024", "no event of the ledger made it", lambda project: annotated(
        project, f"{VERSION}!", f"{VERSION}^{{commit}}", "deregistered by me")),
}


@pytest.mark.parametrize("case", TAGS)
def test_a_tag_that_was_tampered_with_is_found(stranger, case):
    code, message, tamper = TAGS[case]

    tamper(stranger)

    [fault] = verify(stranger)
    assert fault["code"] == code and message in fault["message"]
    assert fault["hint"] and fault["meaning"]


def test_tags_of_others_are_left_alone(project):
    annotated(project, "release-7", "main", "of the team")
    annotated(project, "other-tool@1.0.0", "main", "of a monorepo")

    assert verify(project) == []


STATE = f"models/{NAME}/state.json"
MANIFEST = f"models/{NAME}/v1.0.0/manifest.json"
EVENT = f"models/{NAME}/events/000/5.json"
REPORT = f"models/{NAME}/events/000/5-report.json"
AMEND = "git commit --quiet --amend --no-edit --all"
LEDGER = {
    "message rewritten": (["git commit --quiet --amend -m 'promote something else'"],
                          ["R003", "R009", "R024"], "holds no event"),
    "reason rewritten": ([
        "git log -1 --format=%B | sed 's/\"reason\":null/\"reason\":\"good\"/' > .git/m",
        "git commit --quiet --amend -F .git/m"], ["R004", "R023"], "differs from the commit's"),
    "event without its own number": ([
        "git log -1 --format=%B | sed 's/\"seq\":5/\"seq\":6/' > .git/m",
        "git commit --quiet --amend -F .git/m"],
        ["R009", "R005", "R020", "R024"], "event 6 does not follow 4"),
    "previous holder forged": ([
        "git log -1 --format=%B | sed 's/\"replaces\":\"v1.0.0\"/\"replaces\":\"v0.9.0\"/' "
        "> .git/m", "git commit --quiet --amend -F .git/m"], ["R004", "R006", "R023"],
        "says that it replaces v0.9.0, but staging held v1.0.0"),
    "state edited in its commit": ([
        f"sed -i 's/\"production\": \"v1.0.0\"/\"production\": \"v1.0.1\"/' {STATE}", AMEND],
        ["R007", "R008"], "not what the events add up to"),
    "state edited in a new commit": ([
        f"sed -i 's/\"production\": \"v1.0.0\"/\"production\": \"v1.0.1\"/' {STATE}",
        "git commit --quiet --all -m 'small fix'"], ["R003"], "holds no event (['small fix'])"),
    "state edited as maintenance": ([
        f"sed -i 's/\"production\": \"v1.0.0\"/\"production\": \"v1.0.1\"/' {STATE}",
        "git commit --quiet --all -m 'maintain the state'"], ["R009"], "maintains, but writes"),
    "manifest edited": ([f"sed -i 's/elsewhere-v1/elsewhere-v2/' {MANIFEST}", AMEND],
                        ["R010"], f"edits {MANIFEST}, which never changes"),
    "event's record edited": ([f"sed -i 's/\"reason\":null/\"reason\":\"x\"/' {EVENT}", AMEND],
                              ["R004"], "differs from the commit's message"),
    "report edited": ([f"sed -i 's/PASS/WARN/' {REPORT}", AMEND], ["R011"],
                      "is not the report that the event names"),
    "report removed": ([f"git rm --quiet {REPORT}", AMEND], ["R009"], f"lacks {REPORT}"),
    "page edited": (["echo '| other | v1 |' >> README.md", AMEND], ["R008"], "README.md"),
    "file smuggled in": ([f"echo x > models/{NAME}/x; git add .", AMEND], ["R009"],
                         f"writes models/{NAME}/x, which its event does not name"),
    "workflow smuggled in": (["mkdir -p .github/workflows; echo x > .github/workflows/own.yml",
                              "git add .", AMEND], ["R009"], "writes .github/workflows/own.yml"),
    "workflow edited": (["echo x >> .github/workflows/on-tag.yml", AMEND], ["R010"], "on-tag.yml"),
    "merged": (["git checkout --quiet --orphan other; git commit --quiet -m other",
                "git checkout --quiet registry",
                "git merge --quiet --allow-unrelated-histories -X ours -m merge other"],
               ["R002", "R003"], "has 2 parents"),
}


@pytest.mark.parametrize("case", LEDGER)
def test_an_edited_ledger_is_found_without_any_memory_of_it(stranger, tmp_path, case):
    commands, expected, message = LEDGER[case]

    rewrite(stranger, tmp_path, *commands)

    faults = verify(stranger)
    assert codes(faults) == expected
    assert any(message in fault["message"] for fault in faults)


@pytest.mark.parametrize("case", ["message rewritten", "page edited"])
def test_a_clone_that_read_the_ledger_before_sees_that_it_was_rewritten(project, tmp_path, case):
    rewrite(project, tmp_path, *LEDGER[case][0])

    shown = tool(project, "registry", "show", "--registry", "origin", check=False)
    assert shown.returncode == 3 and "rewritten" in shown.stderr
    faults = verify(project)
    assert faults[0]["code"] == "R001" and "was rewritten" in faults[0]["message"]


def test_a_commit_inserted_into_the_past_moves_every_later_one(stranger, tmp_path):
    rewrite(stranger, tmp_path, "git rebase --quiet --exec 'git commit --quiet --amend "
            "--no-edit --date=2001-01-01T00:00:00Z' --committer-date-is-author-date HEAD~3")

    faults = verify(stranger)

    assert {"R012", "R022", "R013"} <= set(codes(faults))
    assert f"tag {NAME}@v1.0.1" in {f["subject"] for f in faults if f["code"] == "R022"}


def test_maintenance_outside_of_the_models_is_allowed(project, tmp_path):
    rewrite(project, tmp_path, "mkdir -p .github/workflows; echo x > .github/workflows/on-tag.yml",
            "git add .; git commit --quiet -m 'maintain the workflow stubs'")

    assert verify(project) == []


def test_a_deleted_ledger_is_found_and_put_back(project):
    git(origin(project), "update-ref", "-d", "refs/heads/registry")

    assert [fault["code"] for fault in verify(project)][:1] == ["R001"]
    tool(project, "registry", "doctor", "--repair", "--registry", "origin")
    assert verify(project) == []


def archive_of(project, digest):
    return artifacts(project) / "sha256" / digest[:2] / digest


@pytest.mark.parametrize("case, reason", [
    ("edited", "was altered (wrong sha256)"), ("truncated", "was altered (wrong sha256)"),
    ("swapped", "was altered (wrong sha256)"), ("removed", "is missing")])
def test_an_archive_that_was_tampered_with_is_found_and_not_pulled(project, case, reason):
    ours = archive_of(project, champion_sha256(project))
    other = next(path for path in artifacts(project).glob("sha256/*/*") if path != ours)
    data = ours.read_bytes()
    ours.unlink()
    if case != "removed":
        ours.write_bytes({"edited": data[:-600] + b"x" + data[-599:], "truncated": data[:-512],
                          "swapped": other.read_bytes()}[case])

    [fault] = verify(project)
    pulled = tool(project, "registry", "pull", VERSION, "--registry", "origin", check=False)

    assert (fault["code"], fault["subject"]) == ("R030", VERSION)
    assert reason in fault["message"]
    assert pulled.returncode == (3 if case == "removed" else 1)
    assert reason in pulled.stderr and len(pulled.stderr.splitlines()) == 1
    assert not list((project / "pulled").glob("*"))


@pytest.mark.parametrize("case", ["removed", "edited"])
def test_registering_again_brings_a_lost_archive_back_but_hides_no_altered_one(project, case):
    path = archive_of(project, champion_sha256(project))
    data = path.read_bytes()
    path.unlink()
    if case == "edited":
        path.write_bytes(data[:-600] + b"x" + data[-599:])

    done = tool(project, "push_to_registry", "--from", str(project.parent / "made-0"),
                "--registry", "origin")

    assert "nothing to do" in done.stdout
    assert codes(verify(project)) == ([] if case == "removed" else ["R030"])
    assert (path.read_bytes() == data) == (case == "removed")


def test_quick_leaves_out_only_old_versions_that_are_in_no_stage(project):
    for version in ("v1.0.0", "v1.0.1"):
        digest = json.loads(git(origin(project), "show",
                                f"registry:models/{NAME}/{version}/version.json"))["archive_sha256"]
        archive_of(project, digest).unlink()
    for number in range(2, 7):
        register(project, number)

    assert [fault["subject"] for fault in verify(project, "--quick")] == [VERSION]
    assert len(verify(project)) == 2


def member(name, data=b"x", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def tar_of(path, *members):
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return path


def oversized(path):
    """A header that promises a terabyte, and nothing behind it."""
    info = tarfile.TarInfo("model/huge")
    info.size = 1 << 40
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    return path


def sparse(path):
    """A member of old GNU sparse form: no bytes in the archive, a gigabyte on the disk."""
    info = tarfile.TarInfo("model/holes")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:398], header[398:410] = b"00000000000\0", b"00000000000\0"
    header[483:495] = b"10000000000\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    path.write_bytes(bytes(header) + bytes(10240))
    return path


PLAIN = "not a plain file inside the archive"
ARCHIVES = {
    "leads out": (lambda path: tar_of(path, member("../../out")), f"'../../out': {PLAIN}"),
    "leads out in the middle": (lambda path: tar_of(path, member("model/../../out")), PLAIN),
    "absolute": (lambda path: tar_of(path, member("/tmp/out")), f"'/tmp/out': {PLAIN}"),
    "symbolic link": (lambda path: tar_of(
        path, member("model", b"", type=tarfile.SYMTYPE, linkname="/etc"),
        member("model/passwd")), f"'model': {PLAIN}"),
    "hard link": (lambda path: tar_of(
        path, member("model/a"), member("model/b", b"", type=tarfile.LNKTYPE,
                                        linkname="model/a")), f"'model/b': {PLAIN}"),
    "device": (lambda path: tar_of(
        path, member("model/disk", b"", type=tarfile.BLKTYPE, devmajor=8)), PLAIN),
    "pipe": (lambda path: tar_of(path, member("model/pipe", b"", type=tarfile.FIFOTYPE)), PLAIN),
    "oversized": (oversized, "'model/huge'"),
    "sparse": (sparse, "'model/holes'"),
    "twice the same": (lambda path: tar_of(path, member("model/a"), member("model/a", b"y")),
                       "is not readable: [Errno 17] File exists"),
    "no tar": (lambda path: path.write_bytes(b"x" * 10240) and path, "is not readable"),
    "other model": (lambda path: tar_of(path, member("model/a", b"another")),
                    "does not hold the model that the manifest names"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_a_hostile_archive_with_the_right_digest_is_not_unpacked(project, tmp_path, case):
    make, reason = ARCHIVES[case]
    version = register_archive(project, make(tmp_path / "hostile.tar"), {"a": b"x"})

    done = tool(project, "registry", "pull", f"{NAME}@{version}", "--registry", "origin",
                check=False)

    assert done.returncode == 1 and reason in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list((project / "pulled").glob("*"))
    assert not list(tmp_path.rglob("out")) and verify(project) == []


def test_a_model_file_with_an_untrusted_type_is_not_loaded(project, tmp_path):
    model = tmp_path / "model.skops"
    run(project / ".venv" / "bin" / "python", "-c", "import argparse, skops.io, sys\n"
        "skops.io.dump({'params': argparse.Namespace(x=1)}, sys.argv[1])", model, cwd=tmp_path)
    about = json.dumps({"class": "tfidf-logistic"}).encode()
    archive = tar_of(tmp_path / "hostile.tar", member("model.json", about),
                     member("model/model.skops", model.read_bytes()))
    version = register_archive(project, archive, {"model.skops": model.read_bytes()})

    done = tool(project, "eval_gate", "--candidate", f"{NAME}@{version}", "--registry", "origin",
                check=False)

    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1
    assert "holds types that are not trusted: argparse.Namespace" in done.stderr


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
def test_the_hook_of_the_remote_refuses(registered, daemon, case, served):
    # Refused pushes change nothing, so all of these share the one team.
    project = registered / NAME
    arguments, reason = HOOK[case]
    if served == "daemon":
        git(project, "remote", "set-url", "origin", daemon(origin(project)))

    done = run("git", *arguments, cwd=project, check=False)

    assert done.returncode == 1 and reason in done.stderr
    git(project, "remote", "set-url", "origin", str(origin(project)))
    assert verify(project) == []


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
    run("shellcheck", TEMPLATE / "mlops" / "registry" / "update-hook.sh", cwd=TEMPLATE)
