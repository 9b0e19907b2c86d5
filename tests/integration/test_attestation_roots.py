"""Which roots of trust count for an attestation, and where they come from."""

import copy
import json

import pytest
from attestation_kit import DIGEST, trusted, wrong
from sigstore_kit import Instance, statement

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.registry import trust_roots
from nlp_gitops.registry.bundle_check import Unfit


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Instance(tmp_path_factory.mktemp("sigstore") / "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return Instance(tmp_path_factory.mktemp("sigstore") / "theirs")


def test_any_root_of_a_file_counts_each_for_its_kind(ours, theirs, tmp_path):
    both = trusted(tmp_path, theirs.trusted_root(), ours.trusted_root(), ours.trusted_root(False))

    assert wrong(ours.bundle(statement(DIGEST)), both) is None
    assert wrong(ours.bundle(statement(DIGEST), logs=False), both) is None
    assert wrong(theirs.bundle(statement(DIGEST)), both) is None
    assert wrong(theirs.bundle(statement(DIGEST), logs=False), both)


def test_a_root_with_a_log_does_not_do_without_and_nobody_else_can_say(ours, tmp_path):
    for logs in (True, False):
        with pytest.raises(Unfit):
            wrong(ours.bundle(statement(DIGEST), logs=logs),
                  trusted(tmp_path, ours.trusted_root(not logs)))


def test_a_root_may_be_one_json_over_many_lines(ours, tmp_path):
    path = tmp_path / "trusted_root.json"
    path.write_text(json.dumps(ours.trusted_root(), indent=2))

    assert wrong(ours.bundle(statement(DIGEST)), trust_roots.of_file(path)) is None


def test_a_file_without_roots_is_refused_in_one_line(ours, tmp_path):
    path = tmp_path / "roots.jsonl"
    with pytest.raises(NotMeasured, match="no such file; project.yaml names it as"):
        trust_roots.of_file(path)
    broken = copy.deepcopy(ours.trusted_root())
    broken["certificateAuthorities"][0]["certChain"]["certificates"] = []
    for text in ("", "{", "[]", "{}", "null", '{"tlogs": [1]}', json.dumps(broken),
                 json.dumps({**broken, "tlogs": []})):
        path.write_text(text)
        with pytest.raises(UsageError, match="holds no trusted roots") as caught:
            trust_roots.of_file(path)
        assert "\n" not in str(caught.value)


def test_without_a_network_the_root_of_the_package_counts_and_is_not_called_new(
        ours, monkeypatch, tmp_path):
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    trust = trust_roots.of_sigstore()

    assert not trust.is_fresh and trust.logged and not trust.timestamped
    with pytest.raises(NotMeasured, match="which may be old"):
        wrong(ours.bundle(statement(DIGEST)), trust)
    with pytest.raises(Unfit):
        wrong(ours.bundle(statement(DIGEST), logs=False), trust)
