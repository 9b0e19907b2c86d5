"""Reading logs: whole and torn, plain and packed, kind and hostile."""

import gzip
import json
import random

import pytest
from drift_kit import LAYOUT, line, on_day, write_log
from hypothesis import given
from hypothesis import strategies as st

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.drift import inputs, logs
from nlp_gitops.drift.inputs import Days, Work
from nlp_gitops.drift.logs import Faults


def read(folder, days=None, keep=0):
    return inputs.read_all([str(folder)], Work(LAYOUT, keep=keep), days)


def test_rotated_and_packed_files_are_one_log(tmp_path):
    lines = [line(number, label="good", at=on_day(number % 3)) for number in range(30)]

    found = read(write_log(tmp_path, lines))

    assert found.profile.total()[0] == 30 and found.faults.wrong == 0
    assert found.versions == {"v1.0.0": 30}


def test_a_torn_end_is_counted_and_no_fault(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(line(1)) + "\n" + json.dumps(line(2))[:50])

    found = read(tmp_path)

    assert found.profile.total()[0] == 1
    assert (found.faults.torn, found.faults.wrong) == (1, 0)


HOSTILE = {
    "not a JSON line": b'{"label": ', "a line must be a JSON object": b"[1, 2]",
    "nested too deep": b"[" * 100_000 + b"]" * 100_000,
    "`label` is no text": json.dumps(line(1, label=["a"])).encode(),
    "`score` is not between 0 and 1": json.dumps(line(1, score=7)).encode(),
    "`latency_ms` is no time": json.dumps(line(1, latency_ms=-1)).encode(),
    "`at` is before 1970": json.dumps({**line(1), "at": "0001-01-01T00:00:00+00:00"}).encode(),
    "`at` has no time zone": json.dumps({**line(1), "at": "2026-03-01T10:00:00"}).encode(),
    "Invalid isoformat": json.dumps({**line(1), "at": "yesterday"}).encode(),
    "`text` is no text": json.dumps(line(1, text="x") | {"text": {"a": 1}}).encode(),
    "`status` is no number": json.dumps(line(1, status="200")).encode(),
    "`prompt_tokens`": json.dumps(line(1, prompt_tokens=1e300)).encode(),
}


@pytest.mark.parametrize("message", HOSTILE)
def test_a_hostile_line_is_left_out_and_told_with_its_place(tmp_path, message):
    good = json.dumps(line(2)).encode()
    (tmp_path / "a.jsonl").write_bytes(good + b"\n" + HOSTILE[message] + b"\n" + good + b"\n")

    found = read(tmp_path)

    assert found.profile.total()[0] == 2 and found.faults.wrong == 1
    assert found.faults.told[0].startswith(f"{tmp_path / 'a.jsonl'}:2: ")
    assert message in found.faults.told[0]


def test_a_line_without_end_takes_no_memory_and_the_rest_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "LONGEST", 10_000)
    good = json.dumps(line(2)).encode()
    (tmp_path / "a.jsonl").write_bytes(
        good + b"\n" + b"x" * 3 * (1 << 20) + b"\n" + good + b"\n")

    found = read(tmp_path)

    assert found.profile.total()[0] == 2 and found.faults.wrong == 1


@given(st.lists(st.one_of(st.just(b'{"label": "good"}'), st.binary(max_size=20)), max_size=20))
def test_any_bytes_are_lines_or_faults(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("log") / "a.jsonl"
    path.write_bytes(b"\n".join(parts) + b"\n")
    faults = Faults()

    found = [item for block in logs.read(str(path), faults, 3) for item in block]

    assert len(found) + faults.wrong == faults.lines
    for value, number in found:
        assert json.loads(path.read_bytes().split(b"\n")[number - 1]) == value


def test_shadow_answers_and_other_models_are_not_traffic(tmp_path):
    lines = [line(1, shadow=False), line(2, version="v2.0.0", shadow=True),
             line(3, model="other", version="v7.0.0"), line(4, variant="canary")]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(item) + "\n" for item in lines))
    found = inputs.read_log(str(tmp_path), Work(LAYOUT, None, "small", keep=9))

    assert found.profile.total()[0] == 2 and found.others == 2
    assert found.versions == {"v1.0.0": 2}
    assert {item["request_id"] for _, item in found.sample} == {"r-1", "r-4"}
    assert inputs.discover([str(tmp_path)], (), "other").labels == ("positive",)


def test_refused_requests_count_as_requests_and_not_as_predictions(tmp_path):
    refused = {key: value for key, value in line(2, status=503).items()
               if key not in ("label", "score", "characters", "fields", "text", "row")}
    several = [line(3, row=row) for row in range(3)]
    (tmp_path / "a.jsonl").write_text("".join(
        json.dumps(item) + "\n" for item in (line(1), refused, *several)))

    total = read(tmp_path).profile.total()

    columns = LAYOUT.columns
    assert total[columns["requests"]][0] == 3 and total[columns["failed"]][0] == 1
    assert total[columns["rows"]][0] == total[columns["label"]].sum() == 4


def test_a_window_takes_its_days_alone(tmp_path):
    write_log(tmp_path, [line(number, at=on_day(number), version=f"v1.{number}.0")
                         for number in range(12)])
    days = Days(on_day(7).date(), on_day(9).date())

    found = read(tmp_path, days, keep=5)

    assert found.profile.total()[0] == 3
    assert {item["request_id"] for _, item in found.sample} == {"r-7", "r-8", "r-9"}
    assert set(found.versions) == {"v1.7.0", "v1.8.0", "v1.9.0"}


def test_in_a_window_a_wrong_time_is_a_fault_and_a_line_without_one_is_outside(tmp_path):
    lines = [line(1, at=on_day(0)), line(2) | {"at": 7}, line(3) | {"at": "soon"},
             line(4) | {"at": None}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(item) + "\n" for item in lines))

    found = read(tmp_path, Days(on_day(0).date(), on_day(0).date()))

    assert found.profile.total()[0] == 1 and found.faults.wrong == 2


@pytest.mark.parametrize("at, hour", [
    ("1970-01-01T05:59:59.999+00:00", 5), ("1970-01-01T05:00:00Z", 5),
    ("1970-01-01T05:00:00.123456Z", 5), ("1970-01-01T05:20:00+02:00", 3),
    ("1970-01-02T05:20:00+05:30", 23), ("1970-01-01T05:40:00+04:30", 1)])
def test_times_of_every_zone_are_hours_of_utc(at, hour):
    known = {}
    assert [logs.hour_of(at, known) for _ in range(2)] == [hour, hour]


def test_an_empty_or_missing_log_is_not_measured(tmp_path):
    with pytest.raises(NotMeasured, match="no such file"):
        read(tmp_path / "none")
    with pytest.raises(NotMeasured, match="no prediction log here"):
        read(tmp_path)
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(NotMeasured, match="no predictions in 0 lines"):
        read(tmp_path)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b"x\n" * 99)[:20])
    with pytest.raises(NotMeasured, match="b.jsonl.gz: cannot be read"):
        read(tmp_path)


def test_hours_without_number_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "MOST_HOURS", 5)
    write_log(tmp_path, [line(number, at=on_day(number)) for number in range(10)])

    with pytest.raises(UsageError, match="--days"):
        read(tmp_path)


def test_a_url_is_read_like_a_folder(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    write_log(tmp_path, [line(number, at=on_day(number)) for number in range(4)])
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path), "/bucket/predictions", recursive=True)

    found = read("memory://bucket/predictions")

    assert found.profile.total()[0] == 4
    with pytest.raises(NotMeasured, match="memory://bucket/none"):
        read("memory://bucket/none")


def test_a_gzip_that_is_damaged_in_the_middle_is_not_measured(tmp_path):
    drawn = random.Random(0)
    data = bytearray(gzip.compress("".join(drawn.choices("abcdef", k=9000)).encode()))
    data[300:340] = drawn.randbytes(40)
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(bytes(data))

    with pytest.raises(NotMeasured, match="cannot be read"):
        list(logs.read(str(path), Faults()))
