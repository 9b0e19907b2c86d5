"""Attestations without a transparency log: a certificate, a signature, and a signed timestamp.

That is how GitHub signs for private repositories, so that nothing about them becomes public. The
package `sigstore` demands a log. What is checked here in its place rests on `cryptography` and
`rfc3161_client`, which that package brings.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc3161_client
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (Criticality, ExtensionPolicy, PolicyBuilder, Store,
                                            VerificationError)

_MOST_TIMESTAMPS = 32


class Refused(Exception):
    """The bundle proves nothing; the message says why."""


@dataclass(frozen=True)
class Authority:
    """A chain of certificates, from the one that signs to the root, and when it was in use."""

    chain: tuple[x509.Certificate, ...]
    start: datetime
    end: datetime | None

    def covers(self, time: datetime) -> bool:
        """Say whether the chain was in use at a time."""
        return self.start <= time and (self.end is None or time <= self.end)


@dataclass(frozen=True)
class Authorities:
    """Who may issue certificates, and who may sign timestamps."""

    issuers: tuple[Authority, ...]
    clocks: tuple[Authority, ...]


@dataclass(frozen=True)
class Proven:
    """What a bundle proves: who signed, and what."""

    certificate: x509.Certificate
    payload_type: str
    payload: bytes


def authorities(root: Mapping[str, Any]) -> Authorities:
    """Read a trusted_root.json; raise KeyError, TypeError or ValueError for anything else."""
    return Authorities(tuple(map(_authority, root["certificateAuthorities"])),
                       tuple(map(_authority, root["timestampAuthorities"])))


def prove(bundle: Mapping[str, Any], trusted: Authorities) -> Proven:
    """Return what a bundle proves at a time that a trusted clock signed.

    Raises Refused, or any other exception for content that is no bundle.
    """
    material, envelope = bundle["verificationMaterial"], bundle["dsseEnvelope"]
    certificate = x509.load_der_x509_certificate(_bytes(material["certificate"]["rawBytes"]))
    signature, = (_bytes(item["sig"]) for item in envelope["signatures"])
    times = list(_times(material["timestampVerificationData"]["rfc3161Timestamps"], signature,
                        trusted))
    if not times:
        raise Refused("no trusted authority signed its timestamp")
    for time in times:
        _check_chain(certificate, time, trusted)
    _check_usage(certificate)
    proven = Proven(certificate, envelope["payloadType"], _bytes(envelope["payload"]))
    _check_signature(proven, signature)
    return proven


def _authority(value: Mapping[str, Any]) -> Authority:
    chain = tuple(x509.load_der_x509_certificate(_bytes(item["rawBytes"]))
                  for item in value["certChain"]["certificates"])
    if not chain:
        raise ValueError("an authority without certificates")
    used = value["validFor"]
    return Authority(chain, datetime.fromisoformat(used["start"]),
                     datetime.fromisoformat(used["end"]) if used.get("end") else None)


def _times(stamps: list[Mapping[str, str]], signature: bytes,
           trusted: Authorities) -> Iterator[datetime]:
    """Yield the times at which trusted clocks saw the signature."""
    if len(stamps) > _MOST_TIMESTAMPS:
        raise Refused(f"it has {len(stamps)} timestamps")
    for stamp in stamps:
        answer = rfc3161_client.decode_timestamp_response(_bytes(stamp["signedTimestamp"]))
        time = answer.tst_info.gen_time
        if any(clock.covers(time) and _is_signed(answer, signature, clock)
               for clock in trusted.clocks):
            yield time


def _is_signed(answer: Any, signature: bytes, clock: Authority) -> bool:
    leaf, *between, root = clock.chain
    builder = rfc3161_client.VerifierBuilder().tsa_certificate(leaf).add_root_certificate(root)
    for certificate in between:
        builder = builder.add_intermediate_certificate(certificate)
    try:
        return bool(builder.build().verify_message(answer, signature))
    except rfc3161_client.VerificationError:
        return False


def _check_chain(certificate: x509.Certificate, time: datetime, trusted: Authorities) -> None:
    """Raise Refused unless an issuer of that time issued the certificate, valid at that time."""
    issuers = [found for issuer in trusted.issuers if issuer.covers(time)
               for found in issuer.chain]
    if not issuers:
        raise Refused("no trusted issuer was in use at its time")
    # The profile for clients of the web asks for another usage; ours is checked by itself.
    usage = (x509.ExtendedKeyUsage, Criticality.NON_CRITICAL, None)
    profile = PolicyBuilder().store(Store(issuers)).time(time).extension_policies(
        ca_policy=ExtensionPolicy.webpki_defaults_ca().may_be_present(*usage),
        ee_policy=ExtensionPolicy.webpki_defaults_ee().may_be_present(*usage))
    try:
        profile.build_client_verifier().verify(certificate, [])
    except VerificationError:
        raise Refused("no trusted issuer issued its certificate for its time") from None


def _check_usage(certificate: x509.Certificate) -> None:
    found = certificate.extensions
    usage = found.get_extension_for_class(x509.ExtendedKeyUsage).value
    if ExtendedKeyUsageOID.CODE_SIGNING not in usage or not (
            found.get_extension_for_class(x509.KeyUsage).value.digital_signature):
        raise Refused("its certificate is not for signatures of code")


def _check_signature(proven: Proven, signature: bytes) -> None:
    key = proven.certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Refused("its key is of a kind that Sigstore does not use")
    kind = proven.payload_type.encode()
    # The pre-authentication encoding of DSSE.
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(proven.payload), proven.payload)
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Refused("its signature does not fit what it says") from None


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
