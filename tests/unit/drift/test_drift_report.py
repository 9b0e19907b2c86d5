"""From a registered model and its log to a report: reference, verdict, history and labels."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from drift_kit import line, on_day, write_log
from drift_team import LABELS, logged, made, team_in, texts
from small import git

from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.files import sha256_file
from nlp_gitops.core.names import ModelRef
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.drift import explain, feedback, history, inputs, reference
from nlp_gitops.drift.inputs import Days, Work
from nlp_gitops.drift.profile import write as write_profile
from nlp_gitops.github.alerts import drift as alert
from nlp_gitops.registry.champion import candidate
from nlp_gitops.tracking import all_runs
from nlp_gitops.training import train


@pytest.fixture
def team(tmp_path, monkeypatch):
    """A team with a model in production, whose validation rows are the packed reference."""
    return team_in(tmp_path / "team", monkeypatch)


def answered(team, folder, rows):
    """Write a log of what the model in production answers."""
    model = candidate(team, ModelRef.parse("small@v1.0.0"), "local").model
    return write_log(folder, [
        line(row["id"], row["text"], found.label, on_day(0), fields={"domain": row["domain"]},
             score=found.scores[found.label])
        for row, found in zip(rows, model.predict([row["text"] for row in rows]))])


def test_equal_models_are_packed_with_equal_references(team):
    one, two = train(team, team.model()), train(team, team.model())

    assert [sha256_file(run.artifacts / "drift" / name) for run in (one, two)
            for name in reference.NAMES][:2] == [
                sha256_file(two.artifacts / "drift" / name) for name in reference.NAMES]
    assert one.details["drift"] == two.details["drift"]


def test_the_reference_holds_no_text(team):
    [run] = all_runs(team.root / "runs")
    data = b"".join((run.artifacts / "drift" / name).read_bytes() for name in reference.NAMES)

    rows = (team.root / "data" / "valid.jsonl").read_text().splitlines()
    assert run.details["drift"]["rows"] == len(rows) == 300
    assert not any(json.loads(row)["text"].encode() in data for row in rows)


def test_without_validation_rows_scores_and_unknown_words_are_not_measured(team, tmp_path):
    manifest = load_manifest(team.dataset).path
    manifest.write_text(manifest.read_text().replace("valid: valid.jsonl, ", ""))
    run = train(team, team.model())
    packed = reference.from_bytes((run.artifacts / "drift" / reference.PROFILE).read_bytes(), "")

    columns, total = packed.layout.columns, packed.total()
    assert run.details["drift"]["split"] == "train" and total[0] == 90
    assert not total[columns["score"]].any() and not total[columns["words"]].any()
    assert total[columns["embedded"]][0] == 90


def test_traffic_like_the_reference_is_ok(team, tmp_path):
    found = made(team, answered(team, tmp_path / "log", texts(300, 2)))

    assert found["verdict"] == "OK", found["why"]
    assert found["version"] == "small@v1.0.0" and found["method"]["unit"] == "line"
    assert found["service"]["current"]["requests"] == 300
    assert any("UNCALIBRATED" in note for note in found["warnings"])


def test_other_traffic_is_an_alert_and_critical_the_next_week(team, tmp_path):
    strange = {"labels": ("negative",), "about": "refund of the {thing} I never got, {phrase}"}
    first = made(team, logged(tmp_path / "one", texts(300, 3, **strange)))
    again = made(team, tmp_path / "one")
    second = made(team, logged(tmp_path / "two", texts(300, 4, **strange), day=7))

    assert [report["verdict"] for report in (first, again, second)] == [
        "ALERT", "ALERT", "CRITICAL"]
    signals = first["slices"]["all"]
    assert signals["embedding"]["verdict"] == signals["label"]["verdict"] == "ALERT"
    assert "refund" in [item["word"] for item in first["explanation"]["new_words"]]
    assert len((team.root / "reports/drift/history.jsonl").read_text().splitlines()) == 2
    issue = alert(second)
    assert issue.alert and "@acme/nlp" in issue.text and "embedding" in issue.text


def test_no_text_of_the_traffic_is_in_summary_or_issue(team, tmp_path):
    secret = texts(300, 5, about="zanzibar {thing} {phrase}")
    found = made(team, logged(tmp_path / "log", secret))

    assert "zanzibar" in json.dumps(found["explanation"]["texts"])
    assert "zanzibar" not in (team.root / "reports/drift/report.md").read_text()
    assert "zanzibar" not in alert(found).text


def test_texts_are_masked_and_left_out_where_everybody_can_read_them(team, tmp_path, monkeypatch):
    rows = texts(300, 6, about="mail jo@example.org about {thing} {phrase}")
    log = logged(tmp_path / "log", rows)
    shown = made(team, log)["explanation"]
    event = tmp_path / "event.json"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))

    hidden = {}
    for private in (True, False):
        event.write_text(json.dumps({"repository": {"private": private}}))
        hidden[private] = "texts" not in made(team, log)["explanation"]
    event.write_text("{}")

    assert "[e-mail]" in json.dumps(shown) and "jo@example.org" not in json.dumps(shown)
    assert hidden == {True: False, False: True}
    assert "texts" not in made(team, log)["explanation"]


def test_earlier_days_of_the_log_are_the_reference_where_there_are_enough(team, tmp_path):
    for day in range(36):
        logged(tmp_path / "log", texts(30, 100 + day), day)

    found = made(team, tmp_path / "log", days=7)

    assert found["windows"]["current"]["from"][:10] == "2026-03-30"
    assert found["windows"]["reference"]["from"][:10] == "2026-03-02"
    assert found["method"]["unit"] == "day" and found["verdict"] == "OK"
    assert len(found["explanation"]["time_line"]) == 35
    assert found["quality"]["estimate"]["judged"] == 300


def test_profiles_give_the_same_signals_as_the_log_they_were_made_of(team, tmp_path):
    log = logged(tmp_path / "log", texts(300, 7, labels=("negative", "neutral")))
    parts = tmp_path / "profiles"
    packed = reference.load(team, ModelRef.parse("small@v1.0.0"), "local")
    work = Work(packed.profile.layout, packed.embedder, "small")
    for number, name in enumerate(inputs.logs.files_of(str(log))):
        write_profile(parts / f"{number}.profile.npz",
                      inputs.read_all([name], work).profile)

    from_log, from_profiles = made(team, log), made(team, parts)

    assert from_profiles["slices"] == from_log["slices"]
    assert from_log["verdict"] != "OK"


def test_words_are_those_of_the_window_in_profiles_too(team, tmp_path):
    packed = reference.load(team, ModelRef.parse("small@v1.0.0"), "local")
    work = Work(packed.profile.layout, packed.embedder, "small")
    log = tmp_path / "log"
    for day in range(16):
        logged(log, texts(60, 200 + day, labels=("negative",) if day > 8 else LABELS), day)
    for name in inputs.logs.files_of(str(log)):
        write_profile(tmp_path / "daily" / name.split("/")[-2] / f"{name[-12:]}.profile.npz",
                      inputs.read_all([name], work).profile)
    write_profile(tmp_path / "one.profile.npz", inputs.read_all([str(log)], work).profile)

    def words(place):
        sides = [inputs.read_all([str(place)], work, Days(on_day(first).date(),
                                                          on_day(first + 6).date())).profile
                 for first in (2, 9)]
        return explain.words(packed.embedder, *sides)

    assert words(tmp_path / "daily") == words(log) != []
    # Of days that lie in one file nobody knows the words: none are said to have moved.
    assert words(tmp_path / "one.profile.npz") == []


def test_an_earlier_log_without_any_model_still_shows_labels_scores_and_lengths(team, tmp_path):
    shutil.rmtree(team.root / ".registry")
    before, now = (logged(tmp_path / name, texts(300, seed)) for name, seed in (("a", 8), ("b", 9)))

    found = made(team, now, reference=str(before))

    signals = found["slices"]["all"]
    assert signals["embedding"]["verdict"] == "NOT_MEASURED"
    assert {signals[name]["verdict"] for name in ("label", "score", "length")} == {"OK"}
    assert any("texts are not looked at" in note for note in found["warnings"])
    with pytest.raises(NotMeasured, match="name an earlier log with --reference"):
        made(team, now)


def test_without_logs_the_settings_are_named(team, monkeypatch):
    with pytest.raises(NotMeasured, match="set drift.logs in project.yaml, or .* DRIFT_LOGS"):
        made(team)
    monkeypatch.setenv("DRIFT_LOGS", str(team.root / "nowhere"))
    with pytest.raises(NotMeasured, match="nowhere: no such file"):
        made(team)


def test_logs_that_nobody_collects_any_more_are_not_ok(team, tmp_path):
    logged(tmp_path / "log", texts(200, 10))
    team = replace(team, drift=replace(team.drift, logs=str(tmp_path / "log")))

    with pytest.raises(NotMeasured, match="the newest predictions are of 2026-03-01"):
        made(team)


def test_an_altered_reference_is_refused(team, tmp_path):
    log = logged(tmp_path / "log", texts(200, 11))
    made(team, log)
    [path] = (team.root / ".cache" / "models").glob(f"*/drift/{reference.EMBEDDER}")
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(CheckFailed, match="altered"):
        made(team, log)


def csv_of(path, rows, wrong=0):
    """Write gold labels, the first `wrong` of them another than the log says."""
    labels = ["other" if place < wrong else row["label"] for place, row in enumerate(rows)]
    path.write_text("request_id,label\n" + "".join(
        f"r-{row['id']},{label}\n" for row, label in zip(rows, labels)))
    return path


def test_delayed_labels_are_joined_and_measured_by_slice(team, tmp_path):
    rows = texts(300, 12)
    log = logged(tmp_path / "log", rows)
    feedback.take_in(csv_of(tmp_path / "labels.csv", rows[:80], wrong=20), tmp_path / "fb")

    found = made(team, log, feedback=str(tmp_path / "fb"))["quality"]["labelled"]

    assert (found["labels"], found["matched"]) == (80, 80)
    assert found["slices"]["all"]["accuracy"] == 0.75
    low, high = found["slices"]["all"]["accuracy_interval"]
    assert low < 0.75 < high
    assert sum(found["slices"][f"domain=d{number}"]["n"] for number in (0, 1)) == 80


def test_a_join_in_parts_is_the_join(team, tmp_path, monkeypatch):
    rows = texts(200, 13)
    log = str(logged(tmp_path / "log", rows))
    feedback.take_in(csv_of(tmp_path / "labels.csv", rows, wrong=50), tmp_path / "fb")
    layout = inputs.discover([log], ("domain",), "small")
    whole = feedback.join(str(tmp_path / "fb"), [log], layout, "small")

    monkeypatch.setattr(feedback, "AT_ONCE", 30)
    parts = feedback.join(str(tmp_path / "fb"), [log], layout, "small",
                          Days(on_day(0).date(), on_day(0).date()))

    assert parts[1] == whole[1] == {"labels": 200, "matched": 200, "unmatched": 0}
    assert all(np.array_equal(parts[0][name], matrix) for name, matrix in whole[0].items())


def test_labels_are_joined_with_answers_that_callers_got(tmp_path):
    lines = [line(1, label="negative", shadow=True), line(1), line(2, model="other"),
             line(3) | {"request_id": ["r"]}, line(4, row={"a": 1})]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(item) + "\n" for item in lines))
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps(feedback.entry(f"r-{number}", "positive")) + "\n"
                              for number in (1, 2, 4)))

    matrices, counts = feedback.join(
        str(labels), [str(log)], inputs.discover([str(log)], (), "small"), "small")

    assert counts == {"labels": 3, "matched": 1, "unmatched": 2}
    assert matrices["all"].sum() == matrices["all"].trace() == 1


def test_accuracy_below_its_bound_is_critical(team, tmp_path):
    rows = texts(300, 14)
    log = logged(tmp_path / "log", rows)
    feedback.take_in(csv_of(tmp_path / "labels.csv", rows, wrong=60), tmp_path / "fb")
    team = replace(team, drift=replace(team.drift, min_accuracy=0.9))

    found = made(team, log, feedback=str(tmp_path / "fb"))

    assert found["slices"]["all"]["accuracy"]["verdict"] == found["verdict"] == "CRITICAL"
    assert "below 0.9" in found["why"]


@pytest.mark.parametrize("name, content, message", [
    ("a.csv", "request_id,label\nr-1,good\nr-2,\n", "a.csv:3: `label` must be"),
    ("a.csv", "id,label\nr-1,good\n", "a.csv:2: needs the fields 'request_id'"),
    ("a.jsonl", '{"request_id": "r-1", "label": "good"}\n{"requ\n', "a.jsonl:2: not a JSON"),
    ("a.jsonl", '{"request_id": "r-1", "label": 3}\n', "a.jsonl:1: `label` must be"),
    ("a.jsonl", '{"request_id": "", "label": "good"}\n', "a.jsonl:1: `request_id` must be"),
    ("a.tsv", "request_id\tlabel\trow\nr-1\tgood\tx\n", "a.tsv:2: invalid literal"),
    ("a.csv", "request_id,label\n", "no labels in it")])
def test_faulty_labels_are_told_with_their_line_and_none_is_taken(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)

    with pytest.raises(CheckFailed, match=message.replace("`", ".")):
        feedback.take_in(tmp_path / name, tmp_path / "fb")

    assert not (tmp_path / "fb").exists()


def test_labels_go_to_folders_only():
    with pytest.raises(UsageError, match="written to a folder"):
        feedback.check_place("s3://bucket/labels")


def report_of(number):
    return {"created": f"2026-03-{number:02}T00:00:00+00:00", "model": "small", "version": None,
            "windows": {"current": {"from": f"2026-03-{number:02}", "to": f"2026-03-{number:02}",
                                    "rows": 5}},
            "verdict": "OK", "slices": {"all": {"label": {"value": 0.1, "verdict": "OK"}}}}


def test_history_is_kept_on_a_branch_that_two_writers_only_ever_extend(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    clones = []
    for name in ("one", "two"):
        git(tmp_path, "clone", "--quiet", "origin.git", name)
        clones.append(tmp_path / name)

    for number, clone in enumerate((clones[0], clones[1], clones[0], clones[0]), 1):
        history.append(clone, "origin", history.entry(report_of(number)))
    history.append(clones[1], "origin", history.entry(report_of(4)))

    entries = history.parse(history.read(clones[1], "origin"))
    assert [item["to"][-1] for item in entries] == ["1", "2", "3", "4"]
    assert git(tmp_path / "origin.git", "rev-list", "--count", history.BRANCH) == "5"
    assert len(history.before(entries, report_of(3))) == 2
    assert git(clones[0], "status", "--porcelain") == ""


def test_a_spoiled_history_loses_its_spoiled_lines_only(team, tmp_path):
    path = team.root / "reports" / "drift" / "history.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text('{"x"\n[]\n' + json.dumps(history.entry(report_of(1))) + "\n")

    assert [item["to"] for item in history.parse(path.read_text())] == ["2026-03-01"]
    assert made(team, answered(team, tmp_path / "log", texts(200, 15)))["verdict"] == "OK"
