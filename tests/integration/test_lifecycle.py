"""The life of a model in a fresh bake, through the commands a person types."""

import json
import shutil

import jsonschema
import pytest
from baking import TEMPLATE, bake, commit, environment, git, packed, run, tool, trained, with_venv

from nlp_gitops.core import package_files

pytestmark = pytest.mark.long


@pytest.fixture
def with_a_run(tmp_path, venv):
    """A bake in which somebody has trained."""
    return trained(tmp_path / "out", venv)


@pytest.fixture
def shared(tmp_path, venv):
    """A bake with a packed model, whose origin is a bare repository, as a team has it."""
    project = packed(tmp_path / "out", venv)
    run("git", "init", "--quiet", "--bare", "--initial-branch=main", tmp_path / "origin.git",
        cwd=tmp_path)
    git(project, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(project, "push", "--quiet", "origin", "main", "registry")
    return project


def edit(project, name, old, new):
    path = project / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def make(project, *targets, check=True, **env):
    return run("make", "--silent", *targets, cwd=project, check=check, env=environment(**env))


def shown(project, registry):
    return json.loads(tool(project, "registry", "show", "--json", "--registry", registry).stdout)


def candidate(project, registry="local"):
    tool(project, "train")
    tool(project, "eval_gate", "--registry", registry)
    return tool(project, "pack_model")


ASKS = """\
  asks:
    class: nlp_gitops.llm:PromptClassifier
    task: prompt-classification
    prompt: classify_sentiment
    params: {provider: stand-in}

"""


@pytest.mark.heavy
def test_a_classic_champion_and_a_prompt_judge_each_other_on_the_same_pinned_rows(tmp_path, venv):
    project = packed(tmp_path / "out", venv)
    tool(project, "push_to_registry", "--stage", "Staging")
    tool(project, "promote", "review-sentiment@v1.0.0", "--to", "Production")
    edit(project, "project.yaml", "\nservice:", ASKS + "service:")
    # What a repository of prompts has and one of trained models has not.
    shutil.copytree(TEMPLATE / "prompts", project / "prompts")
    for name in ("gates.yaml", "tests/injection.yaml"):
        shutil.copy(TEMPLATE / name, project / name)
    commit(project, "Add a prompt as challenger")

    assert "next: python tools/eval_gate.py --model asks" in tool(
        project, "train", "--model", "asks").stdout
    challenger = judged(project, "--model", "asks", "--champion", "review-sentiment@v1.0.0")
    hint = tool(project, "pack_model", "--model", "asks").stdout.splitlines()[-1]
    tool(project, *hint.removeprefix("next: python tools/").replace(".py", "").split())
    reverse = judged(project, "--candidate", "review-sentiment@v1.0.0", "--champion", "asks@v1.0.0")

    assert shown(project, "local")["asks"]["stages"] == {"staging": "v1.0.0"}
    for report, of in (challenger, "review-sentiment"), (reverse, "asks"):
        assert report["champion"]["version"] == "v1.0.0"
        assert report["champion"]["why"].startswith(f"of {of}, run again")
    assert (challenger["lineage"]["test_sha256"], challenger["metrics"]["rows"]) == (
        reverse["lineage"]["test_sha256"], reverse["metrics"]["rows"])
    asked, classic = ({item["id"] for item in report["gates"]} for report in (challenger, reverse))
    assert {"no-worse", "no-answer", "injection"} <= asked and "no-slower" not in asked
    assert {"no-worse", "no-slower"} <= classic and "no-answer" not in classic


def judged(project, *arguments):
    """Return the gate's report; the verdict may be any that was measured."""
    done = tool(project, "eval_gate", "--json", *arguments, check=False)
    assert done.returncode in (0, 1, 4), done.stderr
    return json.loads(done.stdout)


def test_a_packed_models_manifest_has_the_keys_of_its_schema_and_no_others(shared):
    schema = json.loads(package_files.text("schemas/manifest.schema.json"))
    manifest = json.loads((shared / "dist" / "review-sentiment" / "manifest.json").read_text())

    jsonschema.validate(manifest, schema)
    # Registration adds two, a model made elsewhere has one more.
    assert schema["properties"].keys() - manifest.keys() == {"version", "seq", "repository_commit"}
    assert manifest.keys() <= schema["properties"].keys()


@pytest.mark.heavy
def test_make_check_passes_in_a_fresh_bake(project):
    assert "passed" in make(project, "check").stdout


@pytest.mark.parametrize("task", ["text-classification", "prompt-classification"])
def test_make_pipeline_goes_from_checks_to_production(tmp_path, venv, task):
    project = with_venv(bake(tmp_path / "out", task=task), venv)

    done = make(project, "pipeline")

    assert "GATE: PASS" in done.stdout
    assert shown(project, "local") == {"review-sentiment": {
        "stages": {"production": "v1.0.0", "staging": "v1.0.0"}, "versions": ["v1.0.0"], "seq": 3}}
    assert git(project, "status", "--porcelain") == ""


def test_the_default_model_is_good_but_not_perfect_and_its_slices_differ(with_a_run):
    make(with_a_run, "gate")

    report = json.loads((with_a_run / "reports" / "report.json").read_text())
    slices = {gate["slice"]: gate["value"] for gate in report["gates"] if gate["slice"]}
    assert 0.82 <= report["metrics"]["f1_macro"] <= 0.92
    assert {"short_text", "long_text"} < set(slices) and len(slices) >= 6
    assert max(slices.values()) - min(slices.values()) > 0.03


@pytest.mark.heavy
def test_two_versions_on_a_bare_remote_and_back(shared, tmp_path):
    tool(shared, "push_to_registry", "--stage", "Staging", "--registry", "origin")
    tool(shared, "promote", "review-sentiment@v1.0.0", "--to", "Production", "--registry", "origin")
    edit(shared, "project.yaml", "c: 4.0", "c: 2.0")
    commit(shared, "Regularise more")
    git(shared, "push", "--quiet", "origin", "main")
    candidate(shared, "origin")
    tool(shared, "push_to_registry", "--stage", "Staging", "--registry", "origin")
    tool(shared, "promote", "@staging", "--to", "PRODUCTION", "--registry", "origin",
         "--expect-current", "v1.0.0")

    tool(shared, "rollback", "--reason", "drill", "--registry", "origin")

    stages = shown(shared, "origin")["review-sentiment"]["stages"]
    assert stages == {"production": "v1.0.0", "staging": "v1.0.1", "archived": "v1.0.1"}
    history = tool(shared, "registry", "history", "--registry", "origin").stdout
    assert "drill" in history and "replaced by v1.0.1" in history
    assert shown(shared, "local") == {}

    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", tmp_path / "origin.git", clone, cwd=tmp_path)
    seen = json.loads(run("gto", "show", "--json", cwd=clone).stdout)
    assert seen["review-sentiment"]["stage"] == stages


def test_a_clone_reads_and_continues_the_registry(shared, venv, tmp_path):
    tool(shared, "push_to_registry", "--registry", "origin")
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", tmp_path / "origin.git", clone, cwd=tmp_path)
    with_venv(clone, venv)

    tool(clone, "promote", "review-sentiment@v1.0.0", "--to", "production", "--registry", "origin")

    assert shown(shared, "origin")["review-sentiment"]["stages"]["production"] == "v1.0.0"


def test_an_uncommitted_change_is_registered_locally_with_a_warning_but_not_shared(shared):
    edit(shared, "project.yaml", "c: 4.0", "c: 3.0")
    candidate(shared)

    refused = tool(shared, "push_to_registry", "--registry", "origin", check=False)
    taken = tool(shared, "push_to_registry", "--registry", "local")

    assert refused.returncode == 1 and "uncommitted changes" in refused.stderr
    assert "warning" in taken.stderr
    assert shown(shared, "origin") == {}


def test_a_model_below_its_bound_gets_no_further(with_a_run):
    gate = tool(with_a_run, "eval_gate", "--min_f1_macro", "0.99", check=False)
    pack = tool(with_a_run, "pack_model", check=False)

    assert gate.returncode == 1
    assert gate.stdout.splitlines()[-1].startswith("GATE: FAIL (f1_macro 0.8")
    assert pack.returncode == 1 and "gate said FAIL" in pack.stderr


def test_the_brief_command_line_passes(with_a_run):
    gate = tool(with_a_run, "eval_gate", "--min_f1_macro", "0.80", "--max_latency_ms_p95", "150")

    assert gate.stdout.splitlines()[-1] == "GATE: PASS"


@pytest.mark.parametrize("steps, code, hint", [
    ((("eval_gate",),), 3, "train.py"),
    ((("pack_model",),), 3, "train.py"),
    ((("push_to_registry",),), 3, "pack_model.py"),
    ((("promote", "review-sentiment@v9.9.9", "--to", "production"),), 2, "not registered"),
    ((("promote", "review-sentiment", "--to", "production"),), 2, "@v1.2.0"),
    ((("promote", "review-sentiment@v1.0.0", "--to", "prod"),), 2, "staging, shadow, production"),
    ((("promote", "Bad_Name@v1.0.0", "--to", "production"),), 2, "lower case"),
    ((("rollback", "--reason", "x"),), 4, "nothing to roll back"),
    ((("registry", "show", "--registry", "nowhere"),), 2, "git remote add"),
    ((("eval_gate", "--run", "nothing"),), 2, "runs.py list"),
    ((("train", "--model", "nothing"),), 2, "there are review-sentiment"),
])
def test_what_is_out_of_order_is_one_line_and_the_documented_code(project, steps, code, hint):
    for name, *arguments in steps:
        done = tool(project, name, *arguments, check=False)

    assert (done.returncode, len(done.stderr.strip().splitlines())) == (code, 1)
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_model_lives_beside_the_first(tmp_path, venv):
    project = packed(tmp_path / "out", venv)
    tool(project, "push_to_registry")
    edit(project, "project.yaml", "models:\n", """\
models:
  review-sentiment-words:
    class: nlp.classifiers:TfidfLogistic
    params: {char_ngrams: 2}
""")
    commit(project, "Add a second model")
    for name in ("train", "eval_gate", "pack_model", "push_to_registry"):
        tool(project, name, "--model", "review-sentiment-words")

    assert list(shown(project, "local")) == ["review-sentiment", "review-sentiment-words"]


def test_commands_work_from_a_subfolder_and_outside_they_say_so(project, tmp_path):
    python = project / ".venv" / "bin" / "python"
    inside = run(python, "../tools/registry.py", "show", cwd=project / "data")
    outside = run(python, project / "tools" / "registry.py", "show", cwd=tmp_path, check=False)

    assert "no versions yet" in inside.stdout
    assert outside.returncode == 2 and "project.yaml" in outside.stderr


def test_a_folder_that_cannot_be_written_is_one_line(project):
    (project / "runs").write_text("in the way")

    done = tool(project, "train", check=False)

    assert done.returncode == 3
    assert done.stderr.strip().splitlines() == [f"error: {project}/runs: File exists"]


def test_reading_an_empty_registry_writes_nothing(project):
    tool(project, "registry", "show")
    tool(project, "registry", "history")

    assert not (project / ".registry").exists()


def test_without_any_commit_training_says_how_to_start(project):
    shutil.rmtree(project / ".git")

    done = tool(project, "train", check=False)

    assert done.returncode == 3 and "git init" in done.stderr
