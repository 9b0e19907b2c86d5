"""The service over real HTTP: answers, limits, ids, metrics, log, lease and a graceful stop."""

import asyncio
import http.client
import json
import socket
import threading
import time
from dataclasses import replace

import pytest
import uvicorn
from http_kit import LIMITS, RELEASE, asked, call, predict, run, served
from prometheus_client.parser import text_string_to_metric_families
from uvicorn.server import ServerState

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ABSTAIN
from nlp_gitops.deploy.counts import of_log, of_page
from nlp_gitops.model import Prediction
from nlp_gitops.serving import faults, lease
from nlp_gitops.serving.application import application
from nlp_gitops.serving.batching import Batcher
from nlp_gitops.serving.front import Desk, Front
from nlp_gitops.serving.lease import Lease
from nlp_gitops.serving.metrics import Metrics
from nlp_gitops.serving.prediction_log import PredictionLog, text_writer
from nlp_gitops.serving.server import OneWriteProtocol


@pytest.fixture(scope="module")
def port():
    with served() as (found, _):
        yield found


def test_one_text_and_several(port):
    status, one = asked(port, {"text": "fine"})
    assert status == 200 and one["label"] == "good" and one["score"] == 0.75
    assert one["model"] == "m" and one["version"] == "v1.0.0"
    status, several = asked(port, {"texts": ["fine", "grand"], "fields": {"domain": "books"}})
    assert status == 200 and len(several["predictions"]) == 2


@pytest.mark.parametrize("body, status, code", [
    (b"{", 400, "json"), (b"", 400, "json"), (b"\xff\xfe", 400, "encoding"),
    (b'{"text": NaN}', 400, "json"), (b"[" * 1990, 400, "json"),
    ([], 422, "shape"), ({}, 422, "shape"), ({"text": "a", "texts": ["a"]}, 422, "shape"),
    ({"text": "a", "more": 1}, 422, "shape"), ({"text": 3}, 422, "type"),
    ({"texts": "a"}, 422, "type"), ({"texts": [None]}, 422, "type"), ({"text": " "}, 422, "empty"),
    ({"texts": []}, 422, "batch"), ({"texts": ["a"] * 4}, 422, "batch"),
    ({"text": "a" * 101}, 422, "length"), ({"text": "a\0b"}, 422, "characters"),
    (b'{"text": "a\\ud800"}', 422, "characters"), ({"text": "a", "fields": []}, 422, "fields"),
    ({"text": "a", "fields": {"x y": 1}}, 422, "fields"),
    ({"text": "a", "fields": {"x": None}}, 422, "fields"),
    (b'{"text": "a", "fields": {"x": "\\udfff"}}', 422, "characters"),
    (b'{"text": "a", "\\ud800": 1}', 422, "shape"),
    ({"text": "a" * 3000}, 413, "size"), ({"text": "boom"}, 500, "model"),
    ({"text": "odd"}, 500, "answer")])
def test_what_cannot_be_answered_says_why(port, body, status, code):
    found, answer = asked(port, body)
    assert found == status and answer["error"]["code"] == code
    assert len(answer["error"]["message"]) > 8 and answer["request_id"]


def test_no_answer_of_a_prompt_is_an_answer_and_no_fault():
    def abstains(texts):
        return [Prediction(ABSTAIN, {"good": 0.5, "bad": 0.5, ABSTAIN: 0.0}) for _ in texts]

    with served(abstains) as (port, _):
        status, found = asked(port, {"text": "fine"})

    assert (status, found["label"], found["score"]) == (200, ABSTAIN, 0)


def test_other_paths_methods_and_types_have_the_same_shape(port):
    for method, path, status, headers in (
            ("GET", "/nothing", 404, {}), ("DELETE", "/predict", 405, {}),
            ("POST", "/predict", 415, {"Content-Type": "text/plain"})):
        answer, content = call(port, {"text": "a"}, path, method, **headers)
        assert answer.status == status and json.loads(content)["error"]["message"]


def test_a_body_without_a_length_is_limited_too(port):
    # In one piece, for the server may hang up before a second one is sent.
    chunk = b'{"text": "' + b"a" * 3000 + b'"}'
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\n"
                           b"Content-Type: application/json\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n"
                           + f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_that_never_ends_is_given_up():
    with served(limits=replace(LIMITS, seconds=0.2)) as (quick, _):
        connection = http.client.HTTPConnection("127.0.0.1", quick, timeout=20)
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "50")
        connection.endheaders(b'{"text"')
        assert connection.getresponse().status == 408
        connection.close()


def test_a_request_keeps_its_id_or_gets_one(port):
    assert call(port, {"text": "a"}, **{"X-Request-ID": "mine-1"})[0].headers[
        "X-Request-ID"] == "mine-1"
    for bad in ("two words", "x" * 65, "a@b.example"):
        answer, content = call(port, {"text": "a"}, **{"X-Request-ID": bad})
        made = answer.headers["X-Request-ID"]
        assert made != bad and len(made) == 32 and json.loads(content)["request_id"] == made


def test_a_token_is_asked_for_everywhere_but_at_the_probes():
    with served(token="s3cret") as (found, _):
        assert asked(found, {"text": "a"})[0] == 401
        assert asked(found, {"text": "a"}, Authorization="Bearer wrong")[0] == 401
        assert asked(found, {"text": "a"}, Authorization="Bearer s3cret")[0] == 200
        for path, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 401),
                             ("/version", 401)):
            assert call(found, b"", path, "GET")[0].status == status


def test_too_many_at_once_and_too_slow_are_503_and_the_probe_tells_of_a_hang():
    gate = threading.Event()

    def hanging(texts):
        gate.wait(20)
        return predict(texts)

    with served(hanging, limits=replace(LIMITS, seconds=0.5)) as (found, _):
        results = []
        threads = [threading.Thread(target=lambda: results.append(call(found, {"text": "a"})))
                   for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ready = call(found, b"", "/readyz", "GET")[0].status
        gate.set()

    codes = [json.loads(content)["error"]["code"] for _, content in results]
    assert {answer.status for answer, _ in results} == {503} and ready == 503
    assert set(codes) == {"busy", "time"}
    assert all(answer.headers["Retry-After"] == "1" for answer, _ in results)


def test_a_bad_request_in_a_batch_spoils_no_other():
    started = threading.Event()

    def slow(texts):
        if not started.is_set():
            started.set()
            time.sleep(0.3)
        return predict(texts)

    with served(slow) as (found, _):
        results = {}

        def one(text):
            results[text] = asked(found, {"text": text})[0]

        threads = [threading.Thread(target=one, args=(text,)) for text in ("a", "boom", "c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {"a": 200, "boom": 500, "c": 200}


def test_metrics_and_log_count_the_same(tmp_path):
    log = PredictionLog(tmp_path, RELEASE, text_writer("masked"), 10_000_000)
    with served(log=log) as (found, _):
        for body in ({"text": "fine"}, {"texts": ["a", "b"]}, {"text": 1}, {"text": "boom"},
                     {"text": "one two three four"}):
            asked(found, body)
        page = call(found, b"", "/metrics", "GET")[1].decode()
    counts = of_page(page)
    assert (counts.requests, counts.errors, counts.refused) == (5, 1, 1)
    assert counts.labels == {"good": 4} and counts.overruns == 1
    assert replace(of_log(tmp_path, "v1.0.0"), within=counts.within, overruns=1) == counts


EVERY_METRIC = (
    "service_request_seconds_bucket", "service_requests_total", "service_requests_in_flight",
    "service_predictions_total", "service_score_bucket", "service_text_characters_bucket",
    "service_text_tokens_bucket", "service_token_overruns_total", "service_invalid_answers_total",
    "service_unleased_total", "service_log_lines_dropped", "service_log_uploads_failed")


def test_every_metric_names_model_version_and_variant(tmp_path):
    log = PredictionLog(tmp_path / "log", RELEASE, text_writer("masked"), 10_000)
    with served(log=log) as (found, desk):
        desk.metrics.dropped_lines(lambda: log.dropped)
        desk.metrics.failed_uploads(lambda: 0)
        asked(found, {"text": "fine"})
        page = call(found, b"", "/metrics", "GET")[1].decode()
    samples = {sample.name: sample for family in text_string_to_metric_families(page)
               for sample in family.samples}
    for name in EVERY_METRIC:
        labels = samples[name].labels
        assert (labels["model"], labels["version"], labels["variant"]) == ("m", "v1.0.0", "stable")


def test_the_log_holds_no_address_and_no_text_that_failed(tmp_path, capfd):
    log = PredictionLog(tmp_path, RELEASE, text_writer("masked"), 10_000_000)
    with served(log=log) as (found, _):
        asked(found, {"text": "write to jane.doe@corp-mail.de",
                      "fields": {"who": "x@corp-mail.de"}})
        asked(found, {"text": "boom jane.doe@corp-mail.de"})
        everything = call(found, b"", "/metrics", "GET")[1]
    everything += b"".join(path.read_bytes() for path in tmp_path.rglob("*.jsonl"))
    said = capfd.readouterr()
    assert "RuntimeError at" in said.err
    assert "jane" not in everything.decode() + said.err + said.out
    assert b"corp-mail" not in everything and b"[e-mail]" in everything


def test_without_a_lease_nothing_is_answered(tmp_path):
    path = tmp_path / "green.lease"
    with served(lease=Lease(path)) as (found, desk):
        assert asked(found, {"text": "a"})[0] == 503
        lease.grant(path, 30)
        time.sleep(0.3)
        assert asked(found, {"text": "a"})[0] == 200
        lease.withdraw(path)
        time.sleep(0.3)
        status, answer = asked(found, {"text": "a"})
        counted = of_page(desk.metrics.page().decode()).requests
    assert status == 503 and answer["error"]["code"] == "lease" and counted == 1


@pytest.mark.parametrize("content", ["", "{", '{"until": "soon"}', '{"until": 1}', "[]"])
def test_a_broken_or_old_lease_is_none(tmp_path, content):
    (tmp_path / "lease").write_text(content)
    assert not Lease(tmp_path / "lease").holds()


def test_a_stop_lets_the_last_answer_out(tmp_path):
    def slow(texts):
        time.sleep(0.5)
        return predict(texts)

    results = []
    log = PredictionLog(tmp_path, RELEASE, text_writer("none"), 10_000_000)
    with served(slow, log=log) as (found, _):
        thread = threading.Thread(target=lambda: results.append(asked(found, {"text": "a"})))
        thread.start()
        time.sleep(0.2)
    thread.join()
    assert results[0][0] == 200 and of_log(tmp_path, "v1.0.0").requests == 1


def test_another_release_takes_over_and_the_last_answers_come_out(tmp_path):
    def slow(texts):
        time.sleep(0.3)
        return predict(texts)

    log = PredictionLog(tmp_path, RELEASE, text_writer("none"), 10_000_000)
    desk = Desk(RELEASE, LIMITS, Batcher(slow), Metrics(RELEASE), log=log)
    newer = replace(RELEASE, version="v1.0.1")
    front, loops, results = Front(application, desk), [], []

    async def watched(scope, receive, send):
        loops.append(asyncio.get_running_loop())
        await front(scope, receive, send)

    with run(watched) as found:
        thread = threading.Thread(target=lambda: results.append(asked(found, {"text": "a"})))
        thread.start()
        time.sleep(0.1)
        asyncio.run_coroutine_threadsafe(front.change(
            Desk(newer, LIMITS, Batcher(predict), Metrics(newer))), loops[0])
        time.sleep(0.1)
        assert asked(found, {"text": "a"})[1]["version"] == "v1.0.1"
        thread.join()
    assert results[0][0] == 200 and results[0][1]["version"] == "v1.0.0"
    assert of_log(tmp_path, "v1.0.0").requests == 1


def test_planted_faults_begin_after_a_smoke_test():
    for kind in ("errors", "invalid", "label"):
        faulty = faults.planted(faults.parse(f"{kind}=1"), predict)
        for _ in range(faults.BEGINS):
            assert faulty(["fine"])[0].label == "good"
        if kind == "errors":
            with pytest.raises(RuntimeError):
                faulty(["fine"])
        else:
            assert faulty(["fine"])[0].label == ("" if kind == "invalid" else "bad")
    for text in ("errors", "errors=2", "nothing=1", "slow=-1", "errors=nan"):
        with pytest.raises(UsageError, match="KIND=SIZE"):
            faults.parse(text)


class Recorder(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self):
        super().__init__()
        self.writes = []

    def write(self, data):
        self.writes.append(data)

    def is_closing(self):
        return False


def test_head_and_body_leave_in_one_write_so_that_a_kill_cuts_no_answer():
    async def asked():
        transport = Recorder()
        front = Front(application, Desk(RELEASE, LIMITS, Batcher(predict), Metrics(RELEASE, 3)))
        config = uvicorn.Config(front)
        config.load()
        protocol = OneWriteProtocol(config, ServerState(), {})
        protocol.connection_made(transport)
        for _ in range(2):
            protocol.data_received(b"GET /version HTTP/1.1\r\nHost: here\r\n\r\n")
            await asyncio.sleep(0.2)
        return transport.writes

    writes = asyncio.run(asked())

    assert len(writes) == 2
    assert all(data.startswith(b"HTTP/1.1 200") and b'"v1.0.0"' in data for data in writes)
