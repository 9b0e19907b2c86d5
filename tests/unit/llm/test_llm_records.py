"""Recorded answers and budgets: nothing is paid twice, and no more than is allowed."""

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import llm_kit
import pytest
from llm_kit import GOOD, LIVE, Scripted, ask, asker, prompt, session

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.project import LlmSettings
from nlp_gitops.llm import Asker, Session, Settings, rehearsal_of, session_of


# Records


def test_nothing_is_paid_twice(tmp_path):
    for _ in range(2):
        found, provider = asker(tmp_path, lambda _: GOOD, session(tmp_path))
        [outcome] = ask(found, "fine")

    assert provider.asked == []
    assert (outcome.value, outcome.tokens, outcome.latency_ms) == ({"label": "good"}, 15, 20.0)


def test_without_permission_to_ask_a_text_that_is_not_recorded_is_not_measured(tmp_path):
    found, provider = asker(tmp_path, lambda _: GOOD, session(tmp_path, "record"))
    ask(found, "fine")
    found, provider = asker(tmp_path, lambda _: GOOD, session(tmp_path, "replay"))

    assert ask(found, "fine")[0].value == {"label": "good"}
    with pytest.raises(NotMeasured, match="no recorded answer of openai tiny to mood-v1.0.0"):
        ask(found, "other")
    assert provider.asked == []


def test_a_rehearsed_service_answers_from_records_and_asks_nobody(project):
    live = session_of(project)
    live.mode = "record"
    ask(asker(project.root, lambda _: GOOD, live)[0], "fine")

    found, provider = asker(project.root, lambda _: GOOD, rehearsal_of(project))
    known, other = ask(found, "fine", "other")

    assert known.value == {"label": "good"} and provider.asked == []
    assert other.value is None and "no recorded answer" in other.fault


@pytest.mark.parametrize("change", [
    {"model": "large"}, {"params": {"temperature": 1}}, {"goal": "Say it in other words."},
    {"version": "1.0.1"}, {"repeat": 1}])
def test_a_record_is_bound_to_prompt_model_and_parameters(tmp_path, change):
    found, _ = asker(tmp_path, lambda _: GOOD, session(tmp_path, "record"))
    ask(found, "fine")
    header = {key: change[key] for key in ("version", "goal") if key in change}
    made = prompt(tmp_path, **header)
    options = {key: change[key] for key in ("model", "params") if key in change}
    found = Asker(made, Settings.of(made, {**LIVE, **options}), Scripted(lambda _: GOOD))
    found.session = session(tmp_path, "replay")

    with pytest.raises(NotMeasured, match="no recorded answer"):
        ask(found, "fine", repeat=change.get("repeat", 0))


def test_recording_takes_over_what_was_paid_before(tmp_path):
    ask(asker(tmp_path, lambda _: GOOD, session(tmp_path))[0], "fine")

    found, provider = asker(tmp_path, lambda _: GOOD, session(tmp_path, "record"))
    ask(found, "fine")

    assert provider.asked == []
    assert len((tmp_path / "cassettes/mood/answers_v1.0.0.jsonl").read_text().splitlines()) == 1


def test_a_record_holds_neither_the_text_nor_personal_data(tmp_path):
    found, _ = asker(tmp_path, lambda _: "ask ada@example.org", session(tmp_path))
    ask(found, "A very private text.")

    stored = (tmp_path / "cache/mood/answers_v1.0.0.jsonl").read_text()
    assert "private" not in stored and "ada@" not in stored and "[e-mail]" in stored


def test_a_second_attempt_is_found_again_though_its_answer_was_masked(tmp_path):
    for _ in range(2):
        found, provider = asker(
            tmp_path, lambda request: GOOD if len(request.messages) == 3 else "a@example.org",
            session(tmp_path))
        assert ask(found, "fine")[0].value == {"label": "good"}

    assert provider.asked == []


def test_a_torn_line_costs_one_answer_and_no_other(tmp_path):
    found, _ = asker(tmp_path, lambda _: GOOD, session(tmp_path, concurrency=1))
    ask(found, "one", "two")
    path = tmp_path / "cache/mood/answers_v1.0.0.jsonl"
    path.write_bytes(path.read_bytes()[:-40])

    found, provider = asker(tmp_path, lambda _: GOOD, session(tmp_path))
    ask(found, "one", "two")
    assert len(provider.asked) == 1
    found, provider = asker(tmp_path, lambda _: GOOD, session(tmp_path))
    ask(found, "one", "two")
    assert provider.asked == []


def test_a_line_that_is_no_record_is_named(tmp_path):
    path = tmp_path / "cache/mood/answers_v1.0.0.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text('{"request": "x"}\n')
    found, _ = asker(tmp_path, lambda _: GOOD, session(tmp_path))

    with pytest.raises(NotMeasured, match=r"answers_v1.0.0.jsonl:1: no recorded answer"):
        ask(found, "fine")


KILLED = """
import sys, time
sys.path.insert(0, "{support}")
from pathlib import Path
from llm_kit import asker, ask, session, GOOD
folder = Path("{folder}")
def slowly(request):
    time.sleep(0.02)
    return GOOD
ask(asker(folder, slowly, session(folder, concurrency=2))[0], *map(str, range(500)))
"""


def test_a_killed_run_goes_on_where_it_stopped(tmp_path):
    code = KILLED.format(support=Path(llm_kit.__file__).parent, folder=tmp_path)
    process = subprocess.Popen([sys.executable, "-c", code])
    path = tmp_path / "cache/mood/answers_v1.0.0.jsonl"
    for _ in range(1500):
        if path.exists() and path.read_bytes().count(b"\n") > 20:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = path.read_bytes().count(b"\n")

    found, provider = asker(tmp_path, lambda _: GOOD, session(tmp_path))
    outcomes = ask(found, *map(str, range(500)))

    assert 20 < kept < 500 and len(provider.asked) == 500 - kept
    assert all(item.value for item in outcomes)


# Budgets

@pytest.mark.parametrize("limits, price", [
    ({"max_tokens": 2000}, None), ({"max_cost": 1.5}, {"input": 1000, "output": 1000})])
def test_a_budget_ends_the_command_before_it_is_passed_and_keeps_the_answers(
        tmp_path, limits, price):
    one = session(tmp_path, **limits)
    found, provider = asker(tmp_path, lambda _: GOOD, one, price=price)

    with pytest.raises(NotMeasured, match="the budget is used up"):
        ask(found, *(f"text {number} {'x' * 90}" for number in range(500)))

    assert 0 < len(provider.asked) < 500
    assert one.budget.tokens <= limits.get("max_tokens", 1e9)
    assert one.budget.cost <= limits.get("max_cost", 1e9)
    stored = (tmp_path / "cache/mood/answers_v1.0.0.jsonl").read_text().splitlines()
    assert len(stored) == len(provider.asked)


def test_requests_on_their_way_count_as_well(tmp_path):
    found, provider = asker(tmp_path, lambda _: time.sleep(0.1) or GOOD)
    request = found._request({"text": "text 0"}, 0)
    most = request.tokens_in + request.tokens_out
    found.session = session(tmp_path, max_tokens=2 * most, concurrency=8)

    with pytest.raises(NotMeasured, match="the budget is used up"):
        ask(found, *(f"text {number}" for number in range(8)))

    assert len(provider.asked) == 2


def test_a_limit_on_cost_needs_a_price(tmp_path):
    found, provider = asker(tmp_path, lambda _: GOOD, session(tmp_path, max_cost=1))

    with pytest.raises(UsageError, match="price"):
        ask(found, "fine")
    assert provider.asked == []


def test_requests_keep_to_the_rate(tmp_path):
    found, _ = asker(tmp_path, lambda _: GOOD, session(tmp_path, requests_per_minute=1200))
    begin = time.monotonic()

    ask(found, "one", "two", "three", "four", "five")

    assert time.monotonic() - begin >= 4 * 60 / 1200


def test_what_was_paid_says_why_it_is_more_requests_than_texts(tmp_path):
    found, provider = asker(tmp_path, lambda request: GOOD if len(request.messages) == 3 else "?",
                            session(tmp_path))

    ask(found, "one", "two", "one")

    assert found.session.budget.spent().startswith("4 requests (2 after a bad answer), 60 tokens")
    stored = (tmp_path / "cache/mood/answers_v1.0.0.jsonl").read_text().splitlines()
    assert len(stored) == len(provider.asked) == 4


def test_progress_shows_tokens_and_cost_so_far_and_says_nothing_where_nothing_is_paid(tmp_path):
    stream = io.StringIO()
    for _ in range(2):
        one = Session(LlmSettings(concurrency=1), cache=tmp_path / "cache", stream=stream)
        found, _ = asker(tmp_path, lambda _: GOOD, one, price={"input": 1000, "output": 1000})
        ask(found, *map(str, range(20)))

    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "asked     2/20 texts: 2 requests, 30 tokens, cost 0.0300"
    assert lines[-1] == "asked     20/20 texts: 20 requests, 300 tokens, cost 0.3000"
