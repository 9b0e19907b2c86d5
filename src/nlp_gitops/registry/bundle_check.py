"""Is an attestation good: is it signed, by a workflow of this repository, about these bytes?

Imports `sigstore`, so only what needs it imports this module.
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat import asn1
from sigstore.errors import VerificationError
from sigstore.models import Bundle
from sigstore.verify import Verifier

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.registry import timestamped_bundle
from nlp_gitops.registry.timestamped_bundle import Authorities
from nlp_gitops.registry.trust_roots import Trust

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
# Names of Fulcio, which issues the certificates: docs/oid-info.md of sigstore/fulcio.
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_REPOSITORY = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.12")
_LONGEST_REASON = 160


class Bad(Exception):
    """The attestation is bad; the message is one line for people."""


class Unfit(Exception):
    """No root here is of the attestation's kind, so that nobody can say whether it is good."""


class _Stranger(VerificationError):
    """The signature is genuine, but not one of this repository's workflows."""


def check(data: bytes, sha256: str, home: str, trust: Trust) -> None:
    """Raise Bad unless a bundle proves that a workflow of `home` built the bytes of a digest.

    Raises Unfit if no root is of its kind, NotMeasured if only an old root speaks against it.
    """
    signer = _Signer(home)
    try:
        value = json.loads(data)
        material = value["verificationMaterial"]
        has_log = bool(material.get("tlogEntries"))
        if not has_log and not material["timestampVerificationData"]["rfc3161Timestamps"]:
            raise Bad("nobody says when it was signed")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Bad("it is no Sigstore bundle") from None
    payload_type, payload = (_proven_by_log(data, signer, trust) if has_log else
                             _proven_by_timestamp(value, signer, trust.timestamped))
    _check_statement(payload_type, payload, sha256)


class _Signer:
    """Demands a certificate of GitHub Actions, for a workflow of one repository."""

    def __init__(self, home: str) -> None:
        self._home = home

    def verify(self, cert: x509.Certificate) -> None:
        """Raise _Stranger unless the certificate is for a workflow of the repository."""
        issuer, wanted = _text(cert, _ISSUER), _actions(urlsplit(self._home).netloc)
        # An enterprise may put its name behind the address.
        if issuer != wanted and not issuer.startswith(f"{wanted}/"):
            raise _Stranger("GitHub Actions did not sign it" + (f", but {issuer}" if issuer
                                                                else ""))
        # GitHub's names differ not by case.
        repository = _text(cert, _REPOSITORY)
        if repository.casefold() != self._home.casefold():
            raise _Stranger(f"a build of {repository} made it, not one of {self._home}")
        names = cert.extensions.get_extension_for_class(
            x509.SubjectAlternativeName).value.get_values_for_type(x509.UniformResourceIdentifier)
        folder = f"{self._home}/.github/workflows/"
        if len(names) != 1 or not names[0].casefold().startswith(folder.casefold()):
            raise _Stranger(f"{', '.join(names)} signed it, which is not in {folder}")


def _proven_by_log(data: bytes, signer: _Signer, trust: Trust) -> tuple[str, bytes]:
    """Return type and content of what was signed; certificate, log and signature are checked."""
    if not trust.logged:
        raise Unfit
    try:
        bundle = Bundle.from_json(data)
    except Exception as error:  # whatever packages make of what a stranger wrote
        raise Bad(f"it is no Sigstore bundle ({_reason(error)})") from None
    reason = ""
    for verifier in trust.logged:
        try:
            return _verified(verifier, bundle, signer)
        except _Stranger as error:
            raise Bad(str(error)) from None
        except Exception as error:  # as above
            reason = _reason(error)
    if trust.is_fresh:
        raise Bad(f"its signature does not hold ({reason})")
    raise NotMeasured("an attestation does not hold by the keys of Sigstore known here, which may "
                      f"be old ({reason}); type the command again where tuf-repo-cdn.sigstore.dev "
                      "can be reached, or name registry.attestation_root in project.yaml")


def _verified(verifier: Verifier, bundle: Bundle, signer: _Signer) -> tuple[str, bytes]:
    return verifier.verify_dsse(bundle, signer)


def _proven_by_timestamp(value: dict[str, Any], signer: _Signer,
                         trusted: tuple[Authorities, ...]) -> tuple[str, bytes]:
    """Return type and content of what was signed; certificate, time and signature are checked."""
    if not trusted:
        raise Unfit
    reason = ""
    for some in trusted:
        try:
            proven = timestamped_bundle.prove(value, some)
            signer.verify(proven.certificate)
            return proven.payload_type, proven.payload
        except _Stranger as error:
            raise Bad(str(error)) from None
        except Exception as error:  # as above
            reason = _reason(error)
    raise Bad(f"its signature does not hold ({reason})")


def _check_statement(payload_type: str, payload: bytes, sha256: str) -> None:
    """Raise Bad unless what was signed is SLSA provenance of this very digest."""
    try:
        value = json.loads(payload)
        kinds = (payload_type, value["_type"], value["predicateType"])
        digests = [item["digest"].get("sha256") for item in value["subject"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Bad("what it says cannot be read") from None
    if kinds != (PAYLOAD_TYPE, STATEMENT, PROVENANCE):
        raise Bad(f"it tells no build ({kinds[2]}), but it should be {PROVENANCE}")
    if sha256 not in digests:
        raise Bad("it is about other bytes")


def _text(cert: x509.Certificate, name: x509.ObjectIdentifier) -> str:
    """Return the text of one of Fulcio's extensions; nothing if it is not there."""
    try:
        extension: Any = cert.extensions.get_extension_for_oid(name).value
        return asn1.decode_der(str, extension.value)
    except (x509.ExtensionNotFound, ValueError):
        return ""


def _actions(host: str) -> str:
    """Return the address with which GitHub Actions of a host signs its logins."""
    tenant = re.fullmatch(r"(.+)\.ghe\.com", host)
    if tenant:
        return f"https://token.actions.{tenant[1]}.ghe.com"
    if host == "github.com":
        return "https://token.actions.githubusercontent.com"
    return f"https://{host}/_services/token"


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "…"
