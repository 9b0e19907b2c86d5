"""Training: what a run records, and the same model from the same rows; the pictures too."""

import struct

import numpy as np
import pytest
from small import git

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.training import create, plots, train


@pytest.fixture
def no_pictures():
    """Draw them."""


def size_of(path):
    """Return (width, height) of a PNG; fail for anything else."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data.endswith(b"IEND\xaeB`\x82")
    return struct.unpack(">II", data[16:24])


def test_a_run_records_params_metrics_tags_and_artifacts(project):
    run = train(project, project.model())

    assert run.params["min_df"] == 1
    assert run.metrics["val_f1_macro"] > 0.8
    assert run.tags["dataset_version"] == "small-rows-v1.0.0"
    assert run.tags["prompt_version"] == "n/a"
    assert run.tags["commit"] == git(project.root, "rev-parse", "HEAD")
    assert run.tags["dirty"] is False
    names = {path.relative_to(run.path / "artifacts").parts[0]
             for path in (run.path / "artifacts").rglob("*")}
    assert names >= {"model", "confusion_matrix.png", "per_class.json", "tokenization.json"}
    assert size_of(run.artifacts / "confusion_matrix.png")[0] > 300


def test_training_twice_gives_the_same_model_under_two_names(project):
    first, second = train(project, project.model()), train(project, project.model())

    assert first.name != second.name
    assert first.details["model_sha256"] == second.details["model_sha256"]


@pytest.mark.parametrize("params, said", [
    ("{min_dff: 1}", "unexpected keyword argument 'min_dff'"), ("{seed: 3}", "'seed'")])
def test_params_that_do_not_fit_the_class_are_told_with_their_place(project, params, said):
    path = project.root / "project.yaml"
    path.write_text(path.read_text().replace("{min_df: 1}", params))
    changed = load_project(project.root)

    with pytest.raises(UsageError) as error:
        create(changed, changed.model())

    assert str(error.value).startswith(
        f"{path}:9:3: params do not fit the class nlp.classifiers:TfidfLogistic: ")
    assert said in str(error.value) and "\n" not in str(error.value)


def test_rows_that_nothing_can_be_learnt_of_are_one_line(project):
    rows = project.root / "data" / "train.jsonl"
    rows.write_text(rows.read_text().replace("positive", "neutral").replace("negative", "neutral"))

    with pytest.raises(UsageError, match="dataset.yaml: the model cannot be trained on these rows"):
        train(project, project.model())


# Pictures

def test_a_matrix_is_drawn_the_same_every_time_and_larger_with_more_labels(tmp_path):
    few, many = ["a", "b"], [f"label {number}" for number in range(30)]
    for name, labels in (("few", few), ("again", few), ("many", many)):
        plots.confusion_png(np.eye(len(labels), dtype=int), labels, "validation split",
                            tmp_path / f"{name}.png")

    assert (tmp_path / "few.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    assert size_of(tmp_path / "many.png")[0] > 2 * size_of(tmp_path / "few.png")[0]
    assert b"matplotlib" not in (tmp_path / "few.png").read_bytes()


def test_a_label_without_a_row_can_be_drawn(tmp_path):
    plots.confusion_png(np.array([[2, 0], [0, 0]]), ["a", "b"], "validation split",
                        tmp_path / "a.png")

    assert size_of(tmp_path / "a.png")[1] > 100
