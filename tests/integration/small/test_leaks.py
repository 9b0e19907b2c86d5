"""1,000 identifiers go through everything that writes, and a byte search finds none of them.

PRIVACY_PLANTED makes it larger.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from drift_team import PACKED, made, team_in
from http_kit import served
from planted import core, identifiers
from small import make_project

from nlp_gitops import privacy
from nlp_gitops.core.project import load_project
from nlp_gitops.github import comments
from nlp_gitops.model import Prediction
from nlp_gitops.serving.prediction_log import Entry, PredictionLog, text_writer
from nlp_gitops.serving.profiles import ProfileWriter
from nlp_gitops.serving.release import Release

PLANTED = int(os.environ.get("PRIVACY_PLANTED", "1000"))
SETTINGS = "\nprivacy: {names: names.txt}\n"
RELEASE = Release("m", "v1", "d", "n/a", "a", "c", ("bad", "good"), "stable")


@pytest.fixture(scope="module")
def planted():
    return [value for _, value in identifiers(PLANTED)]


@pytest.fixture
def project(tmp_path, planted):
    """A repository whose list of names holds the planted ones."""
    here = tmp_path / "project"
    here.mkdir()
    make_project(here)
    with open(here / "project.yaml", "a", encoding="utf-8") as stream:
        stream.write(SETTINGS)
    (tmp_path / "names.txt").write_text(
        "\n".join(value for value in planted if value.startswith("Quentin")))
    (here / "names.txt").symlink_to(tmp_path / "names.txt")
    return load_project(here)


def sentence(value):
    return f"It broke. Ask {value} about it, please"


def service(project, out, planted):
    """Answer over HTTP, some requests with an error, with the log and everything printed kept."""
    def predict(texts):
        if any(text.startswith("boom") for text in texts):
            raise RuntimeError(f"cannot digest {texts}")
        return [Prediction("good", {"good": 0.75, "bad": 0.25}) for _ in texts]

    masked = privacy.of(project)
    log = PredictionLog(out / "log", RELEASE, text_writer("masked", masked), 50_000, masked=masked)
    with served(predict, release=RELEASE, limits=project.service, log=log) as (port, _):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for number, value in enumerate(planted):
            text = ("boom " if number % 10 == 9 else "") + sentence(value)
            connection.request("POST", "/predict", json.dumps(
                {"text": text, "fields": {"who": value}}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            (out / f"answer-{number}").write_bytes(answer.read() + str(answer.headers).encode())
        connection.request("GET", "/metrics")
        (out / "metrics").write_bytes(connection.getresponse().read())
        connection.close()
    assert log.dropped == 0 and sum(1 for path in (out / "log").rglob("*.jsonl")
                                    for _ in open(path)) == len(planted)


def gate(project, out, planted):
    """Judge stored predictions whose texts hold the identifiers, worse than the champion."""
    rows = [{"id": f"r{number}", "text": sentence(value), "label": "positive",
             "prediction": "negative" if number % 2 else "positive"}
            for number, value in enumerate(planted)]
    for name, answers in (("ours", rows), ("theirs", [
            {**row, "prediction": "positive"} for row in rows])):
        (project.root.parent / f"{name}.jsonl").write_text(
            "\n".join(map(json.dumps, answers)) + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "nlp_gitops", "eval-gate", "--predictions", "../ours.jsonl",
         "--champion-predictions", "../theirs.jsonl"], cwd=project.root, capture_output=True,
        env={**os.environ, "GITHUB_ACTIONS": "true",
             "GITHUB_STEP_SUMMARY": str(out / "summary.md")})
    (out / "printed").write_bytes(done.stdout + done.stderr)
    assert done.returncode in (1, 3), done.stderr
    assert b"[e-mail]" in (project.root / "reports" / "report.html").read_bytes()


def comment(project, out, planted):
    """Say it on a pull request."""
    gate(project, out, planted)
    (out / "comment.md").write_text(comments.text(
        project.root / "reports" / "report.json", None))


@pytest.mark.parametrize("writes", [service, gate, comment])
def test_no_planted_identifier_is_in_anything_written(project, tmp_path, planted, writes, capfd):
    out = tmp_path / "out"
    out.mkdir()

    writes(project, out, planted)

    assert_clean(planted, capfd, project.root, out)


def test_no_planted_identifier_is_in_a_drift_report(
        project, tmp_path, planted, capfd, monkeypatch):
    team = team_in(tmp_path / "team", monkeypatch)
    masked, release = privacy.of(project), replace(
        RELEASE, model="small", version="v1.0.0", labels=("negative", "neutral", "positive"))
    log = PredictionLog(tmp_path / "log", release, text_writer("masked", masked), 500_000,
                        ProfileWriter(tmp_path / "profiles", release, PACKED, "en"), masked=masked)
    for number, value in enumerate(planted):
        log.put(Entry(f"r{number}", time.time(), 0.01, 200, [sentence(value)],
                      [Prediction("neutral", {"neutral": 1.0})], {"domain": value}, [9]))
    log.close()

    report = made(team, tmp_path / "log")

    assert report["verdict"] != "OK" and log.dropped == 0
    assert_clean(planted, capfd, team.root / "reports", tmp_path / "log", tmp_path / "profiles")


def assert_clean(planted, capfd, *folders):
    """Look for the identifiers in all that was written and printed, byte by byte."""
    said = capfd.readouterr()
    written = {str(path): path.read_bytes() for folder in folders
               for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    assert written
    written["printed"] = (said.out + said.err).encode()
    everything = b"\n".join(written.values())
    found = [value for value in planted if core(value).encode() in everything]
    assert found == [], [name for name, data in written.items()
                         if core(found[0]).encode() in data]
