"""What workflows tell people: comments on pull requests, alerts as issues, words in a chat."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from flow_kit import HOSTILE, NAME, in_workflow, team_in_staging
from github_events import event
from github_standin import pulls

pytestmark = pytest.mark.xdist_group("flow-messages")


@pytest.fixture(scope="module")
def on_github(tmp_path_factory, venv):
    """A team on GitHub with one version in staging, made elsewhere, which costs no training."""
    with team_in_staging(tmp_path_factory.mktemp("messages"), venv) as found:
        yield found


def finished(sha: str, conclusion: str = "success") -> dict:
    return event("workflow_run", workflow_run={
        "event": "pull_request", "id": 5, "conclusion": conclusion, "head_branch": "$(id)",
        "head_sha": sha, "html_url": "https://github.com/run",
        "head_repository": {"owner": {"login": "stranger"}}})


def said(on_github, number: int) -> list[str]:
    return [item["body"] for item in on_github.repository.comments.values()
            if item["issue_url"] == f"issue-{number}"]


def report(on_github, folder: Path, **ours) -> Path:
    made = on_github.project.parent / "first-report.json"
    path = folder / "report.json"
    path.write_text(json.dumps({**json.loads(made.read_text()), **ours}))
    return path


def test_a_fork_s_report_becomes_one_comment_that_is_updated(on_github, tmp_path):
    pulls.add(on_github.repository, 11, "stranger", "$(id)", "a" * 40, title=HOSTILE)
    env = in_workflow(tmp_path / "job", finished("a" * 40))

    first = on_github.tool("comment", str(report(on_github, tmp_path)), **env)
    on_github.tool("comment", str(report(on_github, tmp_path, headline=HOSTILE)), **env)

    assert "comment on #11: written" in first.stdout
    assert len(said(on_github, 11)) == 1
    body = said(on_github, 11)[0]
    assert body.startswith("<!-- model-gate -->\n") and "PASS" in body
    for text in ("`id`", "<b>", "@org", "[l](http", "\n::error::"):
        assert text not in body


def test_a_run_that_a_newer_commit_has_overtaken_says_nothing(on_github, tmp_path):
    pulls.add(on_github.repository, 12, "stranger", "$(id)2", "b" * 40)
    env = in_workflow(tmp_path / "job", finished("c" * 40))

    done = on_github.tool("comment", str(report(on_github, tmp_path)), **env)

    assert "nothing to say" in done.stdout and said(on_github, 12) == []


@pytest.mark.parametrize("number, conclusion, words", [
    (21, "failure", ["The checks failed"]), (22, "success", [])])
def test_without_a_report_only_a_failure_is_worth_a_comment(on_github, tmp_path, number,
                                                            conclusion, words):
    pulls.add(on_github.repository, number, "stranger", "$(id)", f"{number}" * 20)
    env = in_workflow(tmp_path / "job", finished(f"{number}" * 20, conclusion))

    on_github.tool("comment", str(tmp_path / "none.json"), **env)

    assert [word for body in said(on_github, number) for word in words if word in body] == words
    assert len(said(on_github, number)) == len(words)


def test_a_stranger_s_comment_that_quotes_our_mark_is_left_alone(on_github, tmp_path):
    pulls.add(on_github.repository, 31, "stranger", "$(id)", "d" * 40)
    comments = on_github.repository.comments
    env = in_workflow(tmp_path / "job", finished("d" * 40))
    on_github.tool("comment", str(report(on_github, tmp_path)), **env)
    theirs = next(item for item in comments.values() if item["issue_url"] == "issue-31")
    theirs["user"], before = {**theirs["user"], "type": "User"}, theirs["body"]

    on_github.tool("comment", str(report(on_github, tmp_path, headline="new")), **env)

    assert theirs["body"] == before and len(said(on_github, 31)) == 2


@pytest.mark.parametrize("text", ['{"schema": "nlp-gitops/report/1"', "[]", "x" * 100])
def test_a_forged_report_is_a_comment_about_that(on_github, tmp_path, text):
    on_github.repository.comments.clear()
    pulls.add(on_github.repository, 41, "stranger", "$(id)", "e" * 40)
    (tmp_path / "report.json").write_text(text)
    env = in_workflow(tmp_path / "job", finished("e" * 40))

    done = on_github.tool("comment", str(tmp_path / "report.json"), **env)

    assert done.returncode == 0 and "cannot be read" in said(on_github, 41)[0]


def alert(on_github, tmp_path, kind, value, **env):
    path = tmp_path / "value.json"
    path.write_text(json.dumps(value))
    return on_github.tool("alert", kind, str(path), check=False,
                          **in_workflow(tmp_path / "job", **env))


def open_issues(on_github, kind):
    return [item for item in on_github.repository.issues.values() if item["state"] == "open"
            and f"alert:{kind}" in [label["name"] for label in item["labels"]]]


def test_an_alert_is_one_issue_while_it_lasts_and_closed_when_it_is_over(on_github, tmp_path):
    bad = {"verdict": "ALERT", "slices": {"<b>": {"label": {"value": 0.3, "verdict": "ALERT"}}}}
    for value in (bad, {**bad, "verdict": "CRITICAL"}, {"verdict": "INSUFFICIENT"}):
        alert(on_github, tmp_path, "drift", value)
    seen = open_issues(on_github, "drift")

    alert(on_github, tmp_path, "drift", {"verdict": "OK", "slices": {}})

    assert [item["title"] for item in seen] == ["Drift: CRITICAL"]
    assert "<b>" not in seen[0]["body"] and open_issues(on_github, "drift") == []


def test_faults_of_the_registry_are_told_and_change_nothing(on_github, tmp_path):
    fault = {"code": "R024", "subject": f"{NAME}#production#9", "message": HOSTILE, "hint": "-"}
    before = on_github.stages()

    alert(on_github, tmp_path, "registry", {"faults": [fault], "notes": []})

    body = open_issues(on_github, "registry")[0]["body"]
    assert "R024" in body and "Nothing was changed" in body and "@org" not in body
    assert on_github.stages() == before


@pytest.mark.parametrize("kind, value", [("drift", {"verdict": "odd"}), ("drift", []),
                                         ("registry", {"a": 1}), ("registry", [])])
def test_a_report_of_another_kind_is_refused_in_one_line(on_github, tmp_path, kind, value):
    done = alert(on_github, tmp_path, kind, value)

    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


class Chat(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    def do_POST(self) -> None:
        """Take a message."""
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Be quiet."""


@pytest.fixture
def chat():
    server = HTTPServer(("127.0.0.1", 0), Chat)
    server.told, server.status = [], 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_chat_is_told_without_mentions_or_links(on_github, chat):
    done = on_github.tool("notify", "Rolled back", "<!channel> <http://x|y> *b*",
                          NOTIFY_WEBHOOK=f"http://127.0.0.1:{chat.server_port}/secret")

    assert chat.told == [{"text": "*Rolled back*\n&lt;!channel&gt; &lt;http://x|y&gt; ∗b∗"}]
    assert "told 127.0.0.1" in done.stdout and "secret" not in done.stdout


@pytest.mark.parametrize("address", ["", "http://chat.example/x", "nonsense", "https://[::1",
                                     "https://127.0.0.1:port/x"])
def test_a_chat_that_cannot_be_told_fails_nothing(on_github, address):
    done = on_github.tool("notify", "t", "x", NOTIFY_WEBHOOK=address)

    assert "nobody was told" in done.stdout


def test_a_chat_that_answers_with_an_error_fails_nothing(on_github, chat):
    chat.status = 500

    done = on_github.tool("notify", "t", NOTIFY_WEBHOOK=f"http://127.0.0.1:{chat.server_port}/")

    assert "answered 500" in done.stdout


def test_what_was_not_measured_is_told_with_its_reason_and_is_no_alert(on_github, tmp_path):
    env = in_workflow(tmp_path / "job")

    done = on_github.tool("alert", "drift", "--not-measured", "no logs: set DRIFT_LOGS", **env)

    assert "NOT_MEASURED" in done.stdout
    assert "DRIFT&#95;LOGS" in (tmp_path / "job" / "summary").read_text()
    assert open_issues(on_github, "drift") == []
