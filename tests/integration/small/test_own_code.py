"""What a team changes of the service by dotted paths: its answer, or the whole application."""

import signal
import subprocess
import sys

import pytest
from baking import environment
from fastapi import FastAPI
from http_kit import asked, call, served
from pipeline_kit import brought

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.serving.application import application
from nlp_gitops.serving.process import Wish, serve

OWN = '''\
from nlp_gitops.serving.application import application as usual


def answer(prediction):
    return {"mood": prediction.label.upper()}


def application(desk):
    app = usual(desk)

    @app.get("/labels")
    async def labels():
        return {"labels": desk.release.labels}

    return app
'''


def test_the_answer_is_what_the_teams_function_makes_of_a_prediction():
    with served(answer=lambda prediction: {"mood": prediction.label, "sure": True}) as (port, _):
        one, several = asked(port, {"text": "fine"})[1], asked(port, {"texts": ["a", "b"]})[1]

    assert one.pop("request_id") and several.pop("request_id")
    assert one == {"mood": "good", "sure": True, "model": "m", "version": "v1.0.0"}
    assert several == {"predictions": [{"mood": "good", "sure": True}] * 2, "model": "m",
                       "version": "v1.0.0"}


def test_what_was_served_cannot_be_hidden_by_an_answer():
    with served(answer=lambda prediction: {"version": "v9", "request_id": 1}) as (port, _):
        found = asked(port, {"text": "fine"})[1]

    assert found["version"] == "v1.0.0" and len(found["request_id"]) == 32


def fails(prediction):
    raise KeyError("jane.doe@example.org")


@pytest.mark.parametrize("answer", [fails, lambda prediction: ["good"],
                                    lambda prediction: {"label": object()}])
def test_an_answer_that_fails_is_a_refusal_and_shows_no_text(capfd, answer):
    with served(answer=answer) as (port, _):
        status, found = asked(port, {"text": "fine"})

    said = capfd.readouterr()
    assert (status, found["error"]["code"]) == (500, "answer")
    assert "jane" not in said.err + said.out + str(found)
    assert "Error at " in said.err


def test_an_application_of_its_own_keeps_limits_ids_and_counting_around_it():
    def own(desk):
        app = FastAPI()

        @app.post("/predict")
        async def predict():
            return {"from": desk.release.model}

        return app

    with served(app=own, token="s3cret") as (port, desk):
        refused, _ = call(port, {"text": "a"})
        answer, content = call(port, {"text": "a"}, Authorization="Bearer s3cret")
        page = desk.metrics.page().decode()

    assert refused.status == 401
    assert (answer.status, content) == (200, b'{"from":"m"}')
    assert len(answer.headers["X-Request-ID"]) == 32
    assert 'service_requests_total{model="m",status="200",' in page


def test_an_application_may_begin_with_the_usual_one():
    def own(desk):
        app = application(desk)

        @app.get("/labels")
        async def labels():
            return desk.release.labels

        return app

    with served(app=own) as (port, _):
        labels = call(port, b"", "/labels", "GET")[1]
        status, found = asked(port, {"text": "fine"})

    assert labels == b'["bad","good"]' and (status, found["label"]) == (200, "good")


@pytest.fixture
def produced(project):
    """Return a function that gives a repository with a version in production these settings."""
    brought(project, "produced")
    (project.root / "nlp" / "service.py").write_text(OWN)

    def given(**settings):
        with open(project.root / "project.yaml", "a") as stream:
            stream.write("service:\n" + "".join(
                f"  {name}: {path}\n" for name, path in settings.items()))
        return load_project(project.root)

    return given


def test_project_yaml_names_both(produced):
    project = produced(answer="nlp.service:answer", application="nlp.service:application")
    with subprocess.Popen([sys.executable, "-m", "nlp_gitops", "serve", "--port", "0"], text=True,
                          stdout=subprocess.PIPE, env=environment(), cwd=project.root) as process:
        line = process.stdout.readline()
        port = int(line.rpartition(":")[2])
        labels = call(port, b"", "/labels", "GET")[1]
        found = asked(port, {"text": "The kettle works great."})[1]
        process.send_signal(signal.SIGTERM)

    assert line.startswith("small@v1.0.0 (stable) answers on http://127.0.0.1:")
    assert labels == b'{"labels":["negative","neutral","positive"]}'
    assert (found["mood"], found["model"], found["version"]) == ("POSITIVE", "small", "v1.0.0")
    assert "label" not in found and process.returncode == 0


@pytest.mark.parametrize("setting, path, said", [
    ("answer", "nlp.service:answr",
     "nlp/service.py has no answr; did you mean answer? there are answer, application"),
    ("application", "nlp.servce:application",
     "no module 'nlp.servce'; did you mean nlp.service? there are nlp.classifiers,")])
def test_a_path_that_names_nothing_is_told_before_the_service_answers(
        produced, setting, path, said):
    project = produced(**{setting: path})

    with pytest.raises(UsageError) as error:
        serve(project, Wish(None, "local", "127.0.0.1", 0, "stable"))

    assert str(error.value).startswith(f"{project.root / 'project.yaml'}:11:3: {said}")
