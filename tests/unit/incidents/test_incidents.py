"""Incidents and post-mortems: what they say, in which order, and what they never show."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from small import HERE, make_project

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.deploy.report import CANARY_SCHEMA, DEPLOY_SCHEMA
from nlp_gitops.incidents import facts, pages
from nlp_gitops.incidents.facts import Facts
from nlp_gitops.registry.events import Event

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def at(minutes, seconds=0):
    return NOON + timedelta(minutes=minutes, seconds=seconds)


def event(seq, action, version, minutes, stage=None, **more):
    return Event("m", seq, action, version, stage, more.pop("actor", "ann"),
                 at(minutes).isoformat(), str(seq), **more)


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """The settings of a small project, beside the forms that every project gets."""
    return replace(make_project(tmp_path_factory.mktemp("team")), root=HERE)


EVENTS = (event(1, "promote", "v1.0.0", -9000, "production"),
          event(2, "promote", "v1.1.0", 0, "production", replaces="v1.0.0"),
          event(3, "rollback", "v1.0.0", 72, "production", replaces="v1.1.0", reason="bad labels"),
          event(4, "revoke", "v1.1.0", 72, "archived", reason="bad labels"))


def deploy(minutes, verdict="PASS", **changes):
    return {"schema": DEPLOY_SCHEMA, "environment": "production", "rehearsal": False,
            "verdict": verdict, "why": "it is so", "candidate": "m@v1.1.0", "champion": None,
            "serving": "m@v1.1.0", "ended": at(minutes).isoformat(), "seconds": 30.4,
            "canary": None, **changes}


def known(*deploys, events=EVENTS, tmp_path=None, **changes):
    for number, value in enumerate(deploys):
        (tmp_path / f"{number}.json").write_text(json.dumps(value))
    found = tuple(facts.find([tmp_path])) if tmp_path else ()
    return replace(Facts("m", at(-60), at(120), events, found, "v1.0.0", "v0.9.0"), **changes)


def lines(found):
    return [moment.line for moment in facts.moments(found, str)]


def test_the_time_line_is_in_order_and_only_of_the_incident(tmp_path):
    found = known(deploy(1), deploy(73, candidate="m@v1.0.0", serving="m@v1.0.0"),
                  tmp_path=tmp_path, seen=((at(71), "the pager went off"),))

    told = lines(found)

    assert [line[2:21] for line in told] == sorted(line[2:21] for line in told)
    assert [line[22:36] for line in told] == [
        "event 2: promo", "deploy to prod", "deploy to prod", "the pager went", "event 3: rollb",
        "event 4: revok", "deploy to prod", "deploy to prod"]
    assert told[0] == ("- 2026-03-01 12:00:00 event 2: promote `v1.1.0` to production, replaces "
                       "`v1.0.0`, by ann")


def test_within_one_second_a_deploy_ends_is_seen_is_taken_back_and_the_next_begins(tmp_path):
    found = known(deploy(72), deploy(72, ended=at(72, 30).isoformat(), candidate="m@v1.0.0"),
                  tmp_path=tmp_path, seen=((at(72), "seen"),), events=EVENTS[2:3])

    assert [line.split()[3] for line in lines(found)[1:5]] == ["deploy", "seen", "event", "deploy"]


def test_times_in_another_zone_are_told_in_utc(tmp_path):
    value = deploy(0, ended="2026-03-01T13:00:30+01:00")
    assert lines(known(value, events=(), tmp_path=tmp_path))[1].startswith("- 2026-03-01 12:00:30")


def test_how_long_it_took_comes_from_ledger_and_deploys(tmp_path):
    canary = {"seconds": 12.3, "back_seconds": 0.42}
    found = known(deploy(-5, "FAIL", canary=canary, schema=CANARY_SCHEMA),
                  deploy(73, candidate="m@v1.0.0", serving="m@v1.0.0"), tmp_path=tmp_path)

    assert facts.durations(found) == [
        "canary of `m@v1.1.0`: refused after 12 s, without traffic 0.4 s later",
        "`v1.1.0` was in production for 1 h 12 min, from 2026-03-01 12:00:00 to "
        "2026-03-01 13:12:00",
        "`v1.0.0` had the traffic 1 min 0 s after the rollback"]


def test_what_is_no_report_of_a_deploy_is_left_alone(tmp_path):
    for name, text in {"a": "{", "b": "[]", "c": '{"schema": "nlp-gitops/report/1"}',
                       "d": json.dumps({"schema": DEPLOY_SCHEMA}),
                       "e": json.dumps(deploy(0, ended="yesterday")),
                       "f": json.dumps(deploy(0, serving="`@team`")),
                       "g": json.dumps(deploy(0, environment="@team"))}.items():
        (tmp_path / f"{name}.json").write_text(text)
    assert facts.find([tmp_path, tmp_path / "none"]) == []


def test_the_same_deploy_in_two_reports_is_told_once(tmp_path):
    found = known(deploy(1), deploy(1, schema=CANARY_SCHEMA), tmp_path=tmp_path)
    assert len(found.deploys) == 1


def incident(team, found, suspect=None, why=None, severity=None):
    return pages.incident(team, found, suspect, why, severity, None)


def test_after_a_rollback_the_incident_is_about_the_version_that_was_taken_back(team):
    page = incident(team, known())
    assert page.title == "Incident: m@v1.1.0: bad labels" and page.labels == ("incident",)
    assert "### Severity\n\nSEV2\n" in page.text
    assert "- suspected: `m@v1.1.0`\n- in production: `v1.0.0` since 2026-03-01T13:12" in page.text


@pytest.mark.parametrize("rehearsal, severity", [(False, "SEV3"), (True, "SEV4")])
def test_a_refused_canary_is_about_the_candidate(team, tmp_path, rehearsal, severity):
    page = incident(team, known(deploy(1, "FAIL", rehearsal=rehearsal, why="errors: 9 of 80"),
                                events=EVENTS[:1], tmp_path=tmp_path))
    assert page.title == "Incident: m@v1.1.0: errors: 9 of 80" and severity in page.text


def test_a_person_s_words_come_first(team):
    page = incident(team, known(), ModelRef.parse("m@v1.0.0"), "wrong labels for books", "SEV1")
    assert page.title == "Incident: m@v1.0.0: wrong labels for books" and "SEV1" in page.text


def test_without_anything_wrong_one_has_to_say_what_it_is(team):
    with pytest.raises(UsageError, match="--why"):
        incident(team, known(events=EVENTS[:1]))


def test_personal_data_and_markup_do_not_get_into_the_page(team, tmp_path):
    nasty = "ann@example.org <b>@team</b> [x](http://y) #3"
    events = (*EVENTS[:2], replace(EVENTS[2], reason=nasty, actor="Ann <ann@example.org>"))
    found = known(deploy(1, "FAIL", why=nasty), tmp_path=tmp_path, events=events)

    for page in (incident(team, found), incident(team, found, why=nasty),
                 pages.post_mortem(team, found)):
        assert "ann@example.org" not in page.title + page.text
        for raw in ("<b>", "@team", "](http", " #3"):
            assert raw not in page.text


@pytest.mark.parametrize("name, write", [
    ("incident", incident), ("post_mortem", pages.post_mortem)])
def test_a_page_has_every_heading_of_its_form_and_says_what_is_still_to_write(team, name, write):
    page = write(team, known())
    labels = [label for _, label, _ in pages.read(team, name).fields]
    assert re.findall(r"^### (.+)$", page.text, re.MULTILINE) == labels
    assert "\n_" in page.text


def test_a_long_reason_is_cut_in_the_title_only(team):
    page = incident(team, known(), why="x " * 300)
    assert len(page.title) < 140 and page.text.count("x") > 299


@pytest.mark.parametrize("seconds, said", [(59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min")])
def test_spans_are_told_in_two_units(seconds, said):
    assert facts.words(timedelta(seconds=seconds)) == said


def test_facts_know_what_put_a_version_into_production():
    found = known()
    assert found.put_into_production("v1.0.0", at(10)).seq == 1
    assert found.put_into_production("v1.0.0", at(100)).seq == 3
    assert facts.at(found.last("revoke")) == at(72)
