"""SSH signatures of registry tags, as git itself makes and checks them."""

import base64
import binascii
import re
import subprocess
import tempfile
import time
from pathlib import Path

from nlp_gitops.core import git
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.registry.transaction import Signer

BEGIN = b"\n-----BEGIN SSH SIGNATURE-----\n"
_END = b"-----END SSH SIGNATURE-----"
_NAMESPACE = "git"
_MAGIC = b"SSHSIG"
_TAGGER_TIME = re.compile(rb"^tagger .* (\d+) [+-]\d{4}$", re.MULTILINE)


def signer(root: Path) -> Signer:
    """Return a function that signs a tag with the key of `git config user.signingkey`.

    Raises UsageError without a key; so does the function if ssh-keygen cannot sign with it.
    """
    try:
        key = git.git(root, "config", "--get", "--type=path", "user.signingkey")
    except git.GitError:
        raise UsageError("project.yaml asks for signed tags (registry.sign), but git knows no key; "
                         "type: git config user.signingkey ~/.ssh/id_ed25519") from None

    def sign(payload: bytes) -> bytes:
        try:
            done = subprocess.run(["ssh-keygen", "-Y", "sign", "-n", _NAMESPACE, "-f", key],
                                  input=payload, capture_output=True)
        except FileNotFoundError:
            raise UsageError("signed tags need ssh-keygen, which is not on PATH") from None
        if done.returncode:
            raise UsageError(f"ssh-keygen cannot sign with {key}: "
                             + done.stderr.decode("utf-8", "replace").strip().splitlines()[-1])
        return done.stdout

    return sign


def verify(root: Path, tag: bytes, allowed_signers: Path) -> str | None:
    """Return what is wrong with a tag object's signature; None if an allowed signer made it.

    Raises NotMeasured without the file of allowed signers, or without ssh-keygen.
    """
    payload, found, rest = tag.rpartition(BEGIN)
    if not found:
        return "is not signed"
    if not allowed_signers.is_file():
        raise NotMeasured(f"{allowed_signers}: no such file; project.yaml names it as "
                          "registry.allowed_signers")
    with tempfile.NamedTemporaryFile() as file:
        file.write(found.lstrip() + rest)
        file.flush()
        return _wrong(payload + b"\n", rest, file.name, allowed_signers)


def _wrong(payload: bytes, signature: bytes, file: str, allowed_signers: Path) -> str | None:
    """Return what is wrong with a signature; the first of purpose, content and key that is."""
    allowed = ("-f", str(allowed_signers), *_when(payload, allowed_signers))
    found = _ssh("find-principals", file, b"", *allowed)
    names = found.stdout.decode("utf-8", "replace").splitlines() if found.returncode == 0 else []
    for name in names:
        if _ssh("verify", file, payload, *allowed, "-I", name, "-n",
                _NAMESPACE).returncode == 0:
            return None
    namespace = _namespace(signature)
    if namespace is None:
        return "carries a signature that cannot be read"
    if namespace != _NAMESPACE:
        return f"is signed for the namespace {namespace!r}, not for {_NAMESPACE!r}"
    if _ssh("check-novalidate", file, payload, "-n", _NAMESPACE).returncode:
        return "carries a signature that does not fit its content"
    if names:
        return f"is signed by {names[0]}, whom the allowed signers do not let sign tags"
    if b"verify time" in found.stderr:
        return "is signed with a key that was not good at its time"
    return "is signed by nobody in the allowed signers"


def _namespace(signature: bytes) -> str | None:
    """Return what a signature was made for; None if it is none. See PROTOCOL.sshsig of OpenSSH."""
    try:
        data = base64.b64decode(signature.partition(_END)[0])
    except binascii.Error:
        return None
    if not data.startswith(_MAGIC):
        return None
    # The magic word and the version are followed by the public key and the namespace.
    _, rest = _string(data[len(_MAGIC) + 4:])
    return _string(rest)[0].decode("utf-8", "replace")


def _string(data: bytes) -> tuple[bytes, bytes]:
    """Return the string that `data` begins with, four bytes of length first, and what follows."""
    end = 4 + int.from_bytes(data[:4], "big")
    return data[4:end], data[end:]


def _when(payload: bytes, allowed_signers: Path) -> tuple[str, ...]:
    """Return the option that makes keys count as they did at the tag's time, where it matters.

    Old versions of ssh-keygen know neither the option nor times in the file.
    """
    found = _TAGGER_TIME.search(payload.partition(b"\n\n")[0])
    if found is None or b"valid-" not in allowed_signers.read_bytes():
        return ()
    return ("-Overify-time=" + time.strftime("%Y%m%d%H%M%S", time.localtime(int(found[1]))),)


def _ssh(action: str, signature: str, payload: bytes,
         *more: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["ssh-keygen", "-Y", action, "-s", signature, *more], input=payload,
                              capture_output=True)
    except FileNotFoundError:
        raise NotMeasured("signatures need ssh-keygen, which is not on PATH") from None
