"""Is an attestation good? The real `sigstore` judges bundles of an instance of our own."""

import base64
import json
from datetime import timedelta

import pytest
from attestation_kit import DIGEST, trusted, wrong
from cryptography.x509.oid import ExtendedKeyUsageOID
from sigstore_kit import HOME, Builder, Instance, statement

from nlp_gitops.registry import timestamped_bundle


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Instance(tmp_path_factory.mktemp("sigstore") / "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return Instance(tmp_path_factory.mktemp("sigstore") / "theirs")


@pytest.fixture(params=[True, False], ids=["with a log", "with a timestamp"])
def logs(request):
    """Say whether the instance has logs, as the public one, or none, as GitHub's own."""
    return request.param


@pytest.fixture
def trust(ours, logs, tmp_path):
    return trusted(tmp_path, ours.trusted_root(logs))


def test_a_good_one_is_good(ours, logs, trust):
    assert wrong(ours.bundle(statement(DIGEST), logs=logs), trust) is None


@pytest.mark.parametrize("builder", [
    Builder(issuer="https://token.actions.githubusercontent.com/acme-inc"),
    Builder("https://github.com/Acme/Reviews",
            "https://github.com/Acme/Reviews/.github/workflows/other.yml@refs/heads/x")])
def test_a_build_of_this_repository_is_known_by_any_case_and_enterprise(
        ours, logs, trust, builder):
    assert wrong(ours.bundle(statement(DIGEST), builder, logs), trust) is None


OTHERS = "https://github.com/acme/reviews-copy"
STRANGERS = {
    "another repository": (
        Builder(OTHERS, f"{OTHERS}/.github/workflows/register.yml@refs/heads/main"),
        f"a build of {OTHERS} made it, not one of {HOME}"),
    "a workflow elsewhere": (
        Builder(workflow=f"{OTHERS}/.github/workflows/register.yml@refs/heads/main"),
        f"{OTHERS}/.github/workflows/register.yml@refs/heads/main signed it, which is not in "
        f"{HOME}/.github/workflows/"),
    "no workflow": (
        Builder(workflow=f"{HOME}/README.md"),
        f"{HOME}/README.md signed it, which is not in {HOME}/.github/workflows/"),
    "another login": (
        Builder(issuer="https://accounts.example"),
        "GitHub Actions did not sign it, but https://accounts.example"),
    "a login that looks alike": (
        Builder(issuer="https://token.actions.githubusercontent.com.example"),
        "GitHub Actions did not sign it, but https://token.actions.githubusercontent.com.example")}


@pytest.mark.parametrize("who", STRANGERS)
def test_a_genuine_signature_of_a_stranger_is_bad(ours, logs, trust, who):
    builder, said = STRANGERS[who]

    assert wrong(ours.bundle(statement(DIGEST), builder, logs), trust) == said


@pytest.mark.parametrize("host, issuer", [
    ("acme.ghe.com", "https://token.actions.acme.ghe.com"),
    ("git.acme.example", "https://git.acme.example/_services/token")])
def test_each_host_has_its_own_logins(ours, logs, trust, host, issuer):
    home = f"https://{host}/acme/reviews"
    workflow = f"{home}/.github/workflows/register.yml@refs/heads/main"

    good = ours.bundle(statement(DIGEST), Builder(home, workflow, issuer), logs)
    bad = ours.bundle(statement(DIGEST), Builder(home, workflow), logs)

    assert wrong(good, trust, home) is None
    assert wrong(bad, trust, home).startswith("GitHub Actions did not sign it, but https://token.")


STATEMENTS = {
    "other bytes": (statement("cd" * 32), "it is about other bytes"),
    "another kind": (statement(DIGEST, predicateType="https://spdx.dev/Document"),
                     "it tells no build (https://spdx.dev/Document), but it should be "
                     "https://slsa.dev/provenance/v1"),
    "no statement": (b"[1]", "what it says cannot be read"),
    "no subject": (statement(DIGEST, subject=[{}]), "what it says cannot be read")}


@pytest.mark.parametrize("what", STATEMENTS)
def test_a_good_signature_of_something_else_is_bad(ours, logs, trust, what):
    payload, said = STATEMENTS[what]

    assert wrong(ours.bundle(payload, logs=logs), trust) == said


def test_a_good_signature_of_another_type_of_content_is_bad(ours, logs, trust):
    assert "it tells no build" in wrong(
        ours.bundle(statement(DIGEST), logs=logs, kind="text/plain"), trust)


def _payload(bundle):
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(
        statement(DIGEST, predicate={"forged": 1})).decode()


def _signature(bundle):
    value = bytearray(base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"]))
    value[-1] ^= 1
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(value).decode()


def _two_signatures(bundle):
    bundle["dsseEnvelope"]["signatures"] *= 2


def _no_certificate(bundle):
    del bundle["verificationMaterial"]["certificate"]


@pytest.mark.parametrize("change", [_payload, _signature, _two_signatures, _no_certificate])
def test_what_was_altered_does_not_hold(ours, logs, trust, change):
    bundle = ours.bundle(statement(DIGEST), logs=logs)
    change(bundle)

    assert wrong(bundle, trust).startswith(("its signature does not hold",
                                            "it is no Sigstore bundle"))


def _proof(entry):
    entry["inclusionProof"]["rootHash"] = base64.b64encode(b"0" * 32).decode()


def _checkpoint(entry):
    entry["inclusionProof"]["checkpoint"]["envelope"] += "\u2014 log.example AAAAAAAA\n"
    entry["inclusionProof"]["checkpoint"]["envelope"] = entry["inclusionProof"]["checkpoint"][
        "envelope"].replace("log.example\n1\n", "log.example\n2\n")


def _promise(entry):
    entry["integratedTime"] = str(int(entry["integratedTime"]) + 1)


def _body(entry):
    value = json.loads(base64.b64decode(entry["canonicalizedBody"]))
    value["spec"]["payloadHash"]["value"] = "0" * 64
    entry["canonicalizedBody"] = base64.b64encode(json.dumps(value).encode()).decode()


def _no_time(entry):
    del entry["inclusionPromise"]


@pytest.mark.parametrize("change", [_proof, _checkpoint, _promise, _body, _no_time])
def test_a_log_that_says_something_else_does_not_hold(ours, tmp_path, change):
    bundle = ours.bundle(statement(DIGEST))
    change(bundle["verificationMaterial"]["tlogEntries"][0])

    assert wrong(bundle, trusted(tmp_path, ours.trusted_root()))


def test_an_entry_of_another_bundle_does_not_hold(ours, tmp_path):
    bundle, other = (ours.bundle(statement(DIGEST)) for _ in range(2))
    bundle["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]

    assert "log entry signatures do not match" in wrong(
        bundle, trusted(tmp_path, ours.trusted_root()))


def test_only_a_trusted_clock_counts(ours, theirs, tmp_path):
    trust = trusted(tmp_path, ours.trusted_root(logs=False))
    bundle = ours.bundle(statement(DIGEST), logs=False)
    stamps = bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    said = []
    for some in ([], [theirs.timestamp(signature)], [ours.timestamp(b"other")],
                 [ours.timestamp(signature)] * 33):
        stamps[:] = [{"signedTimestamp": base64.b64encode(item).decode()} for item in some]
        said.append(wrong(bundle, trust))

    untrusted = "its signature does not hold (no trusted authority signed its timestamp)"
    assert said == ["nobody says when it was signed", untrusted, untrusted,
                    "its signature does not hold (it has 33 timestamps)"]


def test_a_clock_and_an_issuer_count_while_they_were_in_use(ours, tmp_path):
    bundle = ours.bundle(statement(DIGEST), logs=False)
    said = []
    for which in ("certificateAuthorities", "timestampAuthorities"):
        root = ours.trusted_root(logs=False)
        root[which][0]["validFor"]["end"] = root[which][0]["validFor"]["start"]
        said.append(wrong(bundle, trusted(tmp_path, root)))

    assert said == ["its signature does not hold (no trusted issuer was in use at its time)",
                    "its signature does not hold (no trusted authority signed its timestamp)"]


@pytest.mark.parametrize("usage", [{"purpose": ExtendedKeyUsageOID.SERVER_AUTH},
                                   {"age": timedelta(hours=1)}, {"age": timedelta(hours=-1)}])
def test_a_certificate_for_something_else_or_another_time_is_bad(ours, logs, trust, usage):
    assert wrong(ours.bundle(statement(DIGEST), logs=logs, **usage), trust).startswith(
        "its signature does not hold")


def test_what_was_good_at_its_time_stays_good(logs, tmp_path, monkeypatch):
    old = Instance(tmp_path / "old", ago=timedelta(days=30))
    # OpenSSL's clock cannot be set back.
    monkeypatch.setattr(timestamped_bundle, "_times", lambda *_: [old.now])

    assert wrong(old.bundle(statement(DIGEST), logs=logs),
                 trusted(tmp_path, old.trusted_root(logs))) is None


def test_a_certificate_of_another_authority_is_bad(ours, theirs, logs, trust):
    assert wrong(theirs.bundle(statement(DIGEST), logs=logs), trust).startswith(
        "its signature does not hold")


def test_a_certificate_that_no_log_saw_is_bad(ours, theirs, tmp_path):
    root = {**ours.trusted_root(), "ctlogs": theirs.trusted_root()["ctlogs"]}

    assert "SCT" in wrong(ours.bundle(statement(DIGEST)), trusted(tmp_path, root))


@pytest.mark.parametrize("data", [
    b"", b"null", b"[]", b"\xff", b"[" * 100_000, b'{"verificationMaterial": 1}',
    b'{"verificationMaterial": {}}', b'{"verificationMaterial": {"tlogEntries": [1]}}',
    b'{"verificationMaterial": {"certificate": {"rawBytes": "AAAA"}}}',
    b'{"verificationMaterial": {"timestampVerificationData": {"rfc3161Timestamps": "AAAA"}}}'])
def test_garbage_is_bad_in_one_line(ours, tmp_path, data):
    said = wrong(data, trusted(tmp_path, ours.trusted_root(), ours.trusted_root(logs=False)))

    assert said and "\n" not in said
