"""Mirrors of runs: what a tracker hears, what happens when it fails, and the way back."""

import json
import re
import shutil

import pytest
from runs_kit import TAGS, Spy, logged

from nlp_gitops import tracking
from nlp_gitops.core import files
from nlp_gitops.core.errors import CheckFailed, Conflict, NotMeasured, UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.tracking import RunLogger, lineage, run_import, trackers
from nlp_gitops.tracking.trackers import Mirror, notes, send


def test_a_mirror_hears_all_of_a_run(tmp_path, capsys):
    spy = Spy()

    run = logged(tmp_path / "runs", {"loss": 0.5}, params={"c": 1.0}, mirror=Mirror({"spy": spy}))

    assert spy.told[0] == ("start", run.name, {"c": 1.0}, TAGS)
    assert spy.told[1] == ("metrics", {"loss": 0.5}, None)
    artifacts = {name: data for what, name, data in spy.told[2:-1]}
    assert artifacts.keys() == {"start.json", "metrics.jsonl", "model/weights.json", "run.json"}
    assert artifacts["run.json"] == (run.path / "run.json").read_bytes()
    assert spy.told[-1] == ("finish", True)
    assert notes(run.path) == {"spy": {"where": "https://tracker.example/1", "state": "complete"}}
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("moment", ["start", "metrics", "artifact", "finish"])
def test_a_mirror_that_fails_costs_no_run_and_can_be_told_later(tmp_path, capsys, moment):
    run = logged(tmp_path / "runs", mirror=Mirror({"bad": Spy(fails=moment), "good": Spy()}))

    error = capsys.readouterr().err
    assert "warning: bad does not get all of the run: no answer from https://tracker" in error
    assert "secret" not in error + (run.path / "mirrors.json").read_text()
    assert notes(run.path)["good"]["state"] == "complete"
    again, good = Spy(), Spy()
    send(run, {"bad": again, "good": good})
    assert again.told[-1] == ("finish", True) and good.told == []
    with pytest.raises(NotMeasured, match="did not arrive at other"):
        send(run, {"other": Spy(fails="finish")})


def test_a_run_that_raises_ends_as_failed_in_its_mirror(tmp_path):
    spy = Spy()

    with pytest.raises(ZeroDivisionError), RunLogger(
            tmp_path / "runs", "small", TAGS, lineage.Inputs("d", "n/a", "c"),
            mirror=Mirror({"spy": spy})):
        1 / 0

    assert spy.told[-1] == ("finish", False)
    assert tracking.all_runs(tmp_path / "runs") == []


@pytest.mark.parametrize("name, message", [
    ("comet", "no tracker 'comet'; write mlflow, or module:Class"),
    ("nowhere.at_all:Tracker", "nowhere.at_all:Tracker: no module 'nowhere'"),
    ("nlp_gitops.core.files:Tracker", "nlp_gitops/core/files.py has no Tracker"),
    ("needs_more:Tracker", "package not_there is not installed; type: pip install not_there; see "
     "needs_more.py:1"),
    ("half_written:Tracker", "half_written cannot be imported: SyntaxError: "),
    ("fails:Tracker", "fails cannot be imported: RuntimeError: no answer from https://host"),
    *((typo, f"no tracker {typo!r}; write mlflow, or module:Class")
      for typo in ("mlflow:", ":Tracker", ".own:Tracker", "own..runs:Tracker", "own:Tracker:x",
                   "own/runs.py:Tracker"))])
def test_a_tracker_that_cannot_be_had_is_said_in_one_line(tmp_path, name, message):
    (tmp_path / "needs_more.py").write_text("import not_there\n")
    (tmp_path / "half_written.py").write_text("class Tracker(:\n")
    (tmp_path / "fails.py").write_text(
        "raise RuntimeError('no answer from https://me:secret@host\\nmore')\n")

    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        trackers.open_trackers([name], "small", tmp_path)

    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)


def test_the_environment_variable_overrides_the_settings(monkeypatch, project):
    path = project.root / "project.yaml"
    path.write_text(path.read_text() + "tracking: [mlflow, 'own.module:Tracker']\n")
    configured = load_project(project.root).tracking

    assert trackers.wanted(configured) == ["mlflow", "own.module:Tracker"]
    monkeypatch.setenv(trackers.SWITCH, "")
    assert trackers.wanted(configured) == []


# Bringing a run back from a mirror

@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """A folder with what a mirror holds of a run; it stands for MLflow."""
    spy = Spy()
    run = logged(tmp_path / "there" / "runs", mirror=Mirror({"spy": spy}))
    folder = tmp_path / "store"
    for what, name, *data in spy.told:
        if what == "artifact":
            files.write_atomic(folder / name, data[0])
    monkeypatch.setattr(run_import, "_download", lambda root, run_id, uri, target:
                        shutil.copytree(folder, target, dirs_exist_ok=True))
    return folder, run


def test_an_imported_run_equals_the_one_that_was_mirrored(tmp_path, fetched):
    _, run = fetched

    for _ in range(2):
        found = run_import.import_mlflow(tmp_path / "here", "0", None)

    assert found.path == tmp_path / "here" / "runs" / run.name
    assert found.details == run.details
    assert files.sha256_tree(found.model_folder) == run.details["model_sha256"]
    assert [path.name for path in (tmp_path / "here" / "runs").iterdir()] == [run.name]


@pytest.mark.parametrize("change, message", [
    (lambda record: record["tags"].update(owner=""), "no owner; lineage is compulsory"),
    (lambda record: record["files"].update({"../x": {"sha256": "0"}}), r"lists '\.\./x'"),
    (lambda record: record["files"].update({"gone": {"sha256": "0"}}), "lists 'gone'"),
    (lambda record: record["files"]["metrics.jsonl"].update(sha256="0"), "metrics.jsonl: its dig"),
    (lambda record: record.update(model_sha256="0"), "the model's files are not those"),
    (lambda record: record.update(name="../../x"), "no readable run.json"),
    (lambda record: record.update(model="../x"), "no readable run.json"),
    (lambda record: record.update(files=[]), "no readable run.json")])
def test_a_run_that_is_not_whole_is_not_imported(tmp_path, fetched, change, message):
    folder, _ = fetched
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))

    with pytest.raises(CheckFailed, match=message):
        run_import.import_mlflow(tmp_path / "here", "0", None)

    assert list((tmp_path / "here" / "runs").iterdir()) == []


def test_a_run_of_the_same_name_is_not_overwritten(tmp_path, fetched):
    _, run = fetched
    other = tmp_path / "here" / "runs" / run.name / "run.json"
    files.write_json(other, {"another": "run"})

    with pytest.raises(Conflict, match="another run of this name"):
        run_import.import_mlflow(tmp_path / "here", "0", None)

    assert json.loads(other.read_text()) == {"another": "run"}
