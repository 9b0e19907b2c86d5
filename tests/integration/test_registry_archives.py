"""Whoever alters or forges an archive of the registry is found by `verify`, or refused by `pull`.

The attacker of these tests may do everything: edit the artifact folder, and register archives that
no tool of ours would make.
"""

import io
import json
import tarfile

import pytest
from baking import git, run, tool
from registry_kit import (NAME, artifacts, champion_sha256, codes, copied, origin, register,
                          register_archive, team_with_two_versions, verify)

VERSION = f"{NAME}@v1.0.0"


@pytest.fixture
def project(venv, tmp_path):
    """A copy of a team to tamper with; v1.0.0 is in production, v1.0.1 in staging."""
    return copied(team_with_two_versions(venv), tmp_path / "team")


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


def test_the_hint_about_an_altered_archive_brings_it_back(project):
    path = archive_of(project, champion_sha256(project))
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-512])

    hint = verify(project)[0]["hint"]
    path.unlink()
    tool(project, "push_to_registry", "--from", str(project.parent / "made-0"), "--registry",
         "origin")

    assert hint.startswith("delete what was altered, and register the same archive again")
    assert "doctor" not in hint and path.read_bytes() == data and verify(project) == []


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


# Other ways to hold what is no plain file below one folder.
SECOND = ("leads out in the middle", "absolute", "hard link", "device", "pipe")


@pytest.mark.parametrize("case", [
    pytest.param(case, marks=pytest.mark.heavy) if case in SECOND else case for case in ARCHIVES])
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
    about = json.dumps({"class": "nlp.classifiers:TfidfLogistic"}).encode()
    archive = tar_of(tmp_path / "hostile.tar", member("model.json", about),
                     member("model/model.skops", model.read_bytes()))
    version = register_archive(project, archive, {"model.skops": model.read_bytes()})

    done = tool(project, "eval_gate", "--candidate", f"{NAME}@{version}", "--registry", "origin",
                check=False)

    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1
    assert "holds types that are not trusted: argparse.Namespace" in done.stderr
