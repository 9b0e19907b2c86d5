"""Every check of a prompt file and of the folder, and what the command prints."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from prompt_kit import GOOD, changed, codes, commit, found, put, put_dataset

from nlp_gitops import prompts
from nlp_gitops.cli.check_prompts import main
from nlp_gitops.core.errors import UsageError
from nlp_gitops.privacy import sensitive
from nlp_gitops.prompts.report import check

pytest_plugins = ["prompt_fixtures"]
pytestmark = pytest.mark.usefixtures("alone")

# One file

FAULTS = [
    ("P001", "goal:", "gaol: x\ngoal:", 4, "did you mean 'goal'"),
    ("P001", "changelog:", "model: {temprature: 0}\nchangelog:", 12, "did you mean 'temperature'"),
    ("P001", "output: {label", "why: x\n    output: {label", 11, "known are"),
    ("P002", "goal: Say how a text sounds.", "", 2, "goal missing"),
    ("P002", "rules:", "rules: [", 6, "not valid YAML"),
    ("P002", "name: mood", "name: mood\nname: mood", 3, "duplicate key"),
    ("P002", "- One label only.", "- 5", 6, "is no string"),
    ("P002", "{text: string}", "{goal: string}", 7, "are taken"),
    ("P002", "{text: string}", "{text: list}", 7, "string, integer"),
    ("P002", "{text: I like it.}", "{text: .nan}", 10, "NaN"),
    ("P002", "{text: I like it.}", "{1: x}", 10, "quote it"),
    ("P010", "version: 1.0.0", "version: 1.0", 3, "SemVer"),
    ("P010", "version: 1.0.0", "version: v1.0.0", 3, "SemVer"),
    ("P010", "version: 1.0.0", "version: 1.0.0-rc1", 3, "SemVer"),
    ("P010", "version: 1.0.0", "version: |\n  1.0.0", 3, "SemVer"),
    ("P011", "1.0.0: first", "0.9.0: first", 12, "no entry for 1.0.0"),
    ("P012", "version: 1.0.0", "version: 1.0.1", 3, "prompt_v1.0.0.txt"),
    ("P012", "name: mood", "name: tone", 2, "the folder's is 'mood'"),
    ("P020", "{{ text }}", "{{ text }}{{ txt }}", 18, "did you mean {{ text }}"),
    ("P020", "{{ text }}", "{{ text }}{{ text | upper }}", 18, "opens no placeholder"),
    ("P020", "{{ text }}", "{{ text }}{% for x in text %}{{", 18, "opens no placeholder"),
    ("P020", "Say how", "Say {{ text }} how", 4, "in the body only"),
    ("P021", "<text>\n{{ text }}\n</text>", "Hi.", 7, "never uses it"),
    ("P022", "{{ rules }}\n", "", 5, "never reach the model"),
    ("P030", '{label: "bad|good"}', "{label: bad}", 8, "write labels as"),
    ("P030", '{label: "bad|good"}', "{type: string}", 8, "must be a JSON object"),
    ("P030", '{label: "bad|good"}', "{type: object, properties: {a: {type: strng}}}", 8,
     "no valid JSON Schema"),
    ("P030", '{label: "bad|good"}', '{label: {pattern: "(a+)+$"}}', 8, "not supported"),
    ("P030", '{label: "bad|good"}', '{label: {$ref: "http://x.test"}}', 8, "not supported"),
    ("P030", '{label: "bad|good"}', '{label: "bad|bad"}', 8, "twice"),
    ("P030", '{label: "bad|good"}', '{label: "bad||good"}', 8, "empty label"),
    ("P030", '{label: "bad|good"}', "{label: {enum: $dataset.labels}}", 8, "no valid JSON Schema"),
    ("P030", '{label: "bad|good"}',
     "{type: object, required: [a], properties: {}, additionalProperties: false}", 8, "no answer"),
    ("P032", "output: {label: good}", "output: {label: great}", 11, "'great' is none of"),
    ("P032", "{text: I like it.}", "{}", 10, "'text' is missing"),
    ("P032", "{text: I like it.}", "{text: a, tone: b}", 10, "'tone' is not declared"),
    ("P050", "changelog:", "max_tokens: 5\nchangelog:", 12, "estimated"),
    ("P060", "One label only.", "Mail jane.doe@mail.org", 6, "an e-mail address: jane…"),
]


@pytest.mark.parametrize("code, old, new, line, message", FAULTS)
def test_each_fault_has_its_code_its_line_and_a_reason(code, old, new, line, message):
    put(changed(old, new))
    finding, *_ = found(code)
    assert (finding.line, Path(finding.file).name) == (line, "prompt_v1.0.0.txt")
    assert message in f"{finding.message} {finding.hint}"
    assert finding.message.isprintable() and finding.column


def test_faults_in_the_body_point_at_the_column():
    put(changed("{{ text }}", "{{ text }}{{ txt }}"))
    assert (found("P020")[0].line, found("P020")[0].column) == (18, 11)


def test_a_missing_changelog_and_a_stub_only_warn():
    put(changed("changelog:\n  1.0.0: first\n", ""))
    assert found("P011")[0].severity == "warning"
    put(changed("1.0.0: first", "'1.0.0': 'TODO: say'"))
    assert found("P011")[0].severity == "warning"


@pytest.mark.parametrize("secret", [
    "sk-" + "a1B2" * 8, "ghp_" + "a1B2" * 9, "github_pat_" + "a1" * 15, "AKIA" + "A1B2" * 4,
    "-----BEGIN RSA " + "PRIVATE KEY-----", "https://bob:hunter2@db.host/x", "jane@mail.org",
    "+49 170 1234567", "(212) 736-5000", "4111 1111 1111 1111", "3782 822463 10005",
])
def test_secrets_and_personal_data_are_found_and_not_shown(secret):
    put(GOOD + f"Call {secret}\n")
    finding, *_ = found("P060")
    assert (finding.line, finding.column, finding.severity) == (21, 6, "error")
    assert secret[5:] not in json.dumps(finding.as_dict())


@pytest.mark.parametrize("text", [
    "name@example.com", "x@mail.test", "555-555-0123", "sk-learn-is-a-fine-library-to-use",
    "4111 1111 1111 1112", "2026-01-05 10:15", "1234567890123456789", "https://a.b/c:d",
    "a task-1a2b3c4d5e6f7a8b9c0d1e2f", "version 1.2.3", "ORDER 12345-678-9012345",
])
def test_harmless_text_is_no_secret(text):
    assert sensitive.scan(text) == []


def test_a_secret_is_found_even_where_the_header_is_broken():
    put("---\nversion: [\nAKIA" + "A1B2" * 4)
    assert [finding.line for finding in found("P060")] == [3]


# The folder

def test_labels_are_those_of_the_dataset_for_the_newest_version_only():
    put_dataset("bad, good, mixed")
    put(GOOD)
    finding, = found("P031")
    assert (finding.line, finding.field) == (8, "format.label")
    assert "lacks 'mixed'" in finding.message
    assert "P031" in {item.code for item in check(Path("prompts/mood")).findings}

    put(GOOD.replace("1.0.0", "2.0.0").replace("bad|good", "bad|good|mixed"), "2.0.0")
    assert found("P031") == []


def test_a_near_miss_of_a_label_is_named():
    put_dataset("bad, goood")
    put(GOOD)
    assert found("P031")[0].hint == "did you mean 'goood' by 'good'?"


def test_without_a_dataset_labels_are_not_compared_and_that_is_said():
    put(GOOD)
    assert found("P033")[0].severity == "warning"
    with pytest.raises(UsageError, match="elsewhere.yaml: no such file"):
        check(Path("prompts"), data=Path("elsewhere.yaml"))


@pytest.mark.parametrize("name", [
    "prompts/mood/prompt_v1.txt", "prompts/mood/prompt_v1.0.0.yaml", "prompts/mood/prompt.txt",
    "prompts/mood/Prompt_v1.0.0.TXT", "prompts/Mood!/prompt_v1.0.0.txt",
    "prompts/team/mood/prompt_v1.0.0.txt",
])
def test_a_misnamed_or_misplaced_file_is_not_overlooked(name):
    path = Path(name)
    path.parent.mkdir(parents=True)
    path.write_text(GOOD)
    assert codes() == ["P012"]


def test_other_files_are_left_alone():
    put(GOOD)
    Path("prompts/README.md").write_text("# Prompts")
    Path("prompts/mood/notes.txt").write_text("x")
    Path("prompts/mood/prompt_v1.0.0.txt~").write_text("backup")
    Path("prompts/mood/.prompt_v1.0.0.txt.swp").write_text("swap")
    assert codes() == []


def test_one_version_in_two_files_is_an_error():
    put(GOOD)
    put(GOOD, suffix="md")
    assert codes() == ["P042"]
    with pytest.raises(UsageError, match="version 1.0.0 is also"):
        prompts.current(Path("prompts"), "mood")


def test_a_file_or_one_prompts_folder_can_be_named():
    path = put(GOOD)
    for place in (path, path.parent):
        report = check(place)
        assert (report.prompts, report.versions[0].name) == (1, "mood")


def test_without_any_prompt_the_check_passes_but_a_mistyped_folder_is_a_usage_error(capsys):
    # git keeps no empty folder, so a clone of a project without prompts has none.
    assert main([]) == main(["prompts/", "--fix"]) == 0
    assert "no prompt files" in capsys.readouterr().out
    with pytest.raises(UsageError, match="no such folder"):
        main(["promts"])


# The command

def test_json_and_sarif_have_the_stable_shapes(capsys):
    put(changed("output: {label: good}", "output: {label: great}"))
    put_dataset("bad, good")
    commit()
    assert main(["prompts", "--json", "--sarif", "out.sarif"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "FAIL" and report["prompts"] == 1
    assert report["findings"][0].keys() >= {"code", "file", "line", "message", "hint", "field"}
    assert report["version"] == {"declared": "1.0.0", "needed": "1.0.0",
                                 "reason": "unchanged since the base"}
    assert report["versions"] == [{"file": "prompts/mood/prompt_v1.0.0.txt", "name": "mood",
                                   **report["version"]}]
    sarif = json.loads(Path("out.sarif").read_text())
    result, = sarif["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("P032", "error")
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 11


def test_diff_shows_what_changed_and_the_bump(capsys):
    old = put(GOOD)
    new = put(GOOD.replace("1.0.0", "1.0.1").replace("bad|good", "bad|good|mixed")
              .replace("{{ rules }}", "{{ rules }} Now!"), "1.0.1")
    assert main(["diff", str(old), str(new)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "major: format changed (+ 'mixed')"
    assert "  +{{ rules }} Now!" in lines
    assert lines[-1] == "BUMP: major, from 1.0.0 to 2.0.0 or higher; 1.0.1 is too low"

    main(["diff", str(old), str(new), "--json"])
    assert json.loads(capsys.readouterr().out)["version"]["needed"] == "2.0.0"
    main(["diff", str(old), str(old)])
    assert capsys.readouterr().out == "BUMP: none, nothing that the model sees changed\n"


def test_diff_of_very_long_prompts_does_not_take_minutes(capsys):
    long = GOOD + "a\nb\n" * 2000
    main(["diff", str(put(long)), str(put(long + "c", "1.0.1"))])
    assert "more than 2000 lines; not shown" in capsys.readouterr().out


def test_diff_of_a_file_that_cannot_be_read_is_one_line():
    with pytest.raises(UsageError, match="nowhere.txt: no such file"):
        main(["diff", "nowhere.txt", str(put(GOOD))])


def test_the_command_ends_with_its_exit_code_and_no_traceback():
    put("version: [")
    done = [subprocess.run([sys.executable, "-B", "-m", "nlp_gitops", "check-prompts", folder],
                           capture_output=True, text=True, timeout=60)
            for folder in ("prompts", "nowhere")]
    assert [run.returncode for run in done] == [1, 2]
    assert done[0].stdout.splitlines()[-1] == "PROMPTS: FAIL 1 error, 1 warning"
    assert done[1].stderr.startswith("error: nowhere: no such folder")
