"""Tags signed with an SSH key, as git itself makes and checks them."""

import shutil
import subprocess

import pytest
import tiny_registry as tiny

from mlops.errors import UsageError
from mlops.project import load_project
from mlops.registry import operations, signing
from mlops.registry.connect import connect
from mlops.registry.events import parse_message
from mlops.registry.signing import signer

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")


def new_key(folder, name):
    """Make a key without a passphrase; return its file."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)],
                   check=True)
    return path


@pytest.fixture
def key(tmp_path):
    return new_key(tmp_path, "alice")


@pytest.fixture
def allowed(tmp_path, key):
    """A file of people who may sign."""
    path = tmp_path / "allowed_signers"
    path.write_text(f"alice@localhost {key.with_suffix('.pub').read_text()}")
    return path


@pytest.fixture
def registry(tmp_path, key):
    """A registry with signed tags of every kind."""
    plain = tiny.registry_in(tmp_path)
    tiny.git(plain.ledger.repo, "config", "user.signingkey", str(key))
    found = tiny.connected(plain.ledger.repo, plain.store.folder, sign=signer(plain.ledger.repo))
    for content in ("one", "two"):
        version = tiny.register(found, tmp_path, content).version
        tiny.promote(found, f"m@{version}", "production")
    operations.rollback(found, "m", "drill")
    return found


@pytest.fixture
def reader(registry, tmp_path, allowed):
    """Somebody's clone with all tags, and git's own check of signatures."""
    folder = tiny.cloned(tmp_path / "reader", str(tmp_path / "origin.git"))
    tiny.git(folder, "fetch", "--quiet", "--tags", "origin")
    tiny.git(folder, "config", "gpg.format", "ssh")
    tiny.git(folder, "config", "gpg.ssh.allowedSignersFile", str(allowed))
    return folder


def test_git_verify_tag_accepts_every_tag(reader):
    tags = tiny.git(reader, "tag").split()

    tiny.git(reader, "verify-tag", *tags)

    assert len(tags) == 9


def test_git_verify_tag_refuses_a_signer_who_is_not_allowed(reader, tmp_path, allowed):
    allowed.write_text(f"bob@localhost {new_key(tmp_path, 'bob').with_suffix('.pub').read_text()}")

    with pytest.raises(subprocess.CalledProcessError):
        tiny.git(reader, "verify-tag", "m@v1.0.0")


def test_a_signed_event_can_still_be_read(reader, registry):
    message = tiny.git(reader, "tag", "-l", "--format=%(contents:subject)%0a%0a%(contents:body)",
                       "m#production#3")

    assert parse_message(message).version == "v1.0.0"


@pytest.mark.parametrize("change, fault", [
    (lambda tag: tag.replace(b"v1.0.0", b"v6.6.6"), "does not fit its content"),
    (lambda tag: tag[:tag.index(b"-----BEGIN")], "is not signed"),
    (lambda tag: tag, None)])
def test_an_altered_tag_is_found(reader, allowed, change, fault):
    tag = subprocess.run(["git", "-C", reader, "cat-file", "tag", "m@v1.0.0"], check=True,
                         capture_output=True).stdout

    found = signing.verify(reader, change(tag), allowed)

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
