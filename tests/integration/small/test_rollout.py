"""The rollout's parts: state, lock, proxy configuration, processes, traffic and reports."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
from small import HERE

from nlp_gitops.core.errors import CheckFailed, Conflict, NotMeasured, UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.deploy import canary, care, counts, nginx, place, processes, report, state
from nlp_gitops.deploy.counts import of_page
from nlp_gitops.deploy.drill import Traffic
from nlp_gitops.deploy.judge import Counts, Decision, Row
from nlp_gitops.deploy.state import Slot, State

REF = ModelRef.parse("m@v1.0.0")
TEMPLATE = (HERE / "deploy" / "nginx.conf").read_text(encoding="utf-8")


def test_a_state_comes_back_as_it_was(tmp_path):
    assert state.load(tmp_path) is None
    saved = State("production", 8080, {"blue": Slot("m@v1.0.0", 5000)}, "blue", generation=3,
                  blocked={"m@v1.1.0": "errors"})
    state.save(tmp_path, saved)
    assert state.load(tmp_path) == saved
    assert saved.spare() == "green"
    assert saved.with_slot("blue", None).slots == {}


def test_an_abort_keeps_the_proxy_where_the_deploy_put_it(project, tmp_path, monkeypatch):
    known, used = State("production", 8080, host="0.0.0.0"), []
    folder = tmp_path / "production"
    folder.mkdir()
    state.save(folder, known)
    monkeypatch.setattr(care, "folder_of", lambda project, environment: folder)
    monkeypatch.setattr(care, "without_canary", lambda place, now, stop: used.append(
        place.target.host) or now)

    care.abort(project, "production", "drill", lambda line: None)

    assert used == ["0.0.0.0"]


@pytest.mark.parametrize("content", ["{", '{"schema": "nlp-gitops/deploy-state/9"}', "{}"])
def test_a_foreign_state_is_refused(tmp_path, content):
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(UsageError, match="not a state of this version"):
        state.load(tmp_path)


def test_a_second_deploy_is_refused_until_the_first_is_gone(tmp_path):
    with state.locked(tmp_path):
        with pytest.raises(Conflict, match=f"process {os.getpid()}"):
            with state.locked(tmp_path):
                pass
    with state.locked(tmp_path):
        pass


def test_a_dead_deploy_holds_no_lock(tmp_path):
    code = f"import fcntl, os\nf = open({str(tmp_path / 'lock')!r}, 'a')\n" \
           "fcntl.flock(f, fcntl.LOCK_EX)\nprint('held', flush=True)\nos.kill(os.getpid(), 9)"
    assert b"held" in subprocess.run([sys.executable, "-c", code], capture_output=True).stdout
    with state.locked(tmp_path):
        pass


def test_a_pid_counts_only_while_its_process_holds_the_file(tmp_path):
    path = tmp_path / "blue.pid"
    assert state.pid_of(path) is None
    path.write_text(json.dumps({"pid": os.getpid()}))
    assert state.pid_of(path) is None


def configuration(canary_port=None, weight=0):
    route = nginx.Route("staging", 7, "127.0.0.1:8081", 5001, canary_port, weight)
    return nginx.configuration(TEMPLATE, route, 1000, 10.0)


def test_the_proxy_sends_everything_to_the_champion_without_a_canary():
    text = configuration()
    assert "@" not in text.replace("@words@", "") and "proxy_pass http://stable;" in text
    assert "split_clients" not in text and "http_503 non_idempotent" in text
    assert configuration(5002, 0) == text


def test_a_canary_gets_its_share_and_the_champion_is_its_backup():
    text = configuration(5002, 25)
    assert "25% canary;" in text and "proxy_pass http://$variant;" in text
    assert "server 127.0.0.1:5001 backup;" in text


@pytest.mark.skipif(not shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"),
                    reason="nginx is not installed")
@pytest.mark.parametrize("weight", [0, 50])
def test_nginx_accepts_the_configuration(tmp_path, weight):
    (tmp_path / "nginx.conf").write_text(configuration(5002, weight))
    done = subprocess.run([nginx.check_installed(), "-t", "-p", f"{tmp_path}/", "-c", "nginx.conf",
                           "-e", "error.log"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_nginx_the_command_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(nginx.shutil, "which", lambda *_, **__: None)
    with pytest.raises(UsageError, match="apt-get install nginx"):
        nginx.check_installed()


def repository(folder, code):
    """Make a folder whose tools/serve.py is this code."""
    (folder / "tools").mkdir()
    (folder / "tools" / "serve.py").write_text(code)
    (folder / "place").mkdir()
    return folder


def test_a_version_that_does_not_start_says_its_last_words(tmp_path):
    root = repository(tmp_path, "import sys; sys.exit('error: m@v1.0.0 cannot be had')")
    with pytest.raises(CheckFailed, match="cannot be had"):
        processes.start(root, root / "place", "blue", REF, None)


def test_a_prompt_that_has_no_answer_at_all_fails_its_smoke_test(monkeypatch):
    monkeypatch.setattr(processes, "get", lambda url: {"archive_sha256": "a"})
    manifest, labels = {"labels": ["good"], "artifacts": [{"sha256": "a"}]}, ["abstain"]
    monkeypatch.setattr(processes, "post", lambda url, value: {
        "label": labels[-1], "predictions": [{"label": label} for label in labels]})

    with pytest.raises(CheckFailed, match="is its provider there"):
        place.smoke(Slot("m@v1.0.0", 1), manifest, ["fine"])
    labels[:0] = ["good"]
    place.smoke(Slot("m@v1.0.0", 1), manifest, ["fine"])


STUBBORN = """\
import fcntl, http.server, json, os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
held = open(arguments["--pid-file"], "a+")
fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
held.truncate(0); held.write(json.dumps({"pid": os.getpid()})); held.flush()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(b'{"model": "m", "version": "v1.0.0"}')
http.server.HTTPServer(("127.0.0.1", int(arguments["--port"])), Handler).serve_forever()
"""


def test_a_process_that_ignores_a_stop_is_ended_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    root = repository(tmp_path, STUBBORN)
    slot = processes.start(root, root / "place", "blue", REF, None)
    assert processes.is_ready(slot)
    assert not processes.is_ready(Slot("m@v2.0.0", slot.port))
    processes.stop(root / "place", "blue")
    assert state.pid_of(root / "place" / "blue.pid") is None and not processes.is_ready(slot)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers two of three requests, on connections that stay open."""

    protocol_version = "HTTP/1.1"
    number = 0

    def do_POST(self):
        Handler.number += 1
        body = b'{"version": "v1.0.0"}'
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if Handler.number % 3 else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        # Every seventh connection is closed after its answer, without a word about it.
        self.close_connection = Handler.number % 7 == 0

    def log_message(self, *_):
        pass


def test_the_traffic_counts_answers_failures_and_reconnections():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Traffic(f"http://127.0.0.1:{server.server_port}", ["a", "b"], 2) as traffic:
        while Handler.number < 60:
            time.sleep(0.01)
    server.shutdown()
    found = traffic.tally.record()
    assert found["reasons"] == {"status 500": found["failed"]} and found["failed"] >= 15
    assert found["by_version"] == {"v1.0.0": found["answered"]} and found["reconnected"] > 0
    assert found["answered"] + found["failed"] == Handler.number


def test_an_abort_is_seen_until_it_is_forgotten(tmp_path):
    assert canary.asked_to_stop(tmp_path) is None
    canary.ask_to_stop(tmp_path, "wrong labels")
    assert canary.asked_to_stop(tmp_path) == "wrong labels"
    canary.forget_the_ask(tmp_path)
    assert canary.asked_to_stop(tmp_path) is None


def told(verdict="FAIL", why="errors: 5 of 50"):
    rows = (Row("errors", (0, 100), (5, 50), 1e9, 0.2, 0.01),)
    judged = canary.Judged(verdict, why, Decision(verdict, why, rows, ("label 'x'",)), 4, 2.0, 0.1,
                           50)
    return {"rehearsal": True, "environment": "production", "verdict": verdict, "why": why,
            "ended": "2026-03-01T12:00:00+00:00", "candidate": "m@v1.1.0",
            "champion": "m@v1.0.0", "serving": None, "traffic": None,
            "canary": report.judged_record(judged), "steps": ["start"]}


def test_a_report_is_told_in_lines_json_and_summary(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    found = told()
    report.publish(found, tmp_path / "a.json", tmp_path / "b.json")
    assert json.loads((tmp_path / "a.json").read_text()) == found
    kept = tmp_path / "deploys" / "20260301-120000Z-production.json"
    assert json.loads(kept.read_text()) == found
    assert json.loads((tmp_path / "b.json").read_text())["schema"] == report.CANARY_SCHEMA
    assert report.lines(found)[0].startswith("errors   candidate 5 of 50 (10.00%)")
    assert report.lines(found)[-1] == "REHEARSAL: FAIL: errors: 5 of 50"
    assert "Rehearsal, nothing is deployed" in (tmp_path / "summary.md").read_text()


def test_text_in_a_report_stays_text():
    text = report.markdown(told(why="<img src=x> @all `a` | b\n::error::"))
    assert "<img" not in text and " | b" not in text.split("| | |")[0]


def test_counts_since_a_moment():
    bounds = (0.1, 0.2)
    before, after = Counts(5, 1, 0, 0, bounds, (2, 4)), Counts(9, 1, 1, 0, bounds, (3, 8))
    assert after.minus(before) == Counts(4, 0, 1, 0, bounds, (1, 4))
    with pytest.raises(ValueError, match="started again"):
        before.minus(after)


def page(requests, errors=0):
    counted = "".join(f'service_requests_total{{status="{status}"}} {number}\n'
                      for status, number in ((200, requests - errors), (500, errors)))
    return (f"# TYPE service_requests counter\n{counted}"
            "# TYPE service_request_seconds histogram\n"
            f'service_request_seconds_bucket{{le="0.1"}} {requests}\n')


def test_all_processes_behind_a_name_are_added_up_whatever_comes_and_goes(monkeypatch):
    pages = {"http://10.0.0.1:80": page(10), "http://10.0.0.2:80": page(5, 2)}
    monkeypatch.setattr(counts, "addresses", lambda url: sorted(pages))

    def answered(url):
        if pages[url] is None:
            raise NotMeasured(url)
        return of_page(pages[url])

    monkeypatch.setattr(counts, "of_service", answered)
    side = counts.Replicas("http://canary")
    first = side.counts()
    assert (first.requests, first.errors) == (15, 2)
    # One goes on, one does not answer, one is new, one was started again on the same address.
    pages.update({"http://10.0.0.1:80": page(14), "http://10.0.0.2:80": None,
                  "http://10.0.0.3:80": page(7)})
    assert side.counts().minus(first).requests == 11
    pages["http://10.0.0.1:80"] = page(3, 1)
    assert side.counts().minus(first).requests == 14
    pages = dict.fromkeys(pages)
    with pytest.raises(NotMeasured, match="no process"):
        side.counts()


def test_a_name_leads_to_its_addresses():
    assert counts.addresses("http://127.0.0.1:8000") == ["http://127.0.0.1:8000"]
    with pytest.raises(NotMeasured):
        counts.addresses("http://no-such-host.invalid")
