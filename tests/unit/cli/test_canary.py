"""The command canary: the judge alone, pointed at two services or at a prediction log."""

import http.server
import json
import threading

import pytest

from nlp_gitops.cli.main import main
from nlp_gitops.model import Prediction
from nlp_gitops.serving.metrics import Metrics
from nlp_gitops.serving.release import Release

QUICK = ("--every", "0.05", "--deadline", "20", "--min-requests", "300", "--json")


class Service:
    """Answers /metrics; each look finds `answers` more, `errors` of them with status 500.

    `silent` names the looks that get a 503 instead.
    """

    def __init__(self, errors=0, silent=(), answers=100):
        self.looks, self.errors, self.silent, self.answers = 0, errors, silent, answers
        self.metrics = Metrics(Release("m", "v1.0.0", "d-v1.0.0", "n/a", "a" * 64, "c" * 40,
                                       ("bad", "good"), "stable"))
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                service.looks += 1
                self.send_response(503 if service.looks in service.silent else 200)
                self.end_headers()
                self.wfile.write(service.page())

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def page(self):
        for number in range(self.answers):
            failed = number < self.errors
            self.metrics.request(500 if failed else 200, 0.004)
            if not failed:
                self.metrics.predicted(["x"], [Prediction("good", {"good": 0.9, "bad": 0.1})], [1])
        return self.metrics.page()

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def canary(capsys, monkeypatch):
    """Give a function that returns (exit code, the result or None, what went to stderr)."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def judged(*words):
        with pytest.raises(SystemExit) as ended:
            main(["canary", *map(str, words)])
        said = capsys.readouterr()
        return ended.value.code, json.loads(said.out) if said.out else None, said.err

    return judged


@pytest.mark.parametrize("errors, code, verdict", [(0, 0, "PASS"), (30, 1, "FAIL")])
def test_the_exit_code_says_what_to_do(canary, errors, code, verdict, tmp_path):
    with Service() as champion, Service(errors) as candidate:
        ended, found, _ = canary("--champion", champion.url, "--candidate", candidate.url, *QUICK,
                                 "--evidence-out", tmp_path / "evidence.json")

    assert (ended, found["verdict"]) == (code, verdict), found["why"]
    assert json.loads((tmp_path / "evidence.json").read_text()) == found


def test_one_look_that_fails_is_made_again_and_three_end_the_canary(canary):
    with Service() as champion, Service(silent=(3, 5, 6)) as candidate:
        patient = canary("--champion", champion.url, "--candidate", candidate.url, *QUICK)
    with Service() as champion, Service(silent=(3, 4, 5)) as candidate:
        ended, found, said = canary("--champion", champion.url, "--candidate", candidate.url,
                                    *QUICK)

    assert patient[0] == 0 and patient[1]["verdict"] == "PASS"
    assert ended == 3 and found is None
    assert said.startswith(f"error: {candidate.url}/metrics cannot be read")


def test_without_traffic_there_is_no_verdict(canary):
    with Service(answers=0) as champion, Service(answers=0) as candidate:
        ended, found, _ = canary("--champion", champion.url, "--candidate", candidate.url,
                                 "--every", "0.05", "--deadline", "0.3", "--json")

    assert ended == 4 and found["verdict"] == "INCONCLUSIVE"


def test_versions_in_a_prediction_log_are_judged_at_once(canary, tmp_path):
    day = tmp_path / "dt=2026-01-01"
    day.mkdir()
    (day / "a.jsonl").write_text("".join(json.dumps(
        {"version": version, "label": "good", "status": 200, "latency_ms": 4.0}) + "\n"
        for version in ("v1.0.0", "v1.1.0") for _ in range(600)))

    ended, found, _ = canary("--log", tmp_path, "--champion", "v1.0.0", "--candidate", "v1.1.0",
                             "--once", "--json")

    assert (ended, found["verdict"]) == (0, "PASS"), found["why"]


@pytest.mark.parametrize("words, said", [
    (("--champion", "v1.0.0", "--candidate", "v1.1.0"), "add --log DIR"),
    (("--champion", "http://x", "--candidate", "http://y", "--every", "0"), "must be above 0")])
def test_what_it_cannot_do_is_one_line(canary, words, said):
    ended, found, line = canary(*words)

    assert ended == 2 and found is None
    assert line.startswith("error: ") and said in line and line.count("\n") == 1
