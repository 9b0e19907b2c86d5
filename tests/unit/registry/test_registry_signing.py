"""Tags signed with an SSH key, as git itself makes and checks them."""

import re
import shutil
import subprocess

import pytest
import tiny_registry as tiny

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import RegistrySettings, load_project
from nlp_gitops.registry import operations, signing
from nlp_gitops.registry.events import parse_message
from nlp_gitops.registry.remotes import connect
from nlp_gitops.registry.signing import signer
from nlp_gitops.registry.verify import verify

pytestmark = [
    pytest.mark.xdist_group("registry-signing"),
    pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")]


def new_key(folder, name):
    """Make a key without a passphrase; return its file."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)],
                   check=True)
    return path


@pytest.fixture
def key(tmp_path):
    return new_key(tmp_path, "alice")


def signing_registry(folder, key, settings=tiny.ANY_BRANCH):
    """Return a new, empty registry whose tags are signed."""
    plain = tiny.registry_in(folder)
    tiny.git(plain.ledger.repo, "config", "user.signingkey", str(key))
    return tiny.connected(plain.ledger.repo, plain.store.folder, settings,
                          signer(plain.ledger.repo))


def clone_of(folder, allowed):
    """Clone the registry of a folder, ready for `git verify-tag`."""
    found = tiny.cloned(folder / "reader", str(folder / "origin.git"))
    tiny.git(found, "fetch", "--quiet", "--tags", "origin")
    tiny.git(found, "config", "gpg.format", "ssh")
    tiny.git(found, "config", "gpg.ssh.allowedSignersFile", str(allowed))
    return found


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """A clone with signed tags of every kind, beside their key and its allowed signers."""
    folder = tmp_path_factory.mktemp("ground")
    found = signing_registry(folder, new_key(folder, "alice"))
    for content in ("one", "two"):
        version = tiny.register(found, folder, content).version
        tiny.promote(found, f"m@{version}", "production")
    operations.rollback(found, "m", "drill")
    return clone_of(folder, folder / "allowed_signers")


@pytest.fixture
def alice(ground):
    """The key that signed the tags of `ground`, and the only one allowed."""
    key = ground.parent / "alice"
    (ground.parent / "allowed_signers").write_text(f"alice@localhost {public(key)}\n")
    return key


def test_git_verify_tag_accepts_every_tag(ground, alice):
    tags = tiny.git(ground, "tag").split()

    tiny.git(ground, "verify-tag", *tags)

    assert len(tags) == 9


def test_git_verify_tag_refuses_a_signer_who_is_not_allowed(ground, tmp_path):
    bob = new_key(tmp_path, "bob").with_suffix(".pub").read_text()
    (ground.parent / "allowed_signers").write_text(f"bob@localhost {bob}")

    with pytest.raises(subprocess.CalledProcessError):
        tiny.git(ground, "verify-tag", "m@v1.0.0")


def test_a_signed_event_can_still_be_read(ground):
    message = tiny.git(ground, "tag", "-l", "--format=%(contents:subject)%0a%0a%(contents:body)",
                       "m#production#3")

    assert parse_message(message).version == "v1.0.0"


def signed(folder, payload, key, namespace="git"):
    """Sign a tag's content with a key; return the tag."""
    done = subprocess.run(["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", str(key)],
                          cwd=folder, input=payload, capture_output=True, check=True)
    return payload + done.stdout


def split(tag):
    """Return content and signature of a tag."""
    at = tag.index(b"-----BEGIN SSH")
    return tag[:at], tag[at:]


def tag_of(folder, name):
    return subprocess.run(["git", "-C", folder, "cat-file", "tag", name], check=True,
                          capture_output=True).stdout


# Each makes a tag object of the right content and another signature, given (folder, tag, own key).
FORGED = {
    "nothing changed": (lambda folder, tag, key: tag, None),
    "no signature": (lambda folder, tag, key: split(tag)[0], "is not signed"),
    "a stranger's key": (
        lambda folder, tag, key: signed(folder, split(tag)[0],
                                        new_key(folder.parent, "mallory")),
        "is signed by nobody in the allowed signers"),
    "other content": (
        lambda folder, tag, key: split(tag)[0] + split(signed(folder, b"other\n", key))[1],
        "carries a signature that does not fit its content"),
    "another tag's signature": (
        lambda folder, tag, key: split(tag)[0] + split(tag_of(folder, "m#staging#2"))[1],
        "carries a signature that does not fit its content"),
    "another namespace": (
        lambda folder, tag, key: signed(folder, split(tag)[0], key, "file"),
        "is signed for the namespace 'file', not for 'git'"),
    "garbage": (
        lambda folder, tag, key: split(tag)[0] + b"-----BEGIN SSH SIGNATURE-----\nAAAA\n"
        b"-----END SSH SIGNATURE-----\n", "carries a signature that cannot be read"),
    "half a signature": (
        lambda folder, tag, key: tag[:-120] + b"\n-----END SSH SIGNATURE-----\n",
        "carries a signature that cannot be read"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_signature_has_its_reason_and_git_does_not_accept_it_either(ground, alice, case):
    forge, reason = FORGED[case]

    tag = forge(ground, tag_of(ground, "m@v1.0.0"), alice)

    assert signing.verify(ground, tag, ground.parent / "allowed_signers") == reason
    assert git_accepts(ground, tag) == (reason is None)


def git_accepts(folder, tag):
    """Say whether git itself takes a tag's signature for good."""
    oid = subprocess.run(["git", "-C", folder, "hash-object", "-t", "tag", "-w", "--stdin"],
                         input=tag, capture_output=True, check=True).stdout.decode().strip()
    return subprocess.run(["git", "-C", folder, "verify-tag", oid],
                          capture_output=True).returncode == 0


# Lines of allowed signers; KEY stands for the key that signed.
ALLOWED = {
    "by name": ("alice@localhost KEY", None),
    "several names": ("alice@localhost,a@other KEY", None),
    "for git": ('alice@localhost namespaces="git" KEY', None),
    "for several purposes": ('alice@localhost namespaces="file,git" KEY', None),
    "for files only": ('alice@localhost namespaces="file" KEY',
                       "is signed by alice@localhost, whom the allowed signers do not let sign "
                       "tags"),
    "no longer": ('alice@localhost valid-before="20200101" KEY',
                  "is signed with a key that was not good at its time"),
    "not yet": ('alice@localhost valid-after="20990101" KEY',
                "is signed with a key that was not good at its time"),
    "another key": ("alice@localhost ssh-ed25519 " + "A" * 68,
                    "is signed by nobody in the allowed signers"),
    "nobody": ("", "is signed by nobody in the allowed signers"),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_the_file_of_allowed_signers_means_what_it_means_to_git(ground, alice, case):
    line, reason = ALLOWED[case]
    allowed = ground.parent / "allowed_signers"
    allowed.write_text(line.replace("KEY", public(alice)) + "\n")
    tag = tag_of(ground, "m@v1.0.0")

    assert signing.verify(ground, tag, allowed) == reason
    assert git_accepts(ground, tag) == (reason is None)


def public(key):
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def test_a_key_that_ran_out_later_was_good_when_the_tag_was_made(ground, alice):
    allowed = ground.parent / "allowed_signers"
    allowed.write_text(f'alice@localhost valid-before="20100101" {public(alice)}\n')
    content = re.sub(rb"(?m)^(tagger .*) \d+ ", rb"\1 1262000000 ",
                     split(tag_of(ground, "m@v1.0.0"))[0])
    tag = signed(ground, content, alice)

    assert signing.verify(ground, tag, allowed) is None
    assert git_accepts(ground, tag)


def test_a_reason_that_reads_like_a_signature_is_none(tmp_path, key):
    (tmp_path / "allowed").write_text(f"alice@localhost {public(key)}\n")
    found = signing_registry(tmp_path, key, RegistrySettings(
        protected_branch=None, allowed_signers=str(tmp_path / "allowed")))

    tiny.register(found, tmp_path, "one", reason="see -----BEGIN SSH SIGNATURE----- in the log")

    assert verify(tmp_path, found, "origin") == []


@pytest.mark.parametrize("change, fault", [
    (lambda tag: tag.replace(b"v1.0.0", b"v6.6.6"), "does not fit its content"),
    (lambda tag: tag[:tag.index(b"-----BEGIN")], "is not signed"),
    (lambda tag: tag, None)])
def test_an_altered_tag_is_found(ground, alice, change, fault):
    found = signing.verify(ground, change(tag_of(ground, "m@v1.0.0")),
                           ground.parent / "allowed_signers")

    assert found == fault or fault and fault in found


def test_the_setting_of_the_project_signs_every_tag(project, key):
    path = project.root / "project.yaml"
    path.write_text(path.read_text() + "registry: {sign: true}\n")
    tiny.git(project.root, "config", "user.signingkey", str(key))

    signed = connect(load_project(project.root), "local")
    tiny.register(signed, project.root / ".cache", "one")

    tags = signed.ledger.remote_tags()
    assert len(tags) == 2
    for oid, _ in tags.values():
        assert "BEGIN SSH SIGNATURE" in tiny.git(project.root, "cat-file", "tag", oid)


def test_signing_without_a_key_is_usage_and_says_how(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    folder = tiny.cloned(tmp_path / "clone", "unused")

    with pytest.raises(UsageError, match="git config user.signingkey"):
        signer(folder)


def test_signing_with_a_key_that_is_not_there_registers_nothing(tmp_path):
    plain = tiny.registry_in(tmp_path)
    tiny.git(plain.ledger.repo, "config", "user.signingkey", str(tmp_path / "nowhere"))
    found = tiny.connected(plain.ledger.repo, plain.store.folder, sign=signer(plain.ledger.repo))

    with pytest.raises(UsageError, match="ssh-keygen cannot sign with"):
        tiny.register(found, tmp_path, "one")

    assert found.states() == {}
    assert found.ledger.remote_tags() == {}
