"""The prediction log: rotation, kills, full disks, copies elsewhere, and what a line says."""

import json
import subprocess
import sys
import time

import fsspec
import pytest
from http_kit import RELEASE

from nlp_gitops.core.errors import UsageError
from nlp_gitops.model import Prediction
from nlp_gitops.serving.prediction_log import Entry, PredictionLog, lines, text_writer

ANSWERS = [Prediction("good", {"good": 0.75, "bad": 0.25})]


def test_the_log_is_rotated_by_size_and_every_line_is_whole(tmp_path):
    log = PredictionLog(tmp_path, RELEASE, text_writer("masked"), 2000)
    for number in range(40):
        log.put(Entry(f"r{number}", 1e9 + number, 0.01, 200, ["fine"], ANSWERS, tokens=[1]))
        time.sleep(0.002)
    log.close()
    rows = [json.loads(line) for path in tmp_path.rglob("*.jsonl")
            for line in path.read_text().splitlines()]
    assert {row["request_id"] for row in rows} == {f"r{number}" for number in range(40)}
    assert len(list(tmp_path.rglob("*.jsonl"))) > 1


def test_closed_files_are_copied_to_any_location_and_sent_again_until_they_are_whole(tmp_path):
    place = fsspec.filesystem("memory")
    log = PredictionLog(tmp_path, RELEASE, text_writer("masked"), 1000, url="memory://logs/m")
    for number in range(30):
        log.put(Entry(f"r{number}", 1e9, 0.01, 200, ["fine"], ANSWERS, tokens=[1]))
        time.sleep(0.002)
    log.close()
    sent = {path.removeprefix("/logs/m/"): place.cat_file(path)
            for path in place.find("/logs/m")}
    assert sent == {f"{path.parent.name}/{path.name}": path.read_bytes()
                    for path in tmp_path.rglob("*.jsonl")} and len(sent) > 1

    torn = next(iter(place.find("/logs/m")))
    place.pipe_file(torn, b"half of ")
    PredictionLog(tmp_path, RELEASE, text_writer("masked"), 1000, url="memory://logs/m").close()
    assert place.cat_file(torn) == sent[torn.removeprefix("/logs/m/")]


def test_a_location_that_cannot_be_written_is_counted_and_delays_nothing(tmp_path, capfd):
    (tmp_path / "file").write_text("in the way")
    log = PredictionLog(tmp_path / "log", RELEASE, text_writer("none"), 1000,
                        url=f"file://{tmp_path}/file")
    log.put(Entry("r", 1e9, 0.01, 200, ["fine"], ANSWERS, tokens=[1]))
    log.close()
    assert log.uploads.failed and "log upload" in capfd.readouterr().err
    assert len(list((tmp_path / "log").rglob("*.jsonl"))) == 1


@pytest.mark.parametrize("url", ["nosuch://bucket/x"])
def test_a_location_that_nobody_knows_is_one_line(tmp_path, url):
    with pytest.raises(UsageError, match="service.log_url"):
        PredictionLog(tmp_path, RELEASE, text_writer("none"), 1000, url=url)


WRITER = """\
import sys
from pathlib import Path
from nlp_gitops.serving.log_files import LogFile
file = LogFile(Path(sys.argv[1]), "m", 400_000)
print("ready", flush=True)
while True:
    file.write(['{"text": "' + "x" * 900 + '"}'] * 100)
"""


def test_no_half_line_is_left_after_a_kill_and_others_can_read_meanwhile(tmp_path):
    for number in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(0.02 * number)
        newest = max(tmp_path.rglob("*.jsonl"), key=lambda path: path.stat().st_mtime, default=None)
        if newest:
            assert all(json.loads(line) for line in newest.read_bytes().split(b"\n")[:-1])
        writer.kill()
        writer.wait()
    # What a kill in the middle of a write leaves; on most systems it takes long to meet one.
    with open(next(tmp_path.rglob("*.jsonl")), "ab") as stream:
        stream.write(b'{"text": "half')
    PredictionLog(tmp_path, RELEASE, text_writer("none"), 1000).close()
    for path in tmp_path.rglob("*.jsonl"):
        assert path.read_bytes().endswith(b"\n") or not path.stat().st_size
        assert all(json.loads(line) for line in path.read_bytes().splitlines())


def test_a_full_disk_loses_whole_lines_and_counts_them(tmp_path, monkeypatch):
    import nlp_gitops.serving.log_files as module

    real = module.os.write
    monkeypatch.setattr(module.os, "write", lambda handle, data: real(handle, data[:50])
                        if len(data) > 150 else (_ for _ in ()).throw(OSError(28, "No space")))
    log = PredictionLog(tmp_path, RELEASE, text_writer("none"), 10_000_000)
    log.put(Entry("r", 1e9, 0.01, 200, ["fine"], ANSWERS, tokens=[1]))
    log.close()
    assert log.dropped == 1
    assert [path.read_bytes() for path in tmp_path.rglob("*.jsonl")] == [b""]


def test_hashed_texts_need_a_key_and_equal_texts_are_equal(monkeypatch):
    monkeypatch.delenv("PRIVACY_KEY", raising=False)
    with pytest.raises(UsageError, match="PRIVACY_KEY"):
        text_writer("hashed")
    monkeypatch.setenv("PRIVACY_KEY", "k" * 16)
    keyed = text_writer("keyed")
    assert keyed("to a@b.org")["text"].startswith("to [e-mail:")
    told = text_writer("hashed")
    assert told("a") == told("a") != told("b") and "a" not in told("a").values()
    assert text_writer("none")("a") == {}


def test_a_line_names_versions_label_and_slice():
    entry = Entry("r", 1e9, 0.0123, 200, ["fine"], ANSWERS, {"domain": "books"}, [1])
    [line] = lines(entry, RELEASE, text_writer("masked"))
    row = json.loads(line)
    assert row["at"].startswith("2001-09-09T01:46:40") and row["latency_ms"] == 12.3
    assert (row["dataset"], row["label"], row["fields"], row["text"], row["tokens"]) == (
        "rows-v1.0.0", "good", {"domain": "books"}, "fine", 1)
