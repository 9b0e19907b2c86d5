"""Prompt versions against git: which change needs which bump."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt_kit import GOOD, at_any_place, changed, codes, commit, found, git, put, put_dataset

from nlp_gitops.cli.check_prompts import main
from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.names import Version
from nlp_gitops.prompts import diff, fix
from nlp_gitops.prompts.report import check

pytest_plugins = ["prompt_fixtures"]
pytestmark = pytest.mark.usefixtures("alone")


def test_a_new_prompt_and_an_unchanged_one_pass(capsys):
    put(GOOD)
    put_dataset("bad, good")
    git("init", "-q")
    assert main(["prompts"]) == 0
    commit()
    assert main(["prompts", "--base", "HEAD"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "mood 1.0.0: first version", "PROMPTS: PASS",
        "mood 1.0.0: unchanged since the base", "PROMPTS: PASS"]


BUMPS = [
    ('format: {label: "bad|good"}', 'format: {label: "bad|good|mixed"}', "2.0.0",
     "format changed (+ 'mixed')"),
    ("{text: string}", "{text: {type: string, maxLength: 9000}}", "2.0.0", "input changed"),
    ("{text: string}", "{text: {type: string, description: d}}", "1.1.0", "input is worded"),
    ('format: {label: "bad|good"}', 'format: {label: "good|bad"}', "1.1.0", "ordered differently"),
    ("Say how a text sounds.", "Say how a text feels.", "1.1.0", "goal changed"),
    ("- One label only.", "- One label.", "1.1.0", "rules changed"),
    ("{{ goal }}\n", "", "1.1.0", "body changed"),
    ("I like it.", "I love it.", "1.1.0", "examples changed"),
    ("changelog:", "model: {temperature: 0.5}\nchangelog:", "1.1.0", "(temperature)"),
]


@pytest.mark.parametrize("old, new, needed, reason", BUMPS)
def test_each_kind_of_change_needs_its_bump(old, new, needed, reason):
    changes = diff.changes(at_any_place(GOOD), at_any_place(changed(old, new)))
    assert str(diff.needed(Version(1, 0, 0), changes)) == needed
    assert reason in diff.reason(changes)


@settings(max_examples=20, deadline=None, database=None)
@given(st.lists(st.sampled_from(BUMPS), unique_by=lambda edit: edit[0], max_size=3))
def test_equal_digests_mean_no_bump_and_the_greatest_change_decides(edits):
    text = GOOD
    for old, new, _, _ in edits:
        text = text.replace(old, new, 1)
    one, other = at_any_place(GOOD), at_any_place(text)
    changes = diff.changes(one, other)
    assert (changes == []) == (one.digest == other.digest)
    assert str(diff.needed(one.version, changes)) == max((edit[2] for edit in edits),
                                                         default="1.0.0")


def test_content_that_changed_needs_a_new_version():
    put(GOOD)
    commit()
    put(changed("bad|good", "bad|good|mixed"))
    finding, = found("P040")
    assert finding.severity == "error" and finding.line == 3
    assert "format changed (+ 'mixed')" in finding.message and "2.0.0" in finding.hint
    assert check(Path("prompts")).as_dict()["version"]["needed"] == "2.0.0"


def test_a_new_version_must_be_high_enough():
    put(GOOD)
    commit()
    edited = changed("{text: string}", "{text: integer}").replace("text: I like it.", "text: 5")
    put(edited.replace("1.0.0", "1.1.0"), "1.1.0")
    finding, = found("P041")
    assert "input changed" in finding.message and "2.0.0" in finding.message

    Path("prompts/mood/prompt_v1.1.0.txt").unlink()
    put(edited.replace("1.0.0", "2.0.0"), "2.0.0")
    assert codes() == []


def test_formatting_and_a_version_alone_need_nothing():
    put(GOOD)
    commit()
    put(changed("{{ rules }}", "\n  {{ rules }}") + "\n\n")
    put(GOOD.replace("1.0.0", "1.0.1"), "1.0.1")
    assert codes() == []


def test_each_new_version_is_compared_with_the_one_before_it():
    put(GOOD)
    commit()
    put(changed("Say", "Tell").replace("1.0.0", "1.1.0"), "1.1.0")
    put(changed("Say", "Write").replace("1.0.0", "1.1.1"), "1.1.1")
    finding, = found("P041")
    assert "prompt_v1.1.1" in finding.file and "1.2.0" in finding.message


def test_a_version_below_the_base_is_an_error():
    put(GOOD.replace("1.0.0", "2.0.0"), "2.0.0")
    commit()
    put(GOOD)
    put(changed("Say", "Tell").replace("1.0.0", "2.1.0"), "2.1.0")
    assert codes() == ["P042"]
    assert check(Path("prompts")).versions[0].needed == "2.1.0"


def test_old_versions_stay():
    put(GOOD)
    commit()
    Path("prompts/mood/prompt_v1.0.0.txt").rename("prompts/mood/prompt_v1.1.0.txt")
    put(GOOD.replace("1.0.0", "1.1.0"), "1.1.0")
    assert codes() == ["P043"]
    Path("prompts/mood/prompt_v1.1.0.txt").unlink()
    assert codes() == ["P043"]
    Path("prompts/mood").rmdir()
    assert codes() == ["P043"]


def test_a_secret_may_be_taken_out_of_a_published_version():
    put(changed("One label only.", "Mail jane.doe@mail.org"))
    commit()
    put(changed("One label only.", "Mail name@example.com"))
    assert [finding.severity for finding in found("P040")] == ["warning"]
    assert list(fix.fix(check(Path("prompts")).histories)) == []


def test_a_base_that_could_not_be_read_is_said():
    put("version: [")
    commit()
    put(GOOD)
    assert found("P044")[0].severity == "warning"


def test_the_base_is_the_merge_base_so_newer_versions_elsewhere_do_not_count():
    put(GOOD)
    commit()
    git("checkout", "-q", "-b", "topic")
    git("checkout", "-q", "main")
    put(changed("Say", "Tell").replace("1.0.0", "1.1.0"), "1.1.0")
    commit()
    git("checkout", "-q", "topic")
    assert codes() == codes(base="main") == []
    put(changed("Say", "Write"))
    assert codes() == codes(base="main") == ["P040"]


@pytest.mark.parametrize("ref", ["no-such-branch", "0" * 40, "--help", "", "a b", "main:x"])
def test_a_base_that_is_not_there_is_not_a_pass(ref):
    put(GOOD)
    commit()
    with pytest.raises(NotMeasured, match="no such commit here") as caught:
        main(["prompts", f"--base={ref}"])
    assert caught.value.exit_code == 3


def test_without_git_the_bump_is_not_checked_and_that_is_said(capsys):
    put(GOOD)
    put_dataset("bad, good")
    assert main(["prompts"]) == 0
    out = capsys.readouterr().out
    assert "P044: version bump not checked" in out and "--base REF" in out
    assert out.splitlines()[-1] == "PROMPTS: WARN 1 warning"
    with pytest.raises(NotMeasured):
        main(["prompts", "--base", "main"])


def test_a_shallow_clone_warns_with_the_line_that_mends_it(tmp_path, monkeypatch):
    put(GOOD)
    commit()
    put(GOOD.replace("1.0.0", "1.0.1"), "1.0.1")
    commit()
    git("clone", "-q", "--depth", "1", tmp_path.as_uri(), "clone")
    monkeypatch.chdir("clone")
    finding, = found("P044")
    assert "shallow" in finding.message and "fetch-depth: 0" in finding.hint
    assert check(Path("prompts")).versions[0].needed is None
