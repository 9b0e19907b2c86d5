"""An audit file answers an auditor, and tells of every alteration without a registry."""

import io
import json
import re
import subprocess
import tarfile
from html import unescape

import pytest
import tiny_registry as tiny
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs_kit import command
from small import HERE

from nlp_gitops.audit import bundle, chain, page, proof, story
from nlp_gitops.audit.check import check
from nlp_gitops.core.errors import CheckFailed, UsageError
from nlp_gitops.core.files import sha256_bytes, sha256_text
from nlp_gitops.prompts import load
from nlp_gitops.registry import operations
from nlp_gitops.registry.events import Event

pytestmark = pytest.mark.xdist_group("audit")

REF = tiny.ref("m@v1.0.0")
GATES = "gates_version: 1\ngates: []\n"
PROMPT = {"name": "classify_sentiment", "version": "0.3.1"}


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A registry: m@v1.0.0 was in production and was taken back to after v1.0.1 failed there."""
    folder = tmp_path_factory.mktemp("audit")
    registry = tiny.registry_in(folder)
    clone = registry.ledger.repo
    (clone / "data").mkdir()
    (clone / "gates.yaml").write_text(GATES)
    (clone / "project.yaml").write_text("name: m\n")
    (clone / "data" / "dataset.yaml").write_text("name: rows\nversion: 1.0.1\n")
    # git's fsck asks for these wherever a tree names one; every generated repository has the first.
    (clone / ".gitattributes").write_text("* text=auto\n")
    (clone / "data" / ".gitattributes").write_text("*.jsonl -text\n")
    tiny.git(clone, "add", "--all")
    tiny.git(clone, "commit", "--quiet", "-m", "Ask for more")
    made = {"source_commit": tiny.git(clone, "rev-parse", "HEAD"),
            "gates_sha256": sha256_text(GATES), "dataset_sha256": {"test": "7" * 64}}
    tiny.register(registry, folder, "one", **made)
    tiny.promote(registry, "m@v1.0.0", "production", reason="the first <b>good</b> one")
    tiny.register(registry, folder, "two", **made)
    tiny.promote(registry, "m@v1.0.1", "production")
    operations.rollback(registry, "m", "wrong labels for books")
    return registry


@pytest.fixture(scope="module")
def whole(team):
    """The bytes of the audit file of m@v1.0.0."""
    return bundle.make(team.ledger.repo, team, REF)


def members(data):
    """Return the files of an audit file by name."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {name.partition("/")[2]: tar.extractfile(name).read() for name in tar.getnames()}


def checked(folder, found, forge=False):
    """Check an audit file of these files; with `forge` its SHA256SUMS is written anew."""
    if forge:
        found = {name: data for name, data in found.items() if name != bundle.SUMS}
        found[bundle.SUMS] = bundle.sums(found)
    path = folder / "a.tar"
    path.write_bytes(bundle.archive(REF, found))
    return check(path)


def text_of(html):
    """Return what a person reads on a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


# What it answers


def test_the_first_screen_answers_who_what_when_why_and_from_what(team, whole):
    [who] = [event.actor for event in team.snapshot().events("m", [3])]
    first = text_of(members(whole)["index.html"].decode().partition("</dl>")[0])

    assert first.count(f"put there by {who}") == 2 and "(rollback, event 8)" in first
    assert f"ended by {who}, who put v1.0.1 there (promote)" in first
    assert "wrong labels for books" in first and "the first <b>good</b> one" in first
    assert "still there" in first and "Now in production" in first
    assert "rows-v1.0.0" in first and "none: this model has no prompt" in first
    assert "Ask for more" in first and "PASS in events/2-report.json" in first


def test_it_holds_events_reports_papers_and_the_source_that_they_name(whole, team):
    found = members(whole)

    assert json.loads(found["events/3.json"])["stage"] == "production"
    assert sha256_bytes(found["events/3-report.json"]) == json.loads(
        found["events/3.json"])["evidence"]["sha256"]
    assert {f"version/{name}" for name in ("manifest.json", "metrics.json", "MODEL_CARD.md",
                                           "SHA256SUMS")} <= found.keys()
    assert found["source/gates.yaml"] == GATES.encode()
    told = text_of(found["index.html"].decode())
    assert "gates.yaml yes, by digest" in told and "dataset.yaml no, another one" in told


def test_plain_git_and_sha256sum_can_check_it(whole, tmp_path):
    subprocess.run(["tar", "-xf", "-", "-C", tmp_path], input=whole, check=True)
    folder = tmp_path / "m-v1.0.0"

    tiny.git(tmp_path, "init", "--quiet", "ledger")
    told = tiny.git(tmp_path / "ledger", "bundle", "unbundle", str(folder / bundle.LEDGER))

    refs = dict(line.split()[::-1] for line in told.splitlines())
    assert list(refs) == ["refs/heads/registry", *(f"refs/tags/{name}" for name in (
        "m#archived#7", "m#production#3", "m#production#8", "m#staging#2", "m@v1.0.0"))]
    history = tiny.git(tmp_path / "ledger", "log", "--format=%s", refs["refs/heads/registry"])
    assert "register m v1.0.0" in history and "revoke m v1.0.1" in history
    assert '"production": "v1.0.0"' in tiny.git(
        tmp_path / "ledger", "cat-file", "blob",
        f"{refs['refs/heads/registry']}:models/m/state.json")
    assert tiny.subprocess.run(["sha256sum", "--check", "--quiet", bundle.SUMS],
                               cwd=folder).returncode == 0


def test_a_prompts_version_comes_with_its_prompt_proved_by_its_digest(team, tmp_path):
    prompt = HERE / "prompts" / PROMPT["name"] / f"prompt_v{PROMPT['version']}.txt"
    clone = tiny.cloned(tmp_path / "clone", str(team.ledger.folder))
    tiny.git(clone, "pull", "--quiet", "origin", "main")
    (clone / "prompts" / PROMPT["name"]).mkdir(parents=True)
    (clone / "prompts" / PROMPT["name"] / prompt.name).write_bytes(prompt.read_bytes())
    tiny.git(clone, "add", "--all")
    tiny.git(clone, "commit", "--quiet", "-m", "A prompt")
    registry = tiny.connected(clone, tmp_path / "artifacts")
    tiny.register(registry, tmp_path, "p", name="p", task="prompt-classification",
                  source_commit=tiny.git(clone, "rev-parse", "HEAD"),
                  prompt_version="classify_sentiment-v0.3.1",
                  prompt={**PROMPT, "sha256": load(prompt).digest},
                  provider={"provider": "openai", "model": "small-1"})

    told = text_of(members(bundle.make(clone, registry, tiny.ref("p@v1.0.0")))[
        "index.html"].decode())

    assert f"{prompt.name} yes, by digest" in told and "answered by openai small-1" in told


def test_equal_ledgers_give_equal_bytes_from_any_clone(team, tmp_path):
    clone = tiny.cloned(tmp_path / "other", str(team.ledger.folder))
    tiny.git(clone, "fetch", "--quiet", str(team.ledger.repo), "HEAD")
    tiny.git(clone, "gc", "--quiet")

    assert bundle.make(clone, tiny.connected(clone, tmp_path / "a"), REF) == bundle.make(
        team.ledger.repo, team, REF)


def test_without_the_source_commit_it_says_so(team, tmp_path):
    clone = tiny.cloned(tmp_path / "other", str(team.ledger.folder))

    found = members(bundle.make(clone, tiny.connected(clone, tmp_path / "a"), REF))

    assert bundle.SOURCE not in found and b"was not in the clone" in found["index.html"]


def test_times_in_production_follow_from_all_events_of_the_model():
    def event(seq, version, stage):
        return Event("m", seq, "promote", version, stage, "x", f"at {seq}", str(seq))

    events = [event(1, "v1", "production"), event(2, "v1", "staging"), event(3, "v2", "production"),
              event(4, "v1", "production")]

    assert [(period.since.seq, period.until and period.until.seq)
            for period in story.periods(events, "v1")] == [(1, 3), (4, None)]
    assert story.periods(events, "v3") == []


def test_a_link_of_an_event_leads_only_to_the_web():
    assert str(page._link("https://example.org/1")).startswith("<a href=")
    assert page._link("javascript:alert(1)") == "javascript:alert(1)"


def test_a_registry_with_a_fault_gets_no_file(team, tmp_path):
    clone = tiny.cloned(tmp_path / "c", str(team.ledger.folder))
    registry = tiny.connected(clone, tmp_path / "a")
    bare = team.ledger.folder
    oid = tiny.git(bare, "rev-parse", "refs/tags/m#production#3")
    tiny.git(bare, "update-ref", "refs/tags/m#production#3", "refs/heads/registry")
    try:
        with pytest.raises(CheckFailed, match="R021 tag m#production#3"):
            bundle.make(clone, registry, REF)
        tiny.git(bare, "update-ref", "-d", "refs/tags/m#production#3")
        with pytest.raises(CheckFailed, match="tag m#production#3 is missing"):
            bundle.make(clone, registry, REF)
    finally:
        tiny.git(bare, "update-ref", "refs/tags/m#production#3", oid)


# What its check finds, without network, registry or project


def test_a_whole_file_is_whole_anywhere(team, whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    found = checked(tmp_path, members(whole))

    assert (found.version, found.faults, found.unchecked) == ("m@v1.0.0", (), ())
    assert team.ledger.contains(team.ledger.last_seen(), found.ledger)


NAMES = ["index.html", "audit.json", "events/3.json", "events/3-report.json", "proof/source.pack",
         "proof/ledger.bundle", "source/gates.yaml", "version/manifest.json",
         "version/MODEL_CARD.md"]


@pytest.mark.parametrize("name", [*NAMES, "SHA256SUMS"])
def test_an_altered_file_is_named(whole, tmp_path, name):
    found = members(whole)
    found[name] = found[name][:-2] + b"!\n"

    assert any(line.startswith("altered: ") and name in line or name == "SHA256SUMS"
               for line in checked(tmp_path, found).faults)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("proof/")])
def test_digests_written_anew_hide_no_alteration(whole, tmp_path, name):
    found = members(whole)
    found[name] = found[name].replace(b"e", b"E")

    [line, *_] = [line for line in checked(tmp_path, found, forge=True).faults if name in line]

    assert line.startswith(f"altered: {name}: not what ledger and source commit say")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("forge", [False, True])
def test_a_removed_file_is_found(whole, tmp_path, name, forge):
    found = members(whole)
    del found[name]

    told = checked(tmp_path, found, forge).faults

    # Without its pack the source's files have no proof, and the index tells of a commit.
    assert any(line.startswith("removed: ") and name in line for line in told) or (
        forge and name == bundle.SOURCE and any("source/gates.yaml" in line for line in told))


@pytest.mark.parametrize("forge", [False, True])
def test_an_added_file_is_found(whole, tmp_path, forge):
    told = checked(tmp_path, members(whole) | {"events/9.json": b"{}\n"}, forge).faults

    assert any(line.startswith("added: events/9.json") for line in told)


def test_a_swapped_report_is_found_even_with_its_digest_in_event_and_index(whole, tmp_path):
    found = members(whole)
    report = json.loads(found["events/3-report.json"]) | {"verdict": "WARN"}
    old, new = sha256_bytes(found["events/3-report.json"]), json.dumps(report).encode()
    found["events/3-report.json"] = new
    for name in ("events/3.json", "index.html"):
        found[name] = found[name].replace(old.encode(), sha256_bytes(new).encode())

    told = checked(tmp_path, found, forge=True).faults

    assert [line.split(":")[1].strip() for line in told if line.startswith("altered")] == [
        "SHA256SUMS", "events/3-report.json", "events/3.json", "index.html"]


def test_a_ledger_that_was_rewritten_is_replayed_and_told(team, whole, tmp_path):
    # Given a ledger whose newest event names another actor, with tags and digests that fit
    clone = tmp_path / "forged"
    tiny.git(tmp_path, "clone", "--quiet", "--mirror", str(team.ledger.folder), str(clone))
    message = tiny.git(clone, "log", "-1", "--format=%B", "registry").replace(
        '"actor":"', '"actor":"not ')
    forged = tiny.git(clone, "commit-tree", "registry^{tree}", "-p", "registry~", input=message,
                      env={**tiny.subprocess.os.environ, "GIT_COMMITTER_NAME": "x",
                           "GIT_COMMITTER_EMAIL": "x@x", "GIT_AUTHOR_NAME": "x",
                           "GIT_AUTHOR_EMAIL": "x@x"})
    oids = {name: oid for name, (oid, _) in proof.tags(clone).items()
            if name in ("m@v1.0.0", "m#staging#2")}

    found = members(whole) | {bundle.LEDGER: proof.ledger_bundle(
        clone, forged, oids, story.ledger_paths(REF, chain.events(clone, forged)))}

    assert any("R004" in line for line in checked(tmp_path, found, forge=True).faults)


def test_what_a_proof_leaves_out_of_the_version_or_of_the_history_is_told(team, whole, tmp_path):
    clone, head = team.ledger.folder, team.snapshot().commit
    events = chain.events(clone, head)
    oids = {name: oid for name, (oid, _) in team.ledger.remote_tags().items()
            if name in {event.tag for event in events
                        if (event.model, event.version) == ("m", "v1.0.0")}}
    paths = story.ledger_paths(REF, events)

    def without(end):
        rest = [path for path in paths if not path.endswith(end)]
        found = {bundle.LEDGER: proof.ledger_bundle(clone, head, oids, rest)}
        return " ".join(checked(tmp_path, members(whole) | found, forge=True).faults)

    assert "removed: models/m/events/000/3-report.json" in without("-report.json")
    assert "removed: models/m/v1.0.0/manifest.json" in without("manifest.json")
    assert "ledger: " in without("state.json")


def test_a_message_that_is_no_event_of_the_registry_is_told(team, tmp_path):
    clone = tmp_path / "forged"
    tiny.git(tmp_path, "clone", "--quiet", "--mirror", str(team.ledger.folder), str(clone))
    head = tiny.git(clone, "log", "-1", "--format=%H", "--grep=^revoke m v1.0.1", "registry")
    last = tiny.git(clone, "log", "-1", "--format=%B", head)
    who = {**tiny.subprocess.os.environ, "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x",
           "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@x"}

    def faults(message, *parents):
        more = [word for parent in parents for word in ("-p", parent)]
        made = tiny.git(clone, "commit-tree", f"{head}^{{tree}}", *more, input=message, env=who)
        return " ".join(chain.walk(clone, made).faults)

    assert chain.walk(clone, head).faults == ()
    assert "R003" in faults("nothing to see", head)
    assert "R003" in faults(last.replace('"seq":9', '"seq":"9"'), head)
    assert "R005" in faults(last, head)
    assert "R002" in faults(last, head, f"{head}~")
    assert "R006" in faults(last.replace('"seq":9', '"seq":10').replace(
        '"version":"v1.0.1"', '"version":"v1.0.0"'), head)


def test_a_page_of_another_version_of_the_tool_is_not_called_whole(whole, tmp_path):
    found = members(whole)
    found["audit.json"] = found["audit.json"].replace(bundle.writer().encode(), b"0" * 64)
    found["index.html"] += b"<p>other words</p>"

    told = checked(tmp_path, found, forge=True)

    assert told.faults == () and "another version of this tool" in told.unchecked[0]


def test_what_is_twice_in_the_tar_or_no_file_is_told(whole, tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(whole)
    with tarfile.open(path, "a") as tar:
        twice = tarfile.TarInfo("m-v1.0.0/index.html")
        link = tarfile.TarInfo("m-v1.0.0/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(twice, io.BytesIO(b""))
        tar.addfile(link)

    told = check(path).faults

    assert "added twice: index.html" in told and "added: not a plain file: link" in told


@given(st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[
    HealthCheck.function_scoped_fixture])
def test_no_changed_byte_anywhere_passes(whole, tmp_path, data):
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))])
    path = tmp_path / "b.tar"
    path.write_bytes(whole[:at] + flipped + whole[at + 1:])

    try:
        assert check(path).faults
    except CheckFailed:
        pass


# The command


@pytest.fixture
def repository(project, monkeypatch):
    """A repository whose registry `origin` holds m@v1.0.0."""
    bare = tiny.origin(project.root / ".registry")
    tiny.git(project.root, "remote", "add", "origin", str(bare))
    registry = tiny.connected(project.root, bare.with_name("origin-artifacts"))
    tiny.register(registry, project.root / ".cache", "one")
    return project


def test_the_command_writes_a_file_and_checks_it(repository, capsys):
    code, told = command(capsys, "audit", "m@v1.0.0", "--registry", "origin")
    path = repository.root / "reports" / "audit" / "m-v1.0.0.tar"
    assert code == 0 and str(path) in told

    code, told = command(capsys, "audit", "--verify", str(path))
    assert code == 0 and told.startswith("m@v1.0.0: all ") and "merge-base --is-ancestor" in told

    path.write_bytes(path.read_bytes().replace(b"A tiny model.", b"A huge model."))
    code, told = command(capsys, "audit", "--verify", str(path), "--json")
    assert code == 1 and any("index.html" in line for line in json.loads(told)["faults"])


@pytest.mark.parametrize("arguments, error", [
    ([], "name one version"), (["m@v1.0.0", "--verify", "x"], "name one version"),
    (["m@v9.0.0", "--registry", "origin"], "m@v9.0.0 is not registered")])
def test_what_cannot_be_meant_is_usage(repository, capsys, arguments, error):
    with pytest.raises(UsageError, match=error):
        command(capsys, "audit", *arguments)


def test_a_file_that_is_none_is_told_so(tmp_path):
    path = tmp_path / "x.tar"
    for data in (b"", b"words", bundle.archive(REF, {"a": b"b"})):
        path.write_bytes(data)
        with pytest.raises(CheckFailed, match="no audit file"):
            check(path)
