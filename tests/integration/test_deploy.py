"""Drills of the rollout with the real nginx on loopback, under load that counts every failure."""

import json
import os
import shutil
import signal
import socket
import time
from contextlib import ExitStack

import pytest
from baking import ROOT, environment, run, tool, with_venv
from service_kit import NGINX, V0, V1, Load, Production, ask, two_versions, until

pytestmark = [
    pytest.mark.skipif(not NGINX, reason="nginx is not installed: apt-get install nginx"),
    pytest.mark.xdist_group("deploy"), pytest.mark.long]


@pytest.fixture(scope="module")
def registered(tmp_path_factory, venv):
    """A bake with one version in production and a newer one in staging."""
    return two_versions(tmp_path_factory.mktemp("deploy"), venv)


@pytest.fixture
def production(registered):
    """An environment in which the champion has all traffic."""
    found = Production(registered)
    found.deploy("--stage", "production", "--port", str(found.port))
    yield found
    found.deploy("--stop")
    shutil.rmtree(registered / ".deploy")


CANARY = ("--strategy", "canary", "--candidate", V1, "--every", "0.3", "--deadline", "120")
SHADOW = ("--strategy", "shadow", *CANARY[2:])


def test_a_switch_and_the_way_back_cost_no_request(production):
    with Load(production.port) as load:
        load.wait_for("v1.0.0")
        tool(production.project, "promote", V1, "--to", "production")
        production.deploy("--stage", "production")
        load.wait_for("v1.0.1")
        load.forget()
        load.wait_for("v1.0.1", 50)
        assert load.versions["v1.0.0"] == 0
        tool(production.project, "rollback", "--reason", "drill")
        # Cleaning up takes files of builds and caches away, and never what is warm.
        venv = (production.project / ".venv").readlink()
        run("make", "clean", cwd=production.project)
        with_venv(production.project, venv)
        back = production.deploy("--stage", "production").stdout
        load.wait_for("v1.0.0", 50)
    tool(production.project, "promote", V1, "--to", "staging", "--unrevoke", "--reason", "drill",
         check=False)

    assert load.failed == {}
    assert "start" not in back, "the replaced version should have been warm"
    assert "nothing to do" in production.deploy("--stage", "production").stdout


def test_a_healthy_canary_passes_and_the_champion_has_the_traffic_again(production, tmp_path):
    evidence, summary = tmp_path / "canary.json", tmp_path / "summary.md"
    with Load(production.port) as load:
        done = production.deploy(*CANARY, "--evidence-out", str(evidence),
                                 GITHUB_STEP_SUMMARY=str(summary))
        load.forget()
        load.wait_for("v1.0.0", 50)
        assert load.versions["v1.0.1"] == 0

    found = json.loads(evidence.read_text())
    assert done.returncode == 0 and found["verdict"] == "PASS" and found["rehearsal"] is False
    assert found["candidate"] == V1 and found["champion"] == found["serving"] == V0
    assert found["canary"]["kinds"][0]["candidate"]["answers"] >= 500
    assert load.failed == {} and "PASS" in summary.read_text()
    assert json.loads(production.deploy("--status", "--json").stdout)["well"] is True


@pytest.mark.heavy
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_canary_that_dies_or_hangs_is_blocked_and_costs_no_request(production, end):
    with Load(production.port) as load:
        canary = production.begin(*CANARY, "--min-requests", "100000")
        load.wait_for("v1.0.1", 5)
        refused = production.deploy("--stage", "production", check=False)
        production.signal("green", end)
        output = canary.communicate(timeout=60)[0]
        load.forget()
        load.wait_for("v1.0.0", 50)

    assert refused.returncode == 4 and "another deploy" in refused.stderr
    assert canary.returncode == 1 and "FAIL: the candidate does not answer" in output
    assert load.failed == {} and load.versions["v1.0.1"] == 0
    again = production.deploy(*CANARY, check=False)
    assert again.returncode == 4 and "--unblock" in again.stdout


def test_a_killed_judge_gives_the_traffic_back_through_the_lease(production):
    with Load(production.port) as load:
        judge = production.begin(*CANARY, "--lease", "2", "--min-requests", "100000")
        load.wait_for("v1.0.1", 5)
        judge.kill()
        judge.communicate()
        time.sleep(2.5)
        load.forget()
        load.wait_for("v1.0.0", 100)
        assert load.versions["v1.0.1"] == 0
        assert production.state()["weight"] > 0
        done = production.deploy("--stage", "production")
        load.wait_for("v1.0.0", 200)

    assert load.failed == {} and "ended during its canary" in done.stdout
    assert production.state()["canary"] is None


def test_a_shadow_answers_nobody_and_is_compared_request_by_request(production, tmp_path):
    evidence = tmp_path / "shadow.json"
    with Load(production.port, pause=0.01) as load:
        done = production.deploy(*SHADOW, "--evidence-out", str(evidence))
        ask(production.port, **{"X-Request-ID": "caller"})

    found = json.loads(evidence.read_text())
    assert load.failed == {} and set(load.versions) == {"v1.0.0"}
    assert found["verdict"] == "PASS" and found["strategy"] == "shadow", found["why"]
    assert found["shadow"]["live"]["texts"] >= 250 and found["shadow"]["live"]["differing"] == 0
    assert found["shadow"]["test_split"]["texts"] > 500 > found["shadow"]["limit"]
    assert found["shadow"]["latency_ms"]["candidate"]["p95"] > 0
    assert "of the test split" in done.stdout
    assert production.state()["mirrored"] is False
    until(lambda: any(row["request_id"] == "caller" for row in production.logged()))
    rows = production.logged()
    assert {row["version"] for row in rows if not row["shadow"]} == {"v1.0.0"}
    assert {row["shadow"] for row in rows if row["version"] == "v1.0.1"} == {True}
    # The smoke tests of the champion, directly and through the proxy.
    assert sum(row["shadow"] for row in rows if row["version"] == "v1.0.0") == 80


@pytest.mark.heavy
def test_a_shadow_that_hangs_and_a_killed_deploy_cost_no_request(production):
    with Load(production.port) as load:
        deploy = production.begin(*SHADOW, "--lease", "2", "--min-requests", "100000")
        until(lambda: production.state()["mirrored"])
        production.signal("green", signal.SIGSTOP)
        load.forget()
        load.wait_for("v1.0.0", 50)
        deploy.kill()
        deploy.communicate()
        done = production.deploy("--stage", "production")
        load.forget()
        load.wait_for("v1.0.0", 100)

    assert load.failed == {} and set(load.versions) == {"v1.0.0"}
    assert "ended during its shadow" in done.stdout
    assert production.state()["mirrored"] is False and production.state()["canary"] is None


@pytest.mark.heavy
def test_a_shadow_that_dies_is_blocked_and_costs_no_request(production):
    with Load(production.port) as load:
        shadow = production.begin(*SHADOW, "--min-requests", "100000")
        until(lambda: production.state()["mirrored"])
        production.signal("green", signal.SIGKILL)
        output = shadow.communicate(timeout=60)[0]

    assert shadow.returncode == 1 and "FAIL: the candidate does not answer" in output
    assert load.failed == {} and V1 in production.state()["blocked"]


@pytest.mark.heavy
def test_an_interrupted_canary_is_taken_back_and_an_abort_ends_one(production):
    for end in ("SIGTERM", "abort"):
        with Load(production.port) as load:
            judge = production.begin(*CANARY, "--min-requests", "100000")
            load.wait_for("v1.0.1", 5)
            if end == "abort":
                production.deploy("--abort", "--reason", "wrong labels")
            else:
                judge.terminate()
            output = judge.communicate(timeout=60)[0]
            load.forget()
            load.wait_for("v1.0.0", 50)
        assert load.versions["v1.0.1"] == 0 and load.failed == {}
        assert judge.returncode == 4, output
        assert ("wrong labels" if end == "abort" else "interrupted") in output


@pytest.mark.heavy
def test_a_killed_nginx_is_replaced_and_its_workers_answer_until_then(production):
    pid = production.project / ".deploy" / "production" / "nginx" / "nginx.pid"
    with Load(production.port, pause=0.01) as load:
        load.wait_for("v1.0.0")
        old = int(pid.read_text())
        os.kill(old, signal.SIGKILL)
        load.forget()
        load.wait_for("v1.0.0", 50)
        assert load.failed == {}
        done = production.deploy(*CANARY, "--min-requests", "50", check=False)
        until(lambda: pid.read_text().strip())
        load.forget()
        load.wait_for("v1.0.0", 50)

    assert done.returncode in (0, 4), done.stdout
    assert int(pid.read_text()) != old
    # Only whoever comes in the moment in which the new nginx takes the port over is refused.
    assert all("Connection" in reason for reason in load.failed)


@pytest.mark.heavy
def test_a_deploy_killed_at_any_moment_costs_no_request_and_is_finished_by_the_next(production):
    with Load(production.port) as load:
        for number in range(12):
            stage = ("production", "staging")[number % 2]
            deploy = production.begin("--stage", stage)
            time.sleep(0.4 * number)
            deploy.kill()
            deploy.communicate()
            production.deploy("--stage", stage)
            load.forget()
            load.wait_for(("v1.0.0", "v1.0.1")[number % 2], 20)

    assert load.failed == {}


@pytest.mark.heavy
def test_without_traffic_there_is_no_verdict(production):
    done = production.deploy(*CANARY, "--deadline", "1", check=False)
    assert done.returncode == 4 and "no traffic reached the candidate" in done.stdout


@pytest.mark.heavy
def test_a_switch_that_was_torn_is_finished(production):
    production.deploy(*CANARY, "--deadline", "1", check=False)
    path = production.project / ".deploy" / "production" / "state.json"
    path.write_text(json.dumps({**production.state(), "switching": "green"}))

    done = production.deploy("--stage", "production")

    assert "ended while it switched" in done.stdout
    assert production.state()["switching"] is None and ask(production.port)[0] == 200


@pytest.mark.parametrize("fault, code, word", [
    ("errors=0.3", 1, "errors"),
    *(pytest.param(*case, marks=pytest.mark.heavy) for case in (
        ("slow=60", 1, "slow"), ("invalid=0.3", 1, "invalid"),
        ("label=0.9", 4, "label 'negative'")))])
def test_a_rehearsal_finds_planted_faults_and_leaves_nothing(registered, fault, code, word):
    done = tool(registered, "deploy", "--environment", "production", "--candidate", V1,
                "--rehearsal", "--fault", fault, "--json", check=False)

    found = json.loads(done.stdout)
    assert done.returncode == code, found["why"]
    assert word in found["why"] and found["rehearsal"] is True and found["deployed"] is False
    assert found["canary"]["back_seconds"] < 10 and not (registered / ".deploy").exists()
    assert {"status 500"} >= set(found["traffic"]["reasons"])


@pytest.mark.heavy
@pytest.mark.parametrize("fault, word", [
    ("label=0.3", "answered differently"), ("errors=0.3", "errors")])
def test_a_rehearsed_shadow_finds_planted_faults(registered, fault, word):
    done = tool(registered, "deploy", "--environment", "production", *SHADOW[:4], "--rehearsal",
                "--fault", fault, "--json", check=False)

    found = json.loads(done.stdout)
    assert done.returncode == 1 and word in found["why"], found["why"]
    assert found["traffic"]["failed"] == 0 and found["strategy"] == "shadow"


@pytest.mark.heavy
def test_the_rollback_drill_passes_with_a_good_version_and_tells_all_its_parts(registered):
    found = json.loads(tool(registered, "drill", "rollback", "--json").stdout)
    assert found["verdict"] == "PASS" and len(found["parts"]) == 3, found
    assert not (registered / ".deploy").exists()


@pytest.mark.heavy
def test_an_incident_is_practised_from_detection_to_the_draft_of_its_post_mortem(registered):
    found = json.loads(tool(registered, "drill", "incident", "--json").stdout)

    assert found["verdict"] == "PASS" and not (registered / ".deploy").exists()
    drafts = {path.name: path.read_text() for path in (registered / "reports/drill").glob("*.md")}
    assert any("rollback" in text for text in drafts.values()), drafts.keys()


@pytest.mark.heavy
def test_a_rehearsal_of_a_healthy_candidate_and_of_staging_pass(registered):
    for arguments in (("production", "--candidate", V1), ("staging", "--stage", "staging")):
        done = tool(registered, "deploy", "--environment", *arguments, "--rehearsal")
        assert "REHEARSAL: PASS" in done.stdout and "DEPLOY" not in done.stdout


def test_wrong_orders_are_one_line(registered):
    for arguments, word in (
            (("--candidate", V1, "--fault", "errors=0.3"), "--rehearsal"),
            (("--candidate", V1, "--steps", "10,90"), "at most 50"),
            (("--stage", "production", "--strategy", "canary"), "--candidate"),
            (("--candidate", "review-sentiment@v9.9.9"), "not registered")):
        done = tool(registered, "deploy", "--environment", "production", *arguments, check=False)
        assert done.returncode == 2 and word in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_the_proxy_listens_on_an_address_of_this_machine_and_moves_only_when_stopped(registered):
    production, home = Production(registered), ("--host", "127.0.0.2")
    try:
        production.deploy("--stage", "production", *home, "--port", str(production.port))
        other, foreign = (production.deploy("--stage", "production", "--host", host, check=False)
                          for host in ("127.0.0.3", "203.0.113.9"))
        status = json.loads(production.deploy("--status", "--json").stdout)
    finally:
        production.deploy("--stop")
    lost = production.deploy("--stage", "production", "--host", "203.0.113.9", check=False)
    shutil.rmtree(registered / ".deploy")

    address = f"127.0.0.2:{production.port}"
    assert (status["url"], status["well"]) == (f"http://{address}", True)
    for done, words in (
            (other, f"production runs on {address}, without a hook; --stop it before it moves"),
            (foreign, "--stop it before it moves"),
            (lost, "--host 203.0.113.9 is no address of this machine (Cannot assign requested")):
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
        assert words in done.stderr


@pytest.fixture
def elsewhere(registered, tmp_path):
    """An environment that a hook drives, in which the champion has all traffic."""
    with ExitStack() as stack:
        ports = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
                 for _ in range(3)]
    settings = {"HOOK_PLACE": str(tmp_path), "HOOK_PORTS": " ".join(map(str, ports)),
                "HOOK_NGINX": NGINX}
    hook = ("--hook", str(ROOT / "tests" / "support" / "hook_example.py"))
    found = Production(registered)
    found.port, found.hook, found.env = ports[0], hook, settings
    found.deploy("--stage", "production", *hook, **settings)
    yield found
    found.deploy("--stop", **settings)
    os.kill(int((tmp_path / "nginx.pid").read_text()), signal.SIGQUIT)
    shutil.rmtree(registered / ".deploy")


@pytest.mark.heavy
def test_a_hook_brings_a_canary_to_another_target_and_the_traffic_back(elsewhere):
    with Load(elsewhere.port, pause=0.005) as load:
        load.wait_for("v1.0.0")
        done = elsewhere.deploy(*CANARY, *elsewhere.hook, **elsewhere.env)
        seen = load.versions["v1.0.1"]
        load.forget()
        load.wait_for("v1.0.0", 50)

    assert "PASS" in done.stdout and seen > 100
    assert load.failed == {} and load.versions["v1.0.1"] == 0
    moved = elsewhere.deploy("--stage", "production", check=False)
    assert moved.returncode == 2 and "--stop it" in moved.stderr


def test_a_hook_that_fails_is_one_line(registered, tmp_path):
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\necho 'no such cluster' >&2\nexit 3\n")
    for mode, code, word in ((0o644, 2, "cannot be run"), (0o755, 3, "no such cluster")):
        hook.chmod(mode)
        done = tool(registered, "deploy", "--environment", "production", "--stage", "production",
                    "--hook", str(hook), check=False)
        assert done.returncode == code and word in done.stdout + done.stderr
    shutil.rmtree(registered / ".deploy")


def test_the_compose_hook_calls_docker_as_its_contract_says(registered, tmp_path):
    """Docker is not here: a stand-in writes down what it is asked to do."""
    (tmp_path / "docker").write_text(
        f'#!/bin/sh\necho "$BLUE_VERSION|$*" >> {tmp_path}/asked\n'
        'case "$*" in *"ps --quiet"*) echo id;; esac\n')
    (tmp_path / "docker").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"

    def hook(*words):
        return run(registered / "deploy" / "hooks" / "compose", *words, cwd=registered,
                   env=environment(PATH=path)).stdout

    hook("start", "blue", V0)
    hook("weight", "blue", "100")
    hook("weight", "green", "25")
    hook("stop", "green")

    asked = (tmp_path / "asked").read_text()
    assert f"--tag nlp-service:v1.0.0 {registered}" in asked
    assert "up --detach --no-build --force-recreate blue" in asked
    assert "-s reload" in asked and "rm --force --stop green" in asked
    assert hook("url", "blue") == "http://127.0.0.1:8101\n"
    assert (registered / "build" / "model" / "manifest.json").is_file()
    conf = registered / ".deploy" / "compose" / "nginx.conf"
    assert "green:8000 weight=25; server blue:8000 weight=75;" in conf.read_text()
    checked = tmp_path / "nginx.conf"
    checked.write_text(conf.read_text().replace("green:8000", "127.0.0.1:8000").replace(
        "blue:8000", "127.0.0.1:8001"))
    run(NGINX, "-t", "-e", "/dev/null", "-c", checked, cwd=tmp_path)
    shutil.rmtree(registered / ".deploy")
