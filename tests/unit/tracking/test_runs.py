"""Runs: what is recorded, what survives a kill, and how runs are read."""

import json
import multiprocessing
import re
import sys

import pytest
from runs_kit import command, logged, small_repository, trained
from small import ROOT, git

from nlp_gitops import tracking
from nlp_gitops.core import files
from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.core.worktree import checked_out
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.reporting import charts
from nlp_gitops.tracking import environment, lineage, run_pages, run_views, series


@pytest.fixture
def small(project):
    """A committed repository whose model needs no library."""
    return small_repository(project)


def test_a_run_records_where_it_comes_from_and_what_it_ran_on(small):
    run = trained(small)

    details = run.details
    assert details["environment"]["python"] == sys.version.split()[0]
    assert details["environment"]["packages"].keys() >= {"numpy", "scikit-learn", "skops"}
    assert details["environment"]["lock_sha256"] == files.sha256_file(small / "requirements.txt")
    assert details["durations"].keys() == {"train", "validate", "save"}
    assert details["seeds"] == {"random": 0, "numpy": 0, "splits": 0, "PYTHONHASHSEED": "random"}
    assert details["git"] == {"commit": git(small, "rev-parse", "HEAD"), "dirty": False}
    assert details["dataset"]["sha256"].keys() == {"train", "valid", "test"}
    assert [(item.step, item.metric) for item in series.read(run.path)][:3] == [
        (0, "loss"), (1, "loss"), (2, "loss")]
    for name, about in details["files"].items():
        path = run.path / name if name in ("start.json", "metrics.jsonl") else run.artifacts / name
        assert files.sha256_file(path) == about["sha256"]


@pytest.mark.parametrize("tag", ["task", "dataset_version", "commit", "license", "owner"])
def test_a_run_without_a_part_of_its_lineage_is_not_logged(tmp_path, tag):
    with pytest.raises(UsageError, match=f"a run without {tag} has no lineage"):
        logged(tmp_path / "runs", tags={tag: ""})

    assert not (tmp_path / "runs").exists()


def test_an_artifact_stays_inside_the_run(tmp_path):
    logger = logged(tmp_path / "runs", finish=False)

    for name in ("../../escape", "run.json", "/etc/passwd"):
        with pytest.raises(UsageError, match="cannot be an artifact's name"):
            logger.artifact(name)


def test_uncommitted_changes_are_kept_as_a_patch_that_gives_the_same_tree(project):
    root = project.root
    (root / "data" / "train.jsonl").write_text("changed\n")
    (root / "new file.bin").write_bytes(bytes(range(256)))
    (root / "gates.yaml").unlink()
    status = git(root, "status", "--porcelain")
    objects = git(root, "count-objects")

    found = environment.uncommitted(root)

    assert (git(root, "status", "--porcelain"), git(root, "count-objects")) == (status, objects)
    with checked_out(root, "HEAD", found.patch) as tree:
        assert (tree / "data" / "train.jsonl").read_text() == "changed\n"
        assert (tree / "new file.bin").read_bytes() == bytes(range(256))
        assert not (tree / "gates.yaml").exists()


def test_a_large_change_leaves_only_its_digest(project, monkeypatch):
    monkeypatch.setattr(environment, "PATCH_LIMIT", 100)
    (project.root / "notes.txt").write_text("x" * 1000)

    found = environment.uncommitted(project.root)

    assert found.patch is None
    assert found.size > 1000 and len(found.sha256) == 64


# Files that survive

def _append(folder, number):
    for step in range(50):
        series.append(folder, {f"m{number}": step, "other": 1.0}, step)


def test_lines_of_parallel_writers_do_not_mix(tmp_path):
    writers = [multiprocessing.get_context("fork").Process(target=_append, args=(tmp_path, number))
               for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    points = series.read(tmp_path)

    assert len(points) == 400
    assert [point.value for point in points if point.metric == "m2"] == list(range(50))


def test_a_torn_last_line_is_ignored_and_any_other_is_a_fault(tmp_path):
    series.append(tmp_path, {"loss": 0.5}, 1)
    path = tmp_path / "metrics.jsonl"
    whole = path.read_text()
    path.write_text(whole + whole[:20])

    assert [point.value for point in series.read(tmp_path)] == [0.5]
    path.write_text(whole[:20] + "\n" + whole)
    with pytest.raises(CheckFailed, match=r"metrics\.jsonl:1: not a line that a run writes"):
        series.read(tmp_path)


def test_a_value_that_is_no_number_is_kept_as_such_and_the_files_stay_json(tmp_path):
    run = logged(tmp_path / "runs", {"loss": float("nan")})

    for name in ("run.json", "metrics.jsonl"):
        assert "NaN" not in (run.path / name).read_text()
    assert run.metrics["loss"] != run.metrics["loss"]


def test_an_unfinished_run_is_listed_as_such_and_never_taken(tmp_path):
    folder = tmp_path / "runs"
    old = logged(folder)
    new = logged(folder, finish=False)

    assert tracking.newest_matching(folder, "small", lineage.Inputs("d", "n/a", "c")) == old
    assert [item.name for item in tracking.unfinished(folder)] == [new.path.name]
    with pytest.raises(NotMeasured, match="unfinished, so it is no result"):
        tracking.find(folder, new.path.name)


def test_runs_of_the_same_second_have_different_names(tmp_path):
    names = {logged(tmp_path / "runs").name for _ in range(3)}

    assert len(names) == 3


# Reading runs

def test_the_list_shows_the_newest_first_and_filters(project, capsys):
    folder = project.root / "runs"
    first = logged(folder, {"val_f1_macro": 0.25})
    other = logged(folder, model="other")
    last = logged(folder, finish=False)

    code, text = command(capsys, "runs", "list")
    _, filtered = command(capsys, "runs", "list", "--model", "other")
    _, limited = command(capsys, "runs", "list", "--limit", "1", "--json")

    assert code == 0
    lines = text.splitlines()
    assert lines[0].split() == ["run", "val_f1_macro", "gate", "seconds"]
    assert lines[1].split() == [last.path.name, "–", "–", "–", "unfinished"]
    assert [line.split()[1] for line in lines if line.startswith(first.name)] == ["0.2500"]
    assert [line.split()[0] for line in filtered.splitlines()[1:]] == [other.name]
    record, = json.loads(limited)
    assert (record["name"], record["state"]) == (last.path.name, "unfinished")


def test_show_is_a_page_for_people(small, capsys):
    run = trained(small)

    code, text = command(capsys, "runs", "show")

    assert code == 0
    assert f"run      {run.name}" in text
    assert re.search(r"loss +0\.3333  \(3 values; step 0: 1\.0000, lowest 0\.3333, highest", text)
    assert re.search(r"train split +90 rows, sha256 [0-9a-f]{64}", text)
    assert "not evaluated; type: python tools/eval_gate.py --run" in text
    assert "{" not in text


def test_show_tells_how_far_an_unfinished_run_came(project, capsys):
    stopped = logged(project.root / "runs", {"loss": 0.125}, finish=False, params={"c": 2.0})

    _, text = command(capsys, "runs", "show", stopped.path.name)

    assert "unfinished: no result" in text
    assert re.search(r"loss +0\.1250", text) and re.search(r"c +2\.0", text)


def test_the_training_script_of_the_documentation_makes_a_run(small, capsys, monkeypatch):
    text = (ROOT / "docs" / "reference" / "tracking.md").read_text(encoding="utf-8")
    [script] = re.findall(r"^```python\n(from nlp_gitops.*?)^```", text, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(small)

    exec(script, {})
    code, out = command(capsys, "runs", "show")

    assert code == 0
    assert re.search(r"val_f1_macro +0\.8400 +\(3 values", out) and "model/weights.bin" in out


def test_one_run_cannot_be_compared(tmp_path):
    with pytest.raises(UsageError, match="at least two runs"):
        run_views.comparison([logged(tmp_path)], everything=False)


def test_compare_marks_what_differs_and_leaves_out_what_is_equal(tmp_path):
    one = logged(tmp_path / "runs", {"val_f1_macro": 0.5}, params={"c": 1.0, "n": 2})
    two = logged(tmp_path / "runs", {"val_f1_macro": 0.75}, params={"c": 4.0, "n": 2})

    text = run_views.comparison([one, two], everything=False)
    full = run_views.comparison([one, two], everything=True)

    assert re.search(r"^\* +c +1\.0 +4\.0$", text, re.MULTILINE)
    assert re.search(r"^\* +val_f1_macro +0\.5000 +0\.7500 +\+0\.2500$", text, re.MULTILINE)
    assert not re.search(r"^ +n +2", text, re.MULTILINE)
    assert re.search(r"^ +n +2 +2$", full, re.MULTILINE)


def test_the_page_is_self_contained_and_escapes_everything(project, capsys):
    evil = '"><script>alert(1)</script>'
    for value in (0.5, 0.75, 0.625):
        logged(project.root / "runs", {"val_f1_macro": value, evil: value}, params={evil: evil},
               tags={"owner": evil, "dataset_version": f"{evil}-v1.0.0"})
    logged(project.root / "runs", finish=False)

    code, _ = command(capsys, "runs", "html", "--out", str(project.root / "reports" / "runs"))

    text = (project.root / "reports" / "runs" / "index.html").read_text()
    assert code == 0
    assert "<script" not in text and not re.search(r"(src|href)=\"(?!#|data:)", text)
    assert "default-src &#x27;none&#x27;" in text
    assert text.count("<polyline") == 2 and text.count("<circle") == 6
    assert "3 finished, 1 unfinished." in text
    assert "prefers-color-scheme: dark" in text


@pytest.mark.parametrize("values, low, high", [
    ([0.95], 0.9025, 0.9975), ([0.99, 1.0], 0.9892, 1.0), ([0.0], 0.0, 0.5),
    ([0.0, 0.5], 0.0, 0.54), ([3.0, 4.0], 2.92, 4.08), ([-1.0, 1.0], -1.16, 1.0)])
def test_an_axis_does_not_suggest_values_that_a_share_cannot_have(values, low, high):
    assert charts.line_range(values) == pytest.approx((low, high))


def test_the_page_of_no_runs_is_a_page():
    assert "0 finished" in run_pages.page("small", [], [])


def test_files_of_one_name_in_two_folders_are_two_inputs(small):
    manifest = small / "data" / "dataset.yaml"
    for name in ("train", "valid"):
        (small / "data" / name).mkdir()
        (small / "data" / f"{name}.jsonl").rename(small / "data" / name / "rows.jsonl")
        manifest.write_text(manifest.read_text().replace(f"{name}.jsonl", f"{name}/rows.jsonl"))
    project = load_project(small)

    def digest():
        return lineage.inputs(project, project.model(), load_manifest(manifest)).data

    before, rows = digest(), small / "data" / "train" / "rows.jsonl"
    rows.write_text(rows.read_text().replace("kettle", "teapot"))

    assert digest() != before


def test_a_registry_without_a_stage_between_need_not_say_what_may_be_skipped(small):
    settings = small / "project.yaml"
    settings.write_text(settings.read_text() + "registry: {stages: [staging, production]}\n")

    assert load_project(small).registry.stages == ("staging", "production")
