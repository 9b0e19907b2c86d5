"""A Sigstore instance of our own: its root of trust, and bundles as GitHub's builds sign them.

An instance has a certificate authority, a log of certificates, a log of signatures, and a clock
that signs timestamps. The clock is OpenSSL's. Like GitHub's instance for private repositories it
can do without the logs.
"""

import base64
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOME = "https://github.com/acme/reviews"
ACTIONS = "https://token.actions.githubusercontent.com"
WORKFLOW = ".github/workflows/register.yml@refs/heads/main"
PROVENANCE = "https://slsa.dev/provenance/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_FULCIO = "1.3.6.1.4.1.57264.1."
_SCTS = "1.3.6.1.4.1.11129.2.4.2"
_YEAR = timedelta(days=365)
_MINUTES = timedelta(minutes=5)


@dataclass(frozen=True)
class Builder:
    """Who signs, as the certificate tells: the repository, the workflow, and who knows them."""

    repository: str = HOME
    workflow: str = f"{HOME}/{WORKFLOW}"
    issuer: str = ACTIONS


def statement(digest: str, **other: Any) -> bytes:
    """Return what the action attest-build-provenance says about a digest, in short."""
    return json.dumps({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "other.txt", "digest": {"sha256": "1" * 64}},
                    {"name": "review-sentiment.tar", "digest": {"sha256": digest}}],
        "predicateType": PROVENANCE, "predicate": {"buildDefinition": {}}, **other}).encode()


class Instance:
    """A Sigstore instance in a folder, some time ago. Each has keys of its own."""

    def __init__(self, folder: Path, ago: timedelta = timedelta(0)) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.now = datetime.now(timezone.utc).replace(microsecond=0) - ago
        self.root_key, self.ca_key, self.clock_key = _key(), _key(), _key()
        self.ct_key, self.log_key = _key(), _key()
        self.root = self._authority("root", self.root_key, None)
        self.ca = self._authority("intermediate", self.ca_key, self.root)
        self.clock = self._clock()

    def trusted_root(self, logs: bool = True) -> dict[str, Any]:
        """Return the instance's trusted_root.json; GitHub's own instance names no logs."""
        found: dict[str, Any] = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "certificateAuthorities": [self._chain(self.ca, self.root)],
            "timestampAuthorities": [self._chain(self.clock, self.root)]}
        if logs:
            found |= {"tlogs": [self._log(self.log_key)], "ctlogs": [self._log(self.ct_key)]}
        return found

    def bundle(self, payload: bytes, builder: Builder = Builder(), logs: bool = True,
               kind: str = PAYLOAD_TYPE, **usage: Any) -> dict[str, Any]:
        """Return a signed bundle: with an entry in the log, or with a timestamp alone."""
        key = _key()
        certificate = self._leaf(key, builder, logs, **usage)
        signature = _sign(key, b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload),
                                                        payload))
        material: dict[str, Any] = {"certificate": {"rawBytes": _b64(_der(certificate))}}
        if logs:
            material["tlogEntries"] = [self._entry(certificate, payload, signature)]
        else:
            material["timestampVerificationData"] = {"rfc3161Timestamps": [
                {"signedTimestamp": _b64(self.timestamp(signature))}]}
        return {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                "verificationMaterial": material,
                "dsseEnvelope": {"payload": _b64(payload), "payloadType": kind,
                                 "signatures": [{"sig": _b64(signature)}]}}

    def timestamp(self, signature: bytes) -> bytes:
        """Let OpenSSL sign the time of a signature."""
        for name, data in (("data", signature), ("clock.pem", _pem(self.clock)),
                           ("clock.key", _private(self.clock_key)), ("serial", b"01\n"),
                           ("ts.cnf", _CLOCK_SETTINGS.encode())):
            (self.folder / name).write_bytes(data)
        self._openssl("-query", "-data", "data", "-sha256", "-no_nonce", "-cert", "-out", "query")
        self._openssl("-reply", "-config", "ts.cnf", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", "ts", *arguments], cwd=self.folder, check=True,
                       capture_output=True)

    def _authority(self, name: str, key: ec.EllipticCurvePrivateKey,
                   issuer: x509.Certificate | None) -> x509.Certificate:
        made = _unsigned(_name(name), issuer.subject if issuer else _name(name), key,
                         self.now - _YEAR, self.now + _YEAR)
        made = made.add_extension(x509.BasicConstraints(True, None), True)
        return self._certified(made.add_extension(_usage(key_cert_sign=True, crl_sign=True), True),
                               self.root_key)

    def _clock(self) -> x509.Certificate:
        made = _unsigned(_name("clock"), self.root.subject, self.clock_key, self.now - _YEAR,
                         self.now + _YEAR)
        made = made.add_extension(_usage(digital_signature=True), True)
        return self._certified(made.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True), self.root_key)

    def _leaf(self, key: ec.EllipticCurvePrivateKey, builder: Builder, logs: bool,
              purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
              age: timedelta = timedelta(0)) -> x509.Certificate:
        """Return a certificate for a few minutes, which the log of certificates has seen."""
        made = _unsigned(x509.Name([]), self.ca.subject, key, self.now - age - _MINUTES,
                         self.now - age + _MINUTES)
        made = made.add_extension(_usage(digital_signature=True), True)
        made = made.add_extension(x509.ExtendedKeyUsage([purpose]), False)
        made = made.add_extension(x509.SubjectAlternativeName(
            [x509.UniformResourceIdentifier(builder.workflow)]), True)
        for number, text in ((8, builder.issuer), (12, builder.repository)):
            made = made.add_extension(_text(f"{_FULCIO}{number}", text), False)
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self.ca_key.public_key()), False)
        if logs:
            seen = self._seen(self._signed(made, self.ca_key).tbs_certificate_bytes)
            made = made.add_extension(x509.UnrecognizedExtension(
                x509.ObjectIdentifier(_SCTS), seen), False)
        return self._signed(made, self.ca_key)

    def _certified(self, made: x509.CertificateBuilder,
                   key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
            key.public_key()), False)
        return self._signed(made, key)

    @staticmethod
    def _signed(made: x509.CertificateBuilder,
                key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        return made.sign(key, hashes.SHA256())

    def _seen(self, tbs: bytes) -> bytes:
        """Return the extension in which the log of certificates says that it has seen one."""
        time = int(self.now.timestamp() * 1000).to_bytes(8, "big")
        issuer = sha256(_spki(self.ca_key)).digest()
        # RFC 6962, 3.2: version 1, certificate_timestamp, time, precert_entry, no extensions.
        signature = _sign(self.ct_key, b"\0\0" + time + b"\0\1" + issuer + _sized(3, tbs) + b"\0\0")
        stamp = (b"\0" + sha256(_spki(self.ct_key)).digest() + time + b"\0\0"
                 + b"\4\3" + _sized(2, signature))
        return asn1.encode_der(_sized(2, _sized(2, stamp)))

    def _entry(self, certificate: x509.Certificate, payload: bytes,
               signature: bytes) -> dict[str, Any]:
        """Return the entry of a signature in the log, which has no other."""
        body = json.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
            "payloadHash": {"algorithm": "sha256", "value": sha256(payload).hexdigest()},
            "signatures": [{"signature": _b64(signature), "verifier": _b64(_pem(certificate))}]}})
        identity = sha256(_spki(self.log_key)).digest()
        leaf = sha256(b"\0" + body.encode()).digest()
        time = int(self.now.timestamp())
        note = f"log.example\n1\n{_b64(leaf)}\n"
        mark = _b64(identity[:4] + _sign(self.log_key, note.encode()))
        promise = json.dumps({"body": _b64(body.encode()), "integratedTime": time,
                              "logID": identity.hex(), "logIndex": 0}, separators=(",", ":"))
        return {
            "logIndex": "0", "logId": {"keyId": _b64(identity)}, "integratedTime": str(time),
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "inclusionPromise": {"signedEntryTimestamp": _b64(_sign(self.log_key,
                                                                    promise.encode()))},
            "inclusionProof": {"logIndex": "0", "rootHash": _b64(leaf), "treeSize": "1",
                               "hashes": [], "checkpoint": {
                                   "envelope": f"{note}\n\u2014 log.example {mark}\n"}},
            "canonicalizedBody": _b64(body.encode())}

    def _chain(self, *certificates: x509.Certificate) -> dict[str, Any]:
        return {"subject": {"organization": "example", "commonName": "x"}, "uri": "https://example",
                "certChain": {"certificates": [{"rawBytes": _b64(_der(item))}
                                               for item in certificates]},
                "validFor": self._valid()}

    def _log(self, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
        return {"baseUrl": "https://log.example", "hashAlgorithm": "SHA2_256",
                "publicKey": {"rawBytes": _b64(_spki(key)), "validFor": self._valid(),
                              "keyDetails": "PKIX_ECDSA_P256_SHA_256"},
                "logId": {"keyId": _b64(sha256(_spki(key)).digest())}}

    def _valid(self) -> Mapping[str, str]:
        return {"start": (self.now - _YEAR).isoformat().replace("+00:00", "Z")}


_CLOCK_SETTINGS = """\
[tsa]
default_tsa = here
[here]
serial = serial
signer_cert = clock.pem
signer_key = clock.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
"""


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _unsigned(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey,
              start: datetime, end: datetime) -> x509.CertificateBuilder:
    made = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(),
                                   start, end)
    return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)


def _usage(**given: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{**dict.fromkeys(names, False), **given})


def _text(name: str, text: str) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(name), asn1.encode_der(text))


def _sized(width: int, data: bytes) -> bytes:
    return len(data).to_bytes(width, "big") + data


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def _spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
