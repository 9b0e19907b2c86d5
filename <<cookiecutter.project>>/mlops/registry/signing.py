"""SSH signatures of registry tags, as git itself makes and checks them."""

import subprocess
import tempfile
from pathlib import Path

from mlops import git
from mlops.errors import NotMeasured, UsageError
from mlops.registry.objects import Signer

_BEGIN = b"-----BEGIN SSH SIGNATURE-----"


def signer(root: Path) -> Signer:
    """Return a function that signs a tag with the key of `git config user.signingkey`."""
    try:
        key = git.git(root, "config", "--get", "--type=path", "user.signingkey")
    except git.GitError:
        raise UsageError("project.yaml asks for signed tags (registry.sign), but git knows no key; "
                         "type: git config user.signingkey ~/.ssh/id_ed25519") from None

    def sign(payload: bytes) -> bytes:
        try:
            done = subprocess.run(["ssh-keygen", "-Y", "sign", "-n", "git", "-f", key],
                                  input=payload, capture_output=True)
        except FileNotFoundError:
            raise UsageError("signed tags need ssh-keygen, which is not on PATH") from None
        if done.returncode:
            raise UsageError(f"ssh-keygen cannot sign with {key}: "
                             + done.stderr.decode("utf-8", "replace").strip().splitlines()[-1])
        return done.stdout

    return sign


def verify(root: Path, tag: bytes, allowed_signers: Path) -> str | None:
    """Return what is wrong with a tag object's signature; None if an allowed signer made it."""
    payload, found, signature = tag.partition(_BEGIN)
    if not found:
        return "is not signed"
    if not allowed_signers.is_file():
        raise NotMeasured(f"{allowed_signers}: no such file; project.yaml names it as "
                          "registry.allowed_signers")
    with tempfile.NamedTemporaryFile() as file:
        file.write(found + signature)
        file.flush()
        principal = _ssh("find-principals", allowed_signers, file.name, b"")
        if not principal:
            return "is signed by nobody in the allowed signers"
        if _ssh("verify", allowed_signers, file.name, payload,
                "-I", principal.splitlines()[0], "-n", "git") is None:
            return "carries a signature that does not fit its content"
    return None


def _ssh(action: str, allowed_signers: Path, signature: str, payload: bytes,
         *more: str) -> str | None:
    try:
        done = subprocess.run(["ssh-keygen", "-Y", action, "-f", str(allowed_signers), "-s",
                               signature, *more], input=payload, capture_output=True)
    except FileNotFoundError:
        raise NotMeasured("signatures need ssh-keygen, which is not on PATH") from None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
