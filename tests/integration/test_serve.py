"""The service as a process: reload and stop under load, kills, and its OpenAPI page."""

import json
import re
import shutil
import signal
import subprocess
import sys

import pytest
from baking import environment, run, tool
from service_kit import V0, V1, Load, ask, two_versions, until

pytestmark = [pytest.mark.xdist_group("serve"), pytest.mark.long]

# What is refused for its size alone is as right as what is refused for its shape.
SCHEMATHESIS = """\
[checks.negative_data_rejection]
expected-statuses = [400, 401, 405, 408, 413, 415, 422]
[checks.positive_data_acceptance]
expected-statuses = [200, 401, 413]
"""


@pytest.fixture(scope="module")
def registered(tmp_path_factory, venv):
    """A bake with one version in production and a newer one in staging."""
    return two_versions(tmp_path_factory.mktemp("serve"), venv)


class Service:
    """The service as a process, on a free port."""

    def __init__(self, command, folder, env):
        self.process = subprocess.Popen([*map(str, command), "--port", "0"], cwd=folder, env=env,
                                        text=True, stdout=subprocess.PIPE)
        said = self.process.stdout.readline()
        assert "answers on" in said, said
        self.port = int(said.rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def serving(project, log, *arguments, **env):
    """Start `tools/serve.py` with a log."""
    command = [project / ".venv" / "bin" / "python", "tools/serve.py", "--log", log, *arguments]
    return Service(command, project, environment(**env))


def logged(folder):
    """Return the rows of a prediction log; a line that is no JSON fails the test."""
    return [json.loads(line) for path in folder.rglob("*.jsonl")
            for line in path.read_text().split("\n") if line]


def test_a_reload_brings_what_the_registry_says_and_costs_no_request(registered, tmp_path):
    with serving(registered, tmp_path) as service, Load(service.port) as load:
        load.wait_for("v1.0.0")
        service.process.send_signal(signal.SIGHUP)
        assert "no change" in service.process.stdout.readline()
        tool(registered, "promote", V1, "--to", "production")
        service.process.send_signal(signal.SIGHUP)
        load.wait_for("v1.0.1", 50)
        load.forget()
        load.wait_for("v1.0.1", 50)
        assert load.versions["v1.0.0"] == 0 and load.failed == {}
    assert {row["version"] for row in logged(tmp_path)} == {"v1.0.0", "v1.0.1"}


def test_a_pulled_folder_is_served_only_as_it_was_pulled(registered, tmp_path):
    tool(registered, "registry", "pull", "review-sentiment@v1.0.0", "--out", str(tmp_path / "v"))
    with serving(registered, tmp_path / "log", "--folder", tmp_path / "v") as service:
        assert json.loads(ask(service.port)[1])["version"] == "v1.0.0"
    (tmp_path / "v" / "model" / "more").write_text("x")
    done = tool(registered, "serve", "--folder", str(tmp_path / "v"), check=False)
    assert done.returncode == 1 and "not the one" in done.stderr


def test_what_the_image_holds_is_enough_to_serve_and_all_that_is_installed_is_for_it(
        registered, tmp_path):
    docker = (registered / "deploy" / "Dockerfile").read_text().split("\nFROM ")[-1]
    packages, work = tmp_path / "packages", tmp_path / "work"
    shutil.copytree(registered / "vendor", packages / "vendor")
    shutil.copy(registered / "deploy" / "requirements.txt", packages)
    run("uv", "venv", "--quiet", "--python", sys.executable, "venv", cwd=packages)
    run("uv", "pip", "install", "--quiet", "--python", "venv", "--require-hashes", "--requirement",
        "requirements.txt", cwd=packages)
    work.mkdir()
    for name in re.findall(r"^COPY ([^-]\S*) \S+$", docker, re.MULTILINE):
        if name != "build/model":
            copy = shutil.copytree if (registered / name).is_dir() else shutil.copy
            copy(registered / name, work / name)
    tool(registered, "registry", "pull", V0, "--out", str(tmp_path / "model"))
    command = json.loads(re.search("^ENTRYPOINT (.*)", docker, re.MULTILINE)[1])
    places = {"/opt/venv": packages / "venv", "/srv/model": tmp_path / "model"}

    def here(word):
        return next((word.replace(place, str(path)) for place, path in places.items()
                     if word.startswith(place)), word)

    # There is no git in the image either.
    with Service([*map(here, command), "--log", tmp_path / "log"], work,
                 environment(PATH=str(packages / "venv" / "bin"))) as service:
        status, body = ask(service.port)
    installed = {path.name.partition("-")[0].lower()
                 for path in packages.glob("venv/lib/*/site-packages/*.dist-info")}

    assert (status, json.loads(body)["version"]) == (200, "v1.0.0")
    assert {"nlp_gitops", "fastapi", "scikit_learn"} <= installed
    assert not installed & {"pytest", "flake8", "hypothesis", "pygithub", "requests", "pip", "uv"}


def test_a_stop_under_load_answers_and_logs_all_that_it_took(registered, tmp_path):
    with serving(registered, tmp_path) as service, Load(service.port) as load:
        load.wait_for_answers(100)
        service.process.terminate()
        service.process.wait(20)
        until(lambda: load.failed)

    # Whoever comes after the socket is closed is refused at once, and nobody is left waiting.
    assert [reason for reason in load.failed if "ConnectionRefused" not in reason] == []
    assert service.process.returncode == 0 and len(logged(tmp_path)) == sum(load.versions.values())


@pytest.mark.heavy
def test_after_a_kill_under_load_no_half_line_is_left(registered, tmp_path):
    with serving(registered, tmp_path) as service, Load(service.port) as load:
        load.wait_for_answers(200)
        service.process.kill()
        service.process.wait()
    answered = sum(load.versions.values())
    with serving(registered, tmp_path) as again:
        assert ask(again.port)[0] == 200
        assert answered / 2 < len(logged(tmp_path)) <= answered + 4


@pytest.mark.parametrize("examples", [40, pytest.param(1000, marks=pytest.mark.heavy)])
def test_the_service_does_what_its_openapi_page_says(registered, tmp_path, examples):
    settings = registered / "project.yaml"
    before = settings.read_text()
    settings.write_text(before.replace("\nservice:\n", "\nservice:\n  max_text_characters: 300\n"
                                       "  max_batch: 4\n  max_body_bytes: 4000\n"))
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS)
    with serving(registered, tmp_path / "log", SERVICE_TOKEN="s3cret") as service:
        settings.write_text(before)
        done = run("st", "--config-file", "schemathesis.toml", "run",
                   f"http://127.0.0.1:{service.port}/openapi.json", "--header",
                   "Authorization: Bearer s3cret", "--max-examples", str(examples), "--seed", "1",
                   "--no-color", cwd=tmp_path)

    assert "No issues found" in done.stdout and "5 selected" in done.stdout
    assert {row["status"] for row in logged(tmp_path / "log")} >= {200, 422}
