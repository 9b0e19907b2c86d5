"""A registry that commit 8bff1f5 filled, when the machinery lay in the repository: it goes on.

Its versions name the class of their model `tfidf-logistic`; v1.0.0 is in production, v1.0.1 in
staging, after five events. The archive beside the kits also holds the rows that it was trained on.
"""

import json
import subprocess

import pytest
from baking import ROOT, baked, commit, copy_of, environment, run, tool
from registry_kit import NAME, stages, verify
from service_kit import ask

pytestmark = pytest.mark.xdist_group("earlier-ledger")

FILLED = ROOT / "tests" / "support" / "ledger-8bff1f5.tar.gz"
CHAMPION = f"{NAME}@v1.0.0"


@pytest.fixture
def project(tmp_path, venv):
    """A fresh bake that took over the registry and the data of an earlier repository."""
    def make(out):
        found = baked(out, venv)
        run("tar", "-xzf", FILLED, cwd=found)
        commit(found, "Bring data, gates and registry from the earlier repository")

    return copy_of("earlier-ledger", make, tmp_path / "out")


def make_targets(project, *targets, **env):
    return run("make", "--silent", *targets, cwd=project, env=environment(**env))


def events(project):
    """Return what happened, newest first."""
    done = tool(project, "registry", "history", "--json", "--registry", "local")
    return [(event["seq"], event["action"], event["version"], event["stage"])
            for event in json.loads(done.stdout)]


def test_it_is_read_with_its_whole_history_and_nothing_is_wrong_with_it(project):
    shown = json.loads(tool(project, "registry", "show", "--json").stdout)

    assert shown == {NAME: {"stages": {"production": "v1.0.0", "staging": "v1.0.1"},
                            "versions": ["v1.0.1", "v1.0.0"], "seq": 5}}
    assert events(project) == [
        (5, "promote", "v1.0.1", "staging"), (4, "register", "v1.0.1", None),
        (3, "promote", "v1.0.0", "production"), (2, "promote", "v1.0.0", "staging"),
        (1, "register", "v1.0.0", None)]
    assert verify(project, registry="local") == []
    assert "nothing is torn or missing" in tool(project, "registry", "doctor").stdout


def test_a_version_is_pulled_whole(project, tmp_path):
    tool(project, "registry", "pull", CHAMPION, "--out", str(tmp_path / "v"))

    manifest = json.loads((tmp_path / "v" / "manifest.json").read_text("utf-8"))
    about = json.loads((tmp_path / "v" / "model.json").read_text("utf-8"))
    assert (manifest["version"], manifest["dataset_version"]) == ("v1.0.0", "small-rows-v1.0.0")
    assert about["class"] == "tfidf-logistic"
    assert (tmp_path / "v" / "model" / "model.skops").is_file()


def test_it_answers_requests_with_the_class_that_has_another_name_now(project):
    command = [project / ".venv" / "bin" / "python", "tools/serve.py", CHAMPION, "--port", "0"]
    with subprocess.Popen(list(map(str, command)), cwd=project, env=environment(), text=True,
                          stdout=subprocess.PIPE) as service:
        try:
            port = int(service.stdout.readline().rsplit(":", 1)[1])
            status, body = ask(port)
        finally:
            service.terminate()

    answer = json.loads(body)
    assert (status, answer["version"], answer["label"]) == (200, "v1.0.0", "positive")


@pytest.mark.long
def test_the_next_version_is_compared_with_its_champion_goes_to_production_and_back(project):
    make_targets(project, "schema", "train", "gate")
    report = json.loads((project / "reports" / "report.json").read_text("utf-8"))
    make_targets(project, "pack", "register")
    registered = stages(project, "local")
    make_targets(project, "promote")
    promoted = stages(project, "local")
    make_targets(project, "rollback", REASON="drill")

    assert report["verdict"] in ("PASS", "WARN") and report["champion"]["status"] == "COMPARED"
    assert report["champion"]["version"] == "v1.0.0"
    assert registered == {"production": "v1.0.0", "staging": "v1.0.2"}
    assert promoted["production"] == "v1.0.2"
    assert stages(project, "local")["production"] == "v1.0.0"
    assert [event[1:3] for event in events(project)[:2]] == [
        ("revoke", "v1.0.2"), ("rollback", "v1.0.0")]
    assert verify(project, registry="local") == []
    manifest = json.loads((project / "dist" / NAME / "manifest.json").read_text("utf-8"))
    assert manifest["dataset_version"] == "small-rows-v1.0.0"


def test_the_same_rows_and_settings_still_give_the_same_answers(project):
    """The report of a champion that is run again tells what it was when it was registered."""
    done = tool(project, "eval_gate", "--candidate", CHAMPION, "--champion", "none", "--json",
                check=False)

    report = json.loads(done.stdout)
    before = json.loads(run("git", "show", f"registry:models/{NAME}/v1.0.0/metrics.json",
                            cwd=project / ".registry" / "registry.git").stdout)
    assert done.returncode == 0, done.stderr
    assert report["metrics"]["f1_macro"] == before["f1_macro"]
    assert report["metrics"]["rows"] == before["rows"] == 30
