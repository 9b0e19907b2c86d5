"""Where reports go: files, SARIF, annotations, the job summary, and `nlp-gitops report`."""

import json

import pytest
from report_kit import full, gate

from nlp_gitops.cli.report import main as report_command
from nlp_gitops.core.errors import UsageError
from nlp_gitops.reporting import output
from nlp_gitops.reporting.report import view


def test_sarif_names_the_failed_gates_and_their_file():
    result, = output.to_sarif(view(full()))["runs"][0]["results"]

    assert result["ruleId"] == "books" and result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "gates.yaml"}}


def test_sarif_knows_the_line_of_the_file_that_judged_and_of_no_other(project):
    report = view(full())
    assert output.gate_lines(project.gates, report) == {}
    from nlp_gitops.core.files import sha256_text
    judged = full()
    judged["lineage"]["gates_sha256"] = sha256_text(project.gates.read_text())

    assert output.gate_lines(project.gates, view(judged)) == {"quality": 5, "domains": 6}


def test_sarif_holds_at_most_5000_results():
    report = view(full(gates=[gate(f"g{number}", "FAIL") for number in range(6000)]))

    assert len(output.to_sarif(report)["runs"][0]["results"]) == 5000


def test_annotations_are_ten_of_each_level_and_a_count():
    report = view(full(gates=[gate(f"{verdict}-{number}", verdict) for number in range(30)
                              for verdict in ("FAIL", "WARN", "PASS")]))

    lines = output.annotations(report)

    assert [line.split(" ")[0] for line in lines] == ["::error"] * 10 + ["::warning"] * 10 + [
        "::notice"]
    assert "and 40 more" in lines[-1]


def test_a_hostile_reason_cannot_start_a_workflow_command():
    report = view(full(gates=[gate("x", "FAIL", reason="a\n::stop-commands::b\r%0A")]))

    line, = output.annotations(report)
    assert "\n" not in line and "%250A" in line


def test_everything_is_written_and_can_be_read_back(tmp_path):
    report = full(metrics={"f1_macro": float("nan"), "rows": 1}, hints=["half \ud800"])

    output.write_all(report, [tmp_path / "a", tmp_path / "b"], ['{"id": 1}'],
                     sarif_file=tmp_path / "x.sarif")

    for folder in ("a", "b"):
        assert {path.name for path in (tmp_path / folder).iterdir()} == {
            "report.json", "report.md", "report.html", "predictions.jsonl"}
    read = output.read_report(tmp_path / "a" / "report.json")
    assert read["metrics"] == {"f1_macro": None, "rows": 1}
    assert json.loads((tmp_path / "x.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 200_000, '{"schema": "other/9"}'])
def test_what_is_no_report_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)

    with pytest.raises(UsageError) as error:
        output.read_report(path)

    assert "\n" not in str(error.value)


def test_the_job_summary_never_grows_beyond_what_github_keeps(tmp_path, monkeypatch):
    path = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    path.write_text("written before\n" * 60_000)
    report = full(hints=["<" * 390] * 300)

    for _ in range(3):
        output.to_job_summary(report)

    assert "## ❌ FAIL" in path.read_text()
    assert 950_000 < path.stat().st_size <= 1_000_000


def test_without_actions_there_are_no_annotations(capsys, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    output.print_annotations(full())
    assert capsys.readouterr().out == ""

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    output.print_annotations(full())
    assert capsys.readouterr().out.startswith("::error file=gates.yaml,title=books::FAIL: books")


@pytest.mark.parametrize("form, begin", [
    ("text", "gate "), ("md", "## ❌"), ("comment", "## ❌"), ("html", "<!doctype html>"),
    ("sarif", "{")])
def test_the_command_turns_a_report_into_each_format(tmp_path, form, begin):
    source = tmp_path / "report.json"
    source.write_text(json.dumps(full()))

    assert report_command([str(source), "--format", form, "--out", str(tmp_path / "out")]) == 0

    assert (tmp_path / "out").read_text(encoding="utf-8").startswith(begin)


def test_sarif_names_the_file_that_judged(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    output.write_all(full(), [], sarif_file=tmp_path / "x.sarif",
                     gates_file=tmp_path / "strict.yaml")

    result, = json.loads((tmp_path / "x.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "strict.yaml"
