"""What the service writes for drift: hourly profiles without text, and labels that come later."""

import json
from dataclasses import replace

import pytest
from drift_kit import LAYOUT
from drift_team import FRAME, PACKED
from http_kit import LIMITS, RELEASE, asked, call, served
from small import THINGS

from nlp_gitops.drift import feedback, inputs
from nlp_gitops.drift.inputs import Work
from nlp_gitops.serving.feedback_log import FeedbackLog
from nlp_gitops.serving.prediction_log import Entry, PredictionLog, text_writer
from nlp_gitops.serving.profiles import ProfileWriter


def logged(folder, told="masked"):
    """Return a prediction log with a profile beside it."""
    watcher = ProfileWriter(folder / "profiles", RELEASE, PACKED, "en")
    return PredictionLog(folder / "log", RELEASE, text_writer(told), 10_000, watcher)


def profiled(folder):
    """Return what the service summed up."""
    return inputs.read_profiles(str(folder / "profiles"), PACKED.profile.layout).profile


def test_the_profile_of_the_service_is_that_of_its_log(tmp_path):
    with served(log=logged(tmp_path)) as (port, _):
        for number in range(30):
            asked(port, {"text": f"the {THINGS[number % 8]} of jo{number}@example.org is fine",
                         "fields": {"domain": "books"}})
        asked(port, {"texts": ["the lamp is old", "zorb"]})
        asked(port, {"text": 3})

    written = profiled(tmp_path)
    read = inputs.read_all([str(tmp_path / "log")], Work(
        PACKED.profile.layout, FRAME, "m")).profile

    assert {name: written.total(name).tolist() for name in written.blocks} == {
        name: read.total(name).tolist() for name in read.blocks}
    columns = written.layout.columns
    assert written.total()[columns["rows"]][0] == 32
    assert written.total()[columns["refused"]][0] == 1
    assert written.total("domain=books")[columns["embedded"]][0] == 30


def test_drift_can_be_judged_where_no_text_is_kept(tmp_path):
    with served(log=logged(tmp_path, "none")) as (port, _):
        asked(port, {"text": "the kettle is secretly fine"})

    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    profile = profiled(tmp_path)
    assert b"secretly" not in everything
    assert profile.total()[profile.layout.columns["embedded"]][0] == 1


def test_what_a_shadow_answers_is_marked_and_is_no_traffic(tmp_path):
    with served(log=logged(tmp_path)) as (port, _):
        asked(port, {"text": "the kettle is fine"})
        asked(port, {"text": "the lamp is old"}, **{"X-Shadow": "1"})

    [path] = tmp_path.glob("log/dt=*/*.jsonl")
    assert [json.loads(row)["shadow"] for row in path.read_text().splitlines()] == [False, True]
    assert profiled(tmp_path).total()[0] == 1
    assert inputs.read_log(str(tmp_path / "log"), Work(
        PACKED.profile.layout, FRAME, "m")).others == 1


def test_labels_that_come_later_are_joined_with_their_request(tmp_path):
    log = PredictionLog(tmp_path / "log", RELEASE, text_writer("none"), 10_000)
    labels = FeedbackLog(tmp_path / "fb", RELEASE.labels, 10_000)
    with served(log=log, feedback=labels) as (port, _):
        ids = [asked(port, {"texts": ["fine", "grand"]})[1]["request_id"] for _ in range(2)]
        answers = [call(port, {"request_id": ids[0], "label": "bad"}, "/feedback"),
                   call(port, [{"request_id": ids[1], "label": "good", "row": 1},
                               {"request_id": "unknown", "label": "good"}], "/feedback")]

    assert [(answer.status, json.loads(content)) for answer, content in answers] == [
        (202, {"taken": 1}), (202, {"taken": 2})]
    confusion, joined = feedback.join(str(tmp_path / "fb"), [str(tmp_path / "log")], LAYOUT, "m")
    assert joined == {"labels": 3, "matched": 2, "unmatched": 1}
    assert confusion["all"].tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("body, status, code", [
    (b"{", 400, "json"), ([], 422, "feedback"), ([{}] * 1001, 422, "feedback"),
    ({"label": "good"}, 422, "feedback"), ("x", 422, "feedback"), (3, 422, "feedback"),
    ({"request_id": 3, "label": "good"}, 422, "feedback"),
    ({"request_id": "a" * 65, "label": "good"}, 422, "feedback"),
    ({"request_id": "a", "label": "good", "row": -1}, 422, "feedback"),
    ({"request_id": "a", "label": "great"}, 422, "label"),
    ([{"request_id": "a", "label": "good"}, {"request_id": "b", "label": ["x"]}], 422, "feedback")])
def test_what_is_no_label_is_refused_whole(tmp_path, body, status, code):
    labels = FeedbackLog(tmp_path / "fb", RELEASE.labels, 10_000)
    with served(feedback=labels, limits=replace(LIMITS, max_body_bytes=10_000)) as (port, _):
        answer, content = call(port, body, "/feedback")

    assert (answer.status, json.loads(content)["error"]["code"]) == (status, code)
    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_service_without_a_feedback_log_says_so():
    with served() as (port, _):
        answer, content = call(port, {"request_id": "a", "label": "good"}, "/feedback")

    assert answer.status == 404 and b"--feedback" in content


def test_a_profile_that_cannot_be_written_costs_no_line_of_the_log(tmp_path, capsys):
    class Broken:
        def add(self, entries):
            raise RuntimeError("no embedding")

        def close(self):
            pass

    log = PredictionLog(tmp_path, RELEASE, text_writer("masked"), 10_000, Broken())
    for number in range(3):
        log.put(Entry(f"r-{number}", 1_764_000_000.0, 0.001, 503))
    log.close()

    assert log.dropped == 0
    assert sum(path.read_text().count("\n") for path in tmp_path.rglob("*.jsonl")) == 3
    assert "drift profile: RuntimeError" in capsys.readouterr().err
