"""`registry.py verify` and attestations of builds: GitHub's stand-in, and the real `sigstore`."""

import json
import re
from functools import partial

import pytest
from baking import ROOT, TEMPLATE, install, once, tool
from github_life import HURRY, REPOSITORY, at_github
from github_standin import attestations
from github_standin.server import running
from github_standin.world import TOKEN
from registry_kit import NAME, copied, elsewhere, origin, team
from sigstore_kit import Builder, Instance, statement

SUBJECT = f"attestation of {NAME}@v1.0.0"

pytestmark = pytest.mark.xdist_group("attestations")


@pytest.fixture(scope="module")
def attesting(venv):
    """The project's locked environment with the extra `attest`, as this repository locks it."""
    locked = (ROOT / "requirements-dev.txt").read_text()
    extra = re.findall(r"^((?:cramjam|sigstore)==\S+)", locked, re.MULTILINE)
    return once("attesting", lambda folder: install(
        folder, "-r", "requirements.txt", *extra, beside=venv, cwd=TEMPLATE))


@pytest.fixture(scope="module")
def sigstore(tmp_path_factory):
    return Instance(tmp_path_factory.mktemp("sigstore") / "instance")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, attesting):
    """A team's bake whose origin has an address on GitHub, with a model made elsewhere."""
    folder = tmp_path_factory.mktemp("attested") / "team"
    found = team(folder, attesting)
    elsewhere(found, 0)
    return at_github(found)


@pytest.fixture(scope="module")
def github(prepared, tmp_path_factory):
    """The stand-in, where one version is registered."""
    with running(tmp_path_factory.mktemp("hub") / "hub") as found:
        found.add(REPOSITORY, bare=origin(prepared))
        done = command(found, prepared, "push_to_registry", "--from",
                       str(prepared.parent / "made-0"))
        assert done.returncode == 0, done.stderr
        yield found
    assert found.protests == []


@pytest.fixture
def hub(github):
    """The stand-in without attestations, and as if nobody had asked it anything."""
    repository = github.repositories[REPOSITORY]
    repository.attestations.clear()
    repository.hidden.clear()
    github.requests.clear()
    return github


@pytest.fixture
def project(github, prepared, sigstore, tmp_path):
    """A copy of the team's bake, which trusts our instance."""
    found = at_github(copied(prepared.parent, tmp_path / "team"))
    (found / ".github" / "root.json").write_text(json.dumps(sigstore.trusted_root()))
    with open(found / "project.yaml", "a") as file:
        file.write("  attestation_root: .github/root.json\n")
    return found


def command(hub, project, name, *arguments):
    return tool(project, name, *arguments, "--registry", "origin", check=False,
                GITHUB_API_URL=hub.url, GITHUB_TOKEN=TOKEN,
                PYTHONPATH=HURRY)


@pytest.fixture
def on(hub, project):
    """Run a command of the project on its origin."""
    return partial(command, hub, project)


@pytest.fixture
def verified(on):
    """Return (exit code, faults, notes) of a verification."""
    def call(*options):
        done = on("registry", "verify", "--json", *options)
        assert done.stderr == "", done.stderr
        value = json.loads(done.stdout)
        assert {item["code"] for item in value["faults"]} <= {"R031"}
        assert {item["subject"] for item in value["faults"]} <= {SUBJECT}
        return done.returncode, [item["message"] for item in value["faults"]], value["notes"]

    return call


@pytest.fixture
def digest(hub):
    release, = hub.repositories[REPOSITORY].releases.values()
    archive = next(item for item in release.assets.values() if item.name == f"{NAME}.tar")
    return archive.digest.removeprefix("sha256:")


@pytest.fixture
def attest(hub, digest):
    """Keep a bundle on GitHub as an attestation of the archive."""
    def call(bundle, **more):
        return attestations.add(hub.repositories[REPOSITORY], digest, bundle, **more)

    return call


def asked(hub):
    return [status for _, path, status in hub.requests if "/attestations/" in path]


def test_without_an_attestation_nothing_is_wrong(hub, verified, attest):
    first = verified()
    attest({}, kind="release")

    assert first == verified() == (0, [], [])
    assert asked(hub) == [404, 200]


@pytest.mark.parametrize("inline", [False, True])
def test_a_good_one_is_fetched_without_our_token_and_passes(
        hub, verified, sigstore, digest, attest, inline):
    attest(sigstore.bundle(statement(digest)), inline=inline)

    assert verified() == (0, [], [])
    fetched = [status for _, path, status in hub.requests if path.startswith("/objects/")]
    assert fetched == ([] if inline else [200])


def test_each_bad_one_beside_good_ones_is_a_fault_for_verify_and_doctor(
        on, verified, sigstore, digest, attest):
    good = sigstore.bundle(statement(digest))
    attest(good)
    attest(sigstore.bundle(statement("0" * 64)))
    attest(sigstore.bundle(statement(digest), Builder("https://github.com/\x1b[31mevil/x")))
    attest({**good, "dsseEnvelope": {**good["dsseEnvelope"], "payload": "e30="}})
    attest(good)

    code, faults, notes = verified("--quick")
    shown = on("registry", "verify")
    doctor = on("registry", "doctor")

    assert (code, notes, len(faults)) == (1, [], 3)
    assert faults[0].startswith(f"{NAME}.tar: its signature does not hold (")
    assert faults[1:] == [
        f"{NAME}.tar: a build of https://github.com/ [31mevil/x made it, not one of "
        f"https://github.com/{REPOSITORY}", f"{NAME}.tar: it is about other bytes"]
    assert (shown.returncode, doctor.returncode) == (1, 1)
    assert shown.stdout.count(f"R031 {SUBJECT}: ") == doctor.stdout.count(f"R031 {SUBJECT}: ") == 3
    assert f"-> look at https://github.com/{REPOSITORY}/attestations; if no build" in shown.stdout
    assert shown.stdout.splitlines()[-1] == "3 faults"


def test_garbage_is_a_fault_and_costs_no_memory(verified, attest):
    for data in (b"", b"\0", b"garbage", b"{", b"\xff\xff\xff\xff\x0f\0",
                 b"{}" + b" " * (17 << 20)):
        attest(data)

    assert verified() == (1, [f"{NAME}.tar: it is no Sigstore bundle"] * 6, [])


def test_one_behind_many_others_is_found_too(hub, verified, sigstore, digest, attest):
    attest(sigstore.bundle(statement("0" * 64)), inline=True)
    good = sigstore.bundle(statement(digest))
    for _ in range(100):
        attest(good, inline=True)

    assert verified() == (1, [f"{NAME}.tar: it is about other bytes"], [])
    assert asked(hub) == [200, 200]


def test_without_the_packages_a_note_says_how_many_were_not_checked(
        on, project, verified, sigstore, digest, attest, venv):
    for _ in range(2):
        attest(sigstore.bundle(statement("0" * 64)))
    (project / ".venv").unlink()
    (project / ".venv").symlink_to(venv)
    note = ("2 attestations were not checked: the package sigstore is not installed; "
            "type: pip install sigstore cramjam")

    assert verified() == (0, [], [note])
    done = on("registry", "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"note: {note}\nthe registry is what its ledger says\n"
    doctor = on("registry", "doctor")
    assert doctor.returncode == 0 and f"unknown: {note}\n" in doctor.stdout


def test_a_private_repositorys_are_checked_by_the_root_of_its_own(
        project, verified, sigstore, digest, attest):
    attest(sigstore.bundle(statement(digest), logs=False))
    unknown = verified()
    path = project / ".github" / "root.json"
    path.write_text(f"{path.read_text()}\n{json.dumps(sigstore.trusted_root(logs=False))}\n")
    good = verified()
    attest(sigstore.bundle(statement("0" * 64), logs=False))

    assert unknown == (0, [], [
        "1 attestation was not checked: no root of trust here is for their kind; type: gh "
        "attestation trusted-root > .github/trusted_root.jsonl, and name that file as "
        "registry.attestation_root in project.yaml"])
    assert good == (0, [], [])
    assert verified() == (1, [f"{NAME}.tar: it is about other bytes"], [])


def test_a_token_that_may_not_see_them_is_told_once(hub, verified):
    hub.repositories[REPOSITORY].hidden["attestations"] = 403

    assert verified() == (0, [], [
        "attestations were not looked at: GitHub does not show them to this token; it needs the "
        "right to read attestations"])


def test_what_cannot_be_had_is_no_pass(hub, on, project, sigstore, digest, attest):
    attest(sigstore.bundle(statement(digest)))
    hub.faults.plan("refuse", "GET", "/objects/", times=1)
    again = on("registry", "verify")
    hub.faults.plan("refuse", "GET", "/objects/", times=1, status=403)
    gone = on("registry", "verify")
    (project / ".github" / "root.json").write_text("{")
    wrong = on("registry", "verify")
    (project / ".github" / "root.json").unlink()
    missing = on("registry", "verify")

    assert again.returncode == 0
    assert (gone.returncode, wrong.returncode, missing.returncode) == (3, 2, 3)
    assert "the bundle of an attestation cannot be had: 403" in gone.stderr
    assert "holds no trusted roots" in wrong.stderr
    assert "root.json: no such file; project.yaml names it as registry.att" in missing.stderr
    for done in (gone, wrong, missing):
        assert len(done.stderr.splitlines()) == 1 and "secret" not in done.stderr
