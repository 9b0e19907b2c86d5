"""The gate as a command: stored predictions, the champion, plan and self-test."""

import json
import re
import subprocess
import sys

import jsonschema
import pytest
from pipeline_kit import brought, registered, to_production
from small import ROOT

from nlp_gitops.cli.main import main
from nlp_gitops.core.project import load_project
from nlp_gitops.core.yamlfile import load_schema
from nlp_gitops.evaluation import families
from nlp_gitops.registry.remotes import connect
from nlp_gitops.tracking import all_runs

RULES = """\
gates_version: 1
latency: {warmup: 1, requests: 20}
gates:
  - {id: quality, metric: f1_macro, min: 0.8, max_drop: 0.02, why: a bound for the tests}
"""


@pytest.fixture
def gate(project, capsys, monkeypatch):
    """Return a function that runs the command and gives (exit code, output, error output)."""
    monkeypatch.setattr(families, "FAMILIES", list(families.BUILT_IN))

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["eval-gate", *map(str, arguments)])
        printed = capsys.readouterr()
        return stop.value.code, printed.out, printed.err
    (project.root / "gates.yaml").write_text(RULES)
    return call


def stored(folder, name, wrong=(), n=300, **extra):
    """Write answers of which those in `wrong` are wrong."""
    path = folder / name
    path.write_text("".join(json.dumps({
        "id": f"r{i}", "label": "abc"[i % 3], "prediction": "abc"[(i + (i in wrong)) % 3], **extra,
    }) + "\n" for i in range(n)))
    return path


def in_production(project):
    """Put a version into production; return the registry."""
    brought(project, "produced")
    project.gates.write_text(RULES)
    return connect(project, "local")


def another_version(project, **params):
    registry = connect(project, "local")
    registered(project, registry, **params)
    to_production(load_project(project.root), registry)


def test_stored_predictions_are_judged_without_scikit_learn(gate, project):
    path = stored(project.root, "new.jsonl", range(10))
    code = "import sys\nfrom nlp_gitops.cli.main import main\n" \
           "try:\n    main(sys.argv[1:])\nfinally:\n    print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code, "eval-gate", "--predictions", path],
                          text=True, capture_output=True)

    *_, verdict, modules = done.stdout.splitlines()
    assert (done.returncode, verdict) == (0, "GATE: PASS")
    assert not {name for name in modules.split() if name.startswith(("sklearn", "scipy"))}


def test_a_worse_file_than_the_champions_fails_and_says_why(gate, project):
    old, new = stored(project.root, "old.jsonl"), stored(project.root, "new.jsonl", range(40))

    code, out, _ = gate("--predictions", new, "--champion-predictions", old)
    report = json.loads((project.root / "reports" / "report.json").read_text())

    assert code == 1
    assert out.splitlines()[-1].startswith("GATE: FAIL (f1_macro 0.8")
    assert "below the champion's 1.000" in out
    assert report["champion"]["status"] == "COMPARED"
    assert report["changed_rows"]["broken_total"] == 40
    assert report["confusion"]["champion_counts"] == [[100, 0, 0], [0, 100, 0], [0, 0, 100]]


def test_the_report_keeps_to_its_schema_and_shows_no_personal_data(gate, project):
    old = stored(project.root, "old.jsonl", text="write to jane.doe@example.org", latency_ms=2.5)
    new = stored(project.root, "new.jsonl", [3], text="write to jane.doe@example.org",
                 latency_ms=2.0, scores={"a": 0.5, "b": 0.5})

    _, out, _ = gate("--predictions", new, "--champion-predictions", old, "--json")

    report = json.loads(out)
    jsonschema.validate(report, load_schema("report"))
    assert "jane.doe" not in out and report["changed_rows"]["broken"][0]["id"] == "r3"
    assert report["calibration"]["bins"] and report["metrics"]["ece"] is not None


def test_advisory_reports_the_failure_and_ends_with_zero(gate, project):
    path = stored(project.root, "new.jsonl", range(150))

    code, out, _ = gate("--predictions", path, "--advisory")

    assert code == 0 and out.splitlines()[-1].startswith("GATE: FAIL")


@pytest.mark.parametrize("flags, code", [
    (["--min_f1_macro", "0.80"], 0), (["--min_f1_macro", "0.95"], 1),
    (["--min_val_f1_macro=0.95"], 1), (["--max_latency_ms_p95", "150"], 3)])
def test_flags_override_the_file(gate, project, flags, code):
    path = stored(project.root, "new.jsonl", range(30))

    assert gate("--predictions", path, *flags)[0] == code


@pytest.mark.parametrize("value, code", [(140, 0), (150, 0), (151, 1)])
def test_the_latency_flag_of_the_brief_judges_the_point_value(gate, project, value, code):
    path = stored(project.root, "new.jsonl", latency_ms=value)

    assert gate("--predictions", path, "--max_latency_ms_p95", "150")[0] == code


@pytest.mark.parametrize("arguments, code, said", [
    (["--predictions", "none.jsonl"], 3, "none.jsonl: no such file"),
    (["--predictions", "empty.jsonl"], 3, "no predictions in it"),
    (["--predictions", "twice.jsonl"], 3, "twice.jsonl:2: id 'r0' stands in line 1 too"),
    (["--predictions", "null.jsonl"], 3, "null.jsonl:1: the row has no prediction"),
    (["--predictions", "nan.jsonl"], 3, "nan.jsonl:1:"),
    (["--predictions", "broken.jsonl"], 3, "broken.jsonl:1:"),
    (["--predictions", "new.jsonl", "--champion-predictions", "half.jsonl"], 3,
     "150 of the candidate's ids are missing"),
    (["--predictions", "half.jsonl", "--champion-predictions", "new.jsonl"], 3,
     "150 are unknown"),
    (["--predictions", "new.jsonl", "--champion-predictions", "other.jsonl"], 3,
     "another label"),
    (["--champion-predictions", "new.jsonl"], 2, "needs --predictions"),
    (["--predictions", "new.jsonl", "--gates", "none.yaml"], 2, "no such file"),
    (["--predictions", "new.jsonl", "--min_f1_makro", "1"], 2, "no such option"),
    (["--predictions", "new.jsonl", "--min_f1_macro", "much"], 2, "not a number"),
    (["--predictions", "new.jsonl", "--min_f1_macro"], 2, "needs a number"),
    (["--predictions", "new.jsonl", "--max_latency_ms_p95", "nan"], 2, "not a number"),
    (["--champion", "small"], 3, "train.py"),
    (["selftest", "--predictions", "few.jsonl"], 3, ""),
    (["plan", "--accuracy", "7"], 2, "--accuracy"),
])
def test_what_cannot_be_judged_is_one_line_and_its_code(gate, project, arguments, code, said):
    root = project.root
    stored(root, "new.jsonl")
    stored(root, "half.jsonl", n=150)
    stored(root, "few.jsonl", n=9)
    (root / "empty.jsonl").write_text("\n")
    (root / "twice.jsonl").write_text('{"id": "r0", "label": "a", "prediction": "a"}\n' * 2)
    (root / "null.jsonl").write_text('{"id": "r0", "label": "a", "prediction": null}\n')
    (root / "nan.jsonl").write_text('{"id": 1, "label": "a", "prediction": "a", "cost": NaN}\n')
    (root / "broken.jsonl").write_text('{"id": \n')
    (root / "other.jsonl").write_text((root / "new.jsonl").read_text().replace(
        '"label": "a"', '"label": "b"', 1))

    found, out, err = gate(*arguments)

    assert found == code
    assert said in err and err.count("\n") == bool(said) and "Traceback" not in err + out


def test_slices_of_stored_predictions_come_from_the_test_split_by_id(gate, project):
    rows = [json.loads(line) for line in
            (project.root / "data" / "test.jsonl").read_text().splitlines()]
    path = project.root / "new.jsonl"
    path.write_text("".join(json.dumps({"id": row["id"], "label": row["label"],
                                        "prediction": row["label"]}) + "\n" for row in rows))
    (project.root / "gates.yaml").write_text(RULES.replace(
        "gates:", "slices: {domain: {by: domain}, long: {chars: {ge: 10}}}\ngates:\n"
        "  - {id: parts, metric: f1_macro, min: 0.5, slices: [domain, long], why: for the test}"))

    code, out, _ = gate("--predictions", path, "--json")

    assert code == 0
    assert [item["name"] for item in json.loads(out)["slices"]] == ["domain=d0", "domain=d1",
                                                                    "long"]


def test_other_tasks_are_gated_by_their_own_metrics(gate, project):
    spans = [{"start": 0, "end": 5, "label": "PER"}]
    for name, value, rule in (("spans", spans, "span_f1"), ("texts", "a summary", "rouge_l")):
        path = project.root / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"id": i, "label": value, "prediction": value}) + "\n"
                                for i in range(40)))
        (project.root / "gates.yaml").write_text(RULES.replace("f1_macro", rule))

        code, out, _ = gate("--predictions", path, "--champion-predictions", path, "--json")

        assert code == 0 and json.loads(out)["metrics"][rule] == 1


def test_the_family_that_the_documentation_shows_is_gated(gate, project):
    text = (ROOT / "docs" / "reference" / "gates.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```python\n([^`]*^class Stars:.*?)^```", text,
                           re.MULTILINE | re.DOTALL)
    [settings] = re.findall(r"^```yaml\n# project.yaml\n(metrics:.*?)^```", text,
                            re.MULTILINE | re.DOTALL)
    (project.root / "nlp" / "metrics.py").write_text(example)
    with open(project.root / "project.yaml", "a") as stream:
        stream.write(settings)
    (project.root / "gates.yaml").write_text(RULES.replace("f1_macro", "within_one"))
    old, new = project.root / "old.jsonl", project.root / "new.jsonl"
    for path, off in ((old, 1), (new, 2)):
        path.write_text("".join(json.dumps({
            "id": i, "label": i % 5, "prediction": i % 5 + off * (i % 2)}) + "\n"
            for i in range(100)))

    good, _, _ = gate("--predictions", old, "--champion-predictions", old)
    bad, out, _ = gate("--predictions", new, "--champion-predictions", old)
    texts, _, _ = gate("--predictions", stored(project.root, "texts.jsonl"))

    assert (good, bad, texts) == (0, 1, 3)
    assert "within_one 0.500 is 0.500 below the champion's 1.000" in out


def test_budgets_are_judged_where_predictions_carry_them(gate, project):
    (project.root / "gates.yaml").write_text("""\
gates_version: 1
gates:
  - {id: tokens, metric: tokens.mean, max: 400, why: the budget of one call}
  - {id: cost, metric: cost_total, max: 1, why: the budget of one run}
  - {id: form, metric: schema_valid_rate, min: 1.0, why: the service parses every output}
""")
    good = stored(project.root, "a.jsonl", tokens=300, cost=0.001, schema_valid=True)
    dear = stored(project.root, "b.jsonl", tokens=300, cost=0.01, schema_valid=True)

    assert gate("--predictions", good)[0] == 0
    assert gate("--predictions", dear)[0] == 1
    assert gate("--predictions", stored(project.root, "c.jsonl", tokens=300))[0] == 3


def test_critical_rows_and_leaks(gate, project):
    (project.root / "critical.txt").write_text("r1 # the complaint of last May\nr2\n")
    (project.root / "gates.yaml").write_text("""\
gates_version: 1
gates:
  - {id: critical, metric: broken_ids, ids: critical.txt, max: 0, why: these must stay right}
  - {id: leak, metric: leak_rate, max: 0, why: memory is no quality}
""")
    old = stored(project.root, "old.jsonl", [2], text="unseen words")
    new = stored(project.root, "new.jsonl", [2], text="unseen words")
    bad = stored(project.root, "bad.jsonl", [1], text="unseen words")
    train_text = json.loads((project.root / "data/train.jsonl").read_text().splitlines()[0])["text"]
    leaked = stored(project.root, "leak.jsonl", text=f"  {train_text.upper()}")

    assert gate("--predictions", new, "--champion-predictions", old)[0] == 0
    assert gate("--predictions", bad, "--champion-predictions", old)[0] == 1
    assert gate("--predictions", leaked, "--champion-predictions", leaked)[0] == 1
    (project.root / "critical.txt").write_text("r1\nunknown\n")
    assert gate("--predictions", new, "--champion-predictions", old)[0] == 3


def test_the_version_in_production_is_run_beside_the_candidate(gate, project):
    registry = in_production(project)
    [made] = all_runs(project.root / "runs")

    code, _, _ = gate("--registry", "local")
    report = json.loads((made.evaluation / "report.json").read_text())

    assert code == 0
    assert report["champion"]["version"] == report["lineage"]["champion"] == "v1.0.0"
    state = registry.states()["small"]
    assert report["lineage"]["champion_sha256"] == state.versions[0].archive_sha256
    assert {"model_sha256", "test_sha256", "gates_sha256"} <= report["lineage"].keys()
    drop = next(item for item in report["gates"] if item["side"] == "drop")
    assert drop["delta"] == 0 and drop["verdict"] == "PASS"
    assert report["latency"]["champion_counts"] and report["latency"]["ratio_p50"] > 0


def test_without_a_champion_the_report_says_so(gate, project):
    brought(project, "trained")

    code, _, _ = gate()

    champion = json.loads((project.root / "reports" / "report.json").read_text())["champion"]
    assert code == 0
    assert (champion["status"], champion["metrics"]) == ("NONE", None)


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_a_champion_that_cannot_be_had_is_exit_three(gate, project, harm):
    registry = in_production(project)
    path = registry.store.path(registry.states()["small"].versions[0].archive_sha256)
    path.chmod(0o644)
    path.unlink() if harm == "missing" else path.write_bytes(b"other")

    code, _, err = gate("--registry", "local")

    assert code == 3 and "small@v1.0.0 cannot be had" in err


def test_a_named_version_can_be_the_champion_and_none_is_said(gate, project):
    in_production(project)
    another_version(project, c=1.5)

    gate("--champion", "small@v1.0.0")
    named = json.loads((project.root / "reports" / "report.json").read_text())
    gate("--champion", "none")
    none = json.loads((project.root / "reports" / "report.json").read_text())

    assert named["champion"]["version"] == "v1.0.0"
    assert none["champion"]["status"] == "NOT_COMPARED"
    assert gate("--champion", "small@v9.9.9")[0] == 3


def test_a_damaged_cache_is_unpacked_again(gate, project):
    in_production(project)
    gate()
    [model] = (project.root / ".cache" / "models").glob("*/model/model.skops")
    model.write_bytes(b"other")

    assert gate()[0] == 0


def test_plan_says_how_many_rows_are_missing_before_any_training(gate, project):
    code, out, _ = gate("plan", "--accuracy", "0.85", "--json")

    [line] = json.loads(out)["gates"]
    assert code == 0
    assert (line["n"], line["sees"]) == (30, False)
    # (z + z) * sqrt(disagreement / n), squared over the allowed drop: the formula for accuracy.
    assert line["rows_needed"] == pytest.approx(2.486 ** 2 * 0.05 / 0.02 ** 2, rel=0.15)


def test_selftest_passes_before_and_after_training(gate, project):
    path = stored(project.root, "new.jsonl", range(40))

    code, out, _ = gate("selftest", "--predictions", path)

    assert code == 0 and out.splitlines()[-1] == "SELFTEST: PASS"
    assert "a copy with 30 of 300 answers changed: FAIL" in out
