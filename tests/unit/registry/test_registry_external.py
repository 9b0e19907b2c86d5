"""Registering a model that was made elsewhere; its lineage is compulsory."""

import json

import jsonschema
import pytest
import tiny_registry as tiny
from runs_kit import command
from small import commit

from nlp_gitops.core import package_files
from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.github import promotion
from nlp_gitops.registry.champion import find
from nlp_gitops.registry.remotes import connect

SCHEMA = json.loads(package_files.text("schemas/manifest.schema.json"))
GATES = """\
gates_version: 1
gates:
  - {id: quality, metric: f1_macro, min: 0.8, why: stored answers have no latency}
"""
MANIFEST = {
    "name": "small", "description": "Made by a partner.", "task": "text-classification",
    "language": "en", "license": "internal", "owner": "partner",
    "labels": ["negative", "neutral", "positive"], "dataset_version": "their-rows-v3.0.0",
    "dataset_sha256": "d" * 64, "prompt_version": "n/a", "source_commit": "c" * 40,
    "tags": {"made": "elsewhere"}}


@pytest.fixture
def made(project):
    """A folder with a model, its manifest, and right answers to the test split."""
    (project.root / "gates.yaml").write_text(GATES)
    folder = project.root / ".cache" / "made"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights.onnx").write_bytes(b"weights")
    change(folder, source_commit=tiny.git(project.root, "rev-parse", "main"))
    rows = map(json.loads, (project.root / "data" / "test.jsonl").read_text().splitlines())
    (folder / "predictions.jsonl").write_text("".join(
        json.dumps({"id": row["id"], "label": row["label"], "prediction": row["label"]}) + "\n"
        for row in rows))
    return folder


def judge(capsys, made):
    code, output = command(capsys, "eval_gate", "--from", str(made))
    assert code == 0, output


def push(capsys, made):
    return command(capsys, "push_to_registry", "--from", str(made), "--json")


def change(made, **fields):
    (made / "manifest.json").write_text(json.dumps({**MANIFEST, **fields}))


def test_a_judged_model_from_elsewhere_becomes_a_version_like_any_other(project, made, capsys):
    judge(capsys, made)

    code, output = push(capsys, made)

    snapshot = connect(project, "local").snapshot()
    manifest = snapshot.manifest(tiny.ref("small@v1.0.0"))
    assert (code, json.loads(output)["version"]) == (0, "v1.0.0")
    assert (manifest["owner"], manifest["dataset_version"]) == ("partner", "their-rows-v3.0.0")
    jsonschema.validate(manifest, SCHEMA)
    assert manifest.keys() <= SCHEMA["properties"].keys()
    assert snapshot.states()["small"].stages == {"staging": "v1.0.0"}
    assert snapshot.states()["small"].find("v1.0.0").tags == {"made": "elsewhere"}


def test_in_production_it_is_a_champion_by_its_stored_answers(project, made, capsys):
    judge(capsys, made)
    push(capsys, made)

    code, _ = command(capsys, "promote", "small@v1.0.0", "--to", "production")

    champion = find(project, "small", "auto", None)
    assert (code, champion.version, champion.model) == (0, "v1.0.0", None)
    assert champion.predictions.read_text() == (made / "predictions.jsonl").read_text()


def test_its_promotion_asks_for_the_commit_of_this_repository(project, made, capsys):
    change(made, source_commit="c" * 40)
    judge(capsys, made)
    push(capsys, made)
    registry = connect(project, "local")
    begun = promotion.begin(project, registry, "small@v1.0.0")

    promotion.check(project, registry, begun)
    code, _ = command(capsys, "promote", "small@v1.0.0", "--to", "production")

    assert (code, begun.champion) == (0, "none")
    assert registry.states()["small"].stages["production"] == "v1.0.0"


def test_it_is_promoted_only_where_it_was_registered_from_the_protected_branch(
        project, made, capsys):
    tiny.git(project.root, "checkout", "--quiet", "-b", "aside")
    commit(project.root, "Lower the bar")
    judge(capsys, made)
    push(capsys, made)
    registry = connect(project, "local")

    with pytest.raises(CheckFailed, match="which is not on branch main"):
        promotion.check(project, registry, promotion.begin(project, registry, "small@v1.0.0"))


def test_registering_it_again_changes_nothing(made, capsys):
    judge(capsys, made)
    push(capsys, made)

    code, output = push(capsys, made)

    assert (code, json.loads(output)["events"]) == (0, [])


@pytest.mark.parametrize("missing", ["owner", "license", "labels", "dataset_version",
                                     "dataset_sha256", "prompt_version", "source_commit", "task"])
def test_without_its_lineage_it_is_refused_with_1(project, made, capsys, missing):
    judge(capsys, made)
    change(made, **{missing: ""})

    with pytest.raises(CheckFailed, match=f"no {missing}; lineage is compulsory") as caught:
        push(capsys, made)

    assert caught.value.exit_code == 1
    assert connect(project, "local").states() == {}


@pytest.mark.parametrize("field, value", [("license", "MINE"), ("language", "english!")])
def test_a_licence_or_language_that_is_none_is_refused_with_1(made, capsys, field, value):
    judge(capsys, made)
    change(made, **{field: value})

    with pytest.raises(CheckFailed, match=value):
        push(capsys, made)


def test_without_a_gate_report_it_is_not_registered(made, capsys):
    with pytest.raises(NotMeasured, match="was not evaluated; type: python tools/eval_gate.py"):
        push(capsys, made)


def test_a_model_that_changed_since_its_gate_is_refused(made, capsys):
    judge(capsys, made)
    (made / "model" / "weights.onnx").write_bytes(b"other weights")

    with pytest.raises(CheckFailed, match="about other model files"):
        push(capsys, made)


def test_answers_that_changed_since_the_gate_are_refused(made, capsys):
    judge(capsys, made)
    with open(made / "predictions.jsonl", "a") as stream:
        stream.write("\n")

    with pytest.raises(CheckFailed, match="about other predictions"):
        push(capsys, made)


@pytest.mark.parametrize("break_it, why", [
    (lambda made: (made / "manifest.json").unlink(), "no such file; it says where"),
    (lambda made: (made / "manifest.json").write_text("{"), "not readable as JSON"),
    (lambda made: (made / "manifest.json").write_text("[]"), "must be one JSON object"),
    (lambda made: (made / "model" / "weights.onnx").unlink(), "no files of a model there"),
    (lambda made: change(made, labels="negative"), "labels must be a list"),
    (lambda made: change(made, license=5), "license must be a text"),
    (lambda made: change(made, tags=["a"]), "tags must be texts by their keys"),
    (lambda made: change(made, tags={"a b": "x"}), "tag 'a b': write KEY=VALUE"),
    (lambda made: change(made, tags={"a": 1}), "tag 'a': write KEY=VALUE"),
    (lambda made: change(made, name="Not A Name"), "is not a model name")])
def test_a_folder_that_is_not_what_it_must_be_is_usage(made, capsys, break_it, why):
    break_it(made)

    with pytest.raises(UsageError, match=why):
        push(capsys, made)
