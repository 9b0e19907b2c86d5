"""Runs mirrored to other trackers: the real MLflow on SQLite, and Weights & Biases offline."""

import json
import re
from pathlib import Path

import pytest
from baking import (ROOT, TEMPLATE, bake, commit, environment, git, install, once, run, tool,
                    with_venv)

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "WANDB_MODE": "offline",
         "WANDB_ERROR_REPORTING": "false"}
# A client of its own, so that what is read is what another program would read.
READ_MLFLOW = """
import json, sys
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
found = []
for experiment in client.search_experiments(filter_string="name != 'Default'"):
    for run in client.search_runs([experiment.experiment_id]):
        names, folders = [], [""]
        while folders:
            for item in client.list_artifacts(run.info.run_id, folders.pop()):
                (folders if item.is_dir else names).append(item.path)
        found.append({
            "id": run.info.run_id, "name": run.info.run_name, "status": run.info.status,
            "experiment": experiment.name, "params": run.data.params, "tags": run.data.tags,
            "artifacts": sorted(names),
            "metrics": {key: [[point.step, point.value] for point in
                              client.get_metric_history(run.info.run_id, key)]
                        for key in run.data.metrics}})
print(json.dumps(found))
"""
READ_WANDB = """
import json, sys
from wandb.proto.wandb_internal_pb2 import Record

def records(path):
    # Blocks of 32 KiB hold chunks: checksum (4 bytes), length (2), kind (1; 1 and 4 end a record).
    data, at, parts = open(path, "rb").read(), 7, []
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        size, kind = int.from_bytes(data[at + 4:at + 6], "little"), data[at + 6]
        parts.append(data[at + 7:at + 7 + size])
        at += 7 + size
        if kind in (1, 4):
            yield Record.FromString(b"".join(parts))
            parts = []

def values(items):
    return {item.key or item.nested_key[0]: json.loads(item.value_json) for item in items}

found = {"history": [], "summary": {}}
for record in records(sys.argv[1]):
    kind = record.WhichOneof("record_type")
    if kind == "run":
        found.update(name=record.run.display_name, tags=list(record.run.tags),
                     config=values(record.run.config.update))
    elif kind == "history":
        found["history"].append(values(record.history.item))
    elif kind == "summary":
        found["summary"].update(values(record.summary.update))
    elif kind == "artifact":
        found["files"] = [entry.path for entry in record.artifact.manifest.contents]
    elif kind == "exit":
        found["exit"] = record.exit.exit_code
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def full_venv(venv):
    """The project's locked environment with the real MLflow and wandb beside it."""
    return once("trackers", lambda folder: install(
        folder, "-r", "requirements.txt", "mlflow", "wandb", beside=venv, cwd=TEMPLATE))


@pytest.fixture
def tracked(tmp_path, full_venv):
    """A bake whose environment has the trackers, and whose model logs a loss for each step."""
    project = with_venv(bake(tmp_path / "out"), full_venv)
    path = project / "nlp" / "classifiers.py"
    text = path.read_text(encoding="utf-8")
    text = text.replace('    file_format = "skops"\n',
                        '    file_format, log_metrics = "skops", None\n')
    text = text.replace("        self.labels = tuple(str(label)", """\
        for step in range(3):
            self.log_metrics({"loss": 1 / (step + 1)}, step)
        self.labels = tuple(str(label)""")
    path.write_text(text, encoding="utf-8")
    commit(project, "Log a loss")
    return project


def train(project, trackers, **env):
    """Train with trackers; return the run's name."""
    done = tool(project, "train", "--json", NLP_GITOPS_TRACKING=trackers, **QUIET, **env)
    return json.loads(done.stdout)["name"]


def in_mlflow(project, uri):
    """Return what another program finds in MLflow."""
    done = run(project / ".venv" / "bin" / "python", "-c", READ_MLFLOW, uri, cwd=project,
               env=environment(**QUIET))
    return json.loads(done.stdout)


def mlflow_store(folder):
    """Return the address of a new SQLite store."""
    return f"sqlite:///{folder / 'team.db'}"


def test_a_tracker_that_is_not_installed_is_said_before_anything_is_trained(tmp_path, venv):
    project = with_venv(bake(tmp_path / "out"), venv)
    path = project / "project.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "tracking: [mlflow]\n", encoding="utf-8")

    done = tool(project, "train", check=False)

    assert done.returncode == 2
    assert done.stderr == ("error: tracking: mlflow: the package mlflow is not installed; "
                           "type: pip install mlflow\n")
    assert not (project / "runs").exists()


@pytest.mark.heavy
def test_a_run_arrives_in_mlflow_whole(tracked, tmp_path):
    path = tracked / "project.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "tracking: [mlflow]\n", encoding="utf-8")
    commit(tracked, "Mirror to MLflow")

    # Empty is what a workflow gives for a variable that is not set.
    done = tool(tracked, "train", **QUIET, MLFLOW_TRACKING_URI="")

    name = re.search(r"^run +(\S+)", done.stdout, re.MULTILINE)[1]
    local = json.loads((tracked / "runs" / name / "run.json").read_text(encoding="utf-8"))
    found, = in_mlflow(tracked, f"sqlite:///{tracked / 'mlflow.db'}")
    assert (found["name"], found["status"], found["experiment"]) == (
        name, "FINISHED", "review-sentiment")
    assert re.search(rf"^mlflow +run {found['id']} \(complete\)", done.stdout, re.MULTILINE)
    assert found["params"] == {key: str(value) for key, value in local["params"].items()}
    assert found["metrics"]["loss"] == [[0, 1.0], [1, 0.5], [2, 1 / 3]]
    assert found["metrics"]["val_f1_macro"] == [[0, local["metrics"]["val_f1_macro"]]]
    assert found["tags"]["commit"] == git(tracked, "rev-parse", "HEAD")
    assert found["tags"]["dataset_version"] == local["tags"]["dataset_version"]
    assert found["tags"]["dirty"] == "false"
    assert set(found["artifacts"]) == {*local["files"], "run.json"}
    assert list((tracked / "mlruns").glob(f"**/{found['id']}/artifacts/run.json"))
    assert git(tracked, "status", "--porcelain") == ""


@pytest.mark.heavy
def test_a_run_of_either_backend_goes_to_the_registry(tracked, full_venv, tmp_path):
    uri = mlflow_store(tmp_path)
    name = train(tracked, "mlflow", MLFLOW_TRACKING_URI=uri,
                 MLFLOW_EXPERIMENT_NAME="from another machine")
    mirrored, = in_mlflow(tracked, uri)
    elsewhere = tmp_path / "elsewhere"
    git(tmp_path, "clone", "--quiet", str(tracked), str(elsewhere))
    git(elsewhere, "fetch", "--quiet", "origin", "registry:registry")
    with_venv(elsewhere, full_venv)

    # Where it was trained, the mirror changes nothing.
    for step in (("eval_gate",), ("pack_model",), ("push_to_registry", "--stage", "Staging")):
        tool(tracked, *step, **QUIET)
    # Elsewhere it exists only in MLflow.
    for _ in range(2):
        done = tool(elsewhere, "runs", "import-mlflow", mirrored["id"], "--tracking-uri", uri)
        assert f"imported {name}, every digest verified" in done.stdout
    for step in (("eval_gate", "--run", name), ("pack_model", "--run", name),
                 ("push_to_registry", "--stage", "Staging")):
        tool(elsewhere, *step, **QUIET)
    again = tool(elsewhere, "train", "--reproduce", name, **QUIET)

    first, second = (json.loads(
        (folder / "dist" / "review-sentiment" / "manifest.json").read_text(encoding="utf-8"))
        for folder in (tracked, elsewhere))
    assert first["artifacts"] == second["artifacts"] and first["run"] == second["run"] == name
    for folder in (tracked, elsewhere):
        shown = json.loads(tool(folder, "registry", "show", "--json").stdout)
        assert shown["review-sentiment"]["stages"] == {"staging": "v1.0.0"}
    assert again.stdout.endswith("REPRODUCED: IDENTICAL\n")


@pytest.mark.heavy
def test_what_was_altered_in_mlflow_is_not_imported(tracked, tmp_path):
    uri = mlflow_store(tmp_path)
    name = train(tracked, "mlflow", MLFLOW_TRACKING_URI=uri)
    mirrored, = in_mlflow(tracked, uri)
    (tracked / "runs" / name).rename(tmp_path / "away")
    store = next(tracked.glob(f"mlruns/**/{mirrored['id']}/artifacts"))
    record = json.loads((store / "run.json").read_text(encoding="utf-8"))

    def attempt(change):
        (store / "run.json").write_text(json.dumps({**record, **change}), encoding="utf-8")
        done = tool(tracked, "runs", "import-mlflow", mirrored["id"], "--tracking-uri", uri,
                    check=False)
        return done.returncode, done.stderr

    assert attempt({"tags": {**record["tags"], "license": ""}}) == (
        1, "error: run.json has no license; lineage is compulsory\n")
    assert attempt({"model": "../../escape"})[0] == 1
    assert attempt({"files": {"../../../x": {"sha256": "0"}}}) == (
        1, "error: run.json lists '../../../x', which MLflow does not have as a file\n")
    with open(store / "model" / "model.skops", "ab") as stream:
        stream.write(b"more")
    code, error = attempt({})
    assert code == 1 and "model/model.skops: its digest is not the one in run.json" in error
    done = tool(tracked, "runs", "import-mlflow", "0" * 32, "--tracking-uri", uri, check=False)
    assert done.returncode == 3 and done.stderr.count("\n") == 1
    assert list((tracked / "runs").iterdir()) == []


@pytest.mark.heavy
def test_an_mlflow_that_is_down_costs_no_run(tracked):
    name = train(tracked, "mlflow", MLFLOW_TRACKING_URI="http://me:secret@127.0.0.1:9",
                 MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")

    note = (tracked / "runs" / name / "mirrors.json").read_text(encoding="utf-8")
    done = tool(tracked, "runs", "mirror", name, "--to", "mlflow", **QUIET)

    assert '"state": "failed: ' in note and "secret" not in note
    found, = in_mlflow(tracked, f"sqlite:///{tracked / 'mlflow.db'}")
    assert f"run {found['id']} (complete)" in done.stdout
    assert found["metrics"]["loss"] == [[0, 1.0], [1, 0.5], [2, 1 / 3]]


@pytest.mark.heavy
def test_the_adapter_in_the_docs_mirrors_to_weights_and_biases(tracked, tmp_path):
    text = (ROOT / "docs" / "reference" / "tracking.md").read_text(encoding="utf-8")
    code, = (block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
             if "class WandbTracker" in block)
    (tracked / "nlp" / "wandb_runs.py").write_text(code, encoding="utf-8")
    path = tracked / "project.yaml"
    path.write_text(path.read_text(encoding="utf-8")
                    + 'tracking: ["nlp.wandb_runs:WandbTracker"]\n', encoding="utf-8")
    commit(tracked, "Mirror to W&B")

    done = tool(tracked, "train", "--json", **QUIET, WANDB_DATA_DIR=str(tmp_path),
                WANDB_CACHE_DIR=str(tmp_path), WANDB_CONFIG_DIR=str(tmp_path))

    local = json.loads(done.stdout)
    log, = Path(tracked / "wandb").glob("offline-run-*/run-*.wandb")
    found = json.loads(run(tracked / ".venv" / "bin" / "python", "-c", READ_WANDB, log,
                           cwd=tracked, env=environment(**QUIET)).stdout)
    assert (found["name"], found["exit"]) == (local["name"], 0)
    assert found["config"]["c"] == local["params"]["c"]
    assert found["config"]["tags"]["commit"] == local["tags"]["commit"]
    assert "task=text-classification" in found["tags"]
    assert [(row["_step"], row["loss"]) for row in found["history"] if "loss" in row] == [
        (0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert found["summary"]["val_f1_macro"] == local["metrics"]["val_f1_macro"]
    assert set(found["files"]) == {*local["files"], "run.json"}
    assert git(tracked, "status", "--porcelain") == ""
