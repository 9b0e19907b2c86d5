"""Signed tags from end to end: forged ones are found, lost ones are made again and verify."""

import subprocess

import pytest
from baking import commit, git, once, run, tool
from registry_kit import NAME, copied, origin, register, team, verify

VERSION, STAGING = f"{NAME}@v1.0.0", f"{NAME}#staging#2"


def new_key(folder, name):
    """Make a key without a passphrase; return its file."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name, cwd=folder)
    return folder / name


def public(key):
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


@pytest.fixture(scope="module")
def registered(venv):
    """A team that signs, with v1.0.0 in staging."""
    return once("signed", lambda folder: sign(team(folder, venv), folder))


def sign(project, folder):
    alice = new_key(folder, "alice")
    (project / "signers").write_text(f"alice@localhost {public(alice)}\n")
    settings = project / "project.yaml"
    settings.write_text(settings.read_text() + "  sign: true\n  allowed_signers: signers\n")
    commit(project, "Sign the tags")
    git(project, "push", "--quiet", "origin", "main")
    git(project, "config", "user.signingkey", str(alice))
    register(project, 0)
    assert verify(project) == []


@pytest.fixture
def project(registered, tmp_path):
    return copied(registered, tmp_path / "team")


def content(project, name):
    """Return a tag's content and its signature."""
    tag = subprocess.run(["git", "-C", origin(project), "cat-file", "tag", name], check=True,
                         capture_output=True).stdout
    at = tag.index(b"-----BEGIN SSH")
    return tag[:at], tag[at:]


def signature(payload, key, namespace="git"):
    return subprocess.run(["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", key], input=payload,
                          check=True, capture_output=True).stdout


def put(project, name, tag):
    """Put a tag object straight into the bare repository."""
    oid = subprocess.run(["git", "-C", origin(project), "hash-object", "-t", "tag", "-w",
                          "--stdin"], input=tag, check=True, capture_output=True).stdout
    git(origin(project), "update-ref", f"refs/tags/{name}", oid.decode().strip())


# What whoever may write to the repository could put in place of a signature.
FORGED = {
    "none": (lambda project, text: b"", "is not signed"),
    "a stranger's": (
        lambda project, text: signature(text, new_key(project.parent, "mallory")),
        "is signed by nobody in the allowed signers"),
    "over other content": (
        lambda project, text: signature(b"other\n", project.parent / "alice"),
        "carries a signature that does not fit its content"),
    "of another tag": (
        lambda project, text: content(project, STAGING)[1],
        "carries a signature that does not fit its content"),
    "for another namespace": (
        lambda project, text: signature(text, project.parent / "alice", "file"),
        "is signed for the namespace 'file', not for 'git'"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_signature_is_one_fault_with_its_reason(project, case):
    forge, reason = FORGED[case]
    text = content(project, VERSION)[0]

    put(project, VERSION, text + forge(project, text))

    [fault] = verify(project)
    assert (fault["code"], fault["subject"], fault["message"]) == ("R025", f"tag {VERSION}", reason)


SIGNERS = {
    "another principal's key": (
        lambda project: f"alice@localhost {public(new_key(project.parent, 'bob'))}",
        "is signed by nobody in the allowed signers"),
    "another purpose": (
        lambda project: f'alice@localhost namespaces="file" {public(project.parent / "alice")}',
        "is signed by alice@localhost, whom the allowed signers do not let sign tags"),
    "a key that had run out": (
        lambda project: 'alice@localhost valid-before="20200101" '
        + public(project.parent / "alice"), "is signed with a key that was not good at its time"),
}


@pytest.mark.parametrize("case", SIGNERS)
def test_whoever_is_not_allowed_to_sign_tags_is_found_for_every_tag(project, case):
    line, reason = SIGNERS[case]
    (project / "signers").write_text(f"{line(project)}\n")

    faults = verify(project)

    assert {fault["subject"] for fault in faults} == {f"tag {VERSION}", f"tag {STAGING}"}
    assert {(fault["code"], fault["message"]) for fault in faults} == {("R025", reason)}


def test_signed_tags_that_were_lost_are_made_again_and_git_accepts_them(project, tmp_path):
    before = {name: content(project, name)[0] for name in (VERSION, STAGING)}
    for name in before:
        git(origin(project), "update-ref", "-d", f"refs/tags/{name}")

    mended = tool(project, "registry", "doctor", "--repair", "--registry", "origin")

    assert f"mended: tag {VERSION}, {STAGING}" in mended.stdout and verify(project) == []
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", origin(project), clone, cwd=tmp_path)
    run("git", "-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={project / 'signers'}",
        "verify-tag", VERSION, STAGING, cwd=clone)
    # The signature is new; what is signed is the same, the first tagger and time included.
    assert {name: content(project, name)[0] for name in before} == before


@pytest.mark.parametrize("case, reason", [
    ("another key", "is signed by nobody in the allowed signers"),
    ("no signature", "is not signed")])
def test_a_tag_that_would_not_verify_is_not_pushed_but_left_to_an_allowed_signer(
        project, tmp_path, case, reason):
    git(origin(project), "update-ref", "-d", f"refs/tags/{VERSION}")
    settings = project / "project.yaml"
    meant = settings.read_text()
    if case == "another key":
        git(project, "config", "user.signingkey", str(new_key(tmp_path, "bob")))
    else:
        settings.write_text(meant.replace("sign: true", "sign: false"))

    refused = tool(project, "registry", "doctor", "--repair", "--registry", "origin", check=False)
    kept = git(origin(project), "tag", "--list", VERSION)
    settings.write_text(meant)
    git(project, "config", "user.signingkey", str(project.parent / "alice"))
    mended = tool(project, "registry", "doctor", "--repair", "--registry", "origin")

    assert refused.returncode == 1 and refused.stderr == "" and kept == ""
    assert f"tag {VERSION}: is missing on the remote; not mended: the tag would not verify: it " \
        f"{reason}; somebody whom signers names must type this" in refused.stdout
    assert f"mended: tag {VERSION}" in mended.stdout and verify(project) == []
