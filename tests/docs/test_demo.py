"""`make demo`, with a table in the place of what it fetches."""

import io
import json
import re
import sys
import tarfile

import pytest
from baking import ROOT, TEMPLATE, bake, environment, git, run

from nlp_gitops.gates import load_gates

sys.path.insert(0, str(ROOT / "scripts"))

import demo  # noqa: E402
import fetch_reviews  # noqa: E402


def archive(files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for stem in fetch_reviews.FILES:
            content = files.get(stem, "").encode()
            info = tarfile.TarInfo(f"hutto_ICWSM_2014/{stem}_GroundTruth.txt")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


def test_mean_ratings_become_labels_and_sentences_of_a_review_one_group():
    inner = archive({"amazonReviewSnippets": "1_1\t-0.5\tbad.\n1_2\t0.49\tso so.\n2_1\t0.5\tgood."})

    rows = list(fetch_reviews.rows(inner))

    assert [row["label"] for row in rows] == ["negative", "neutral", "positive"]
    assert [row["group"] for row in rows] == ["product_review-1", "product_review-1",
                                              "product_review-2"]


def test_without_a_network_the_reason_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(fetch_reviews.Unavailable) as error:
        fetch_reviews.fetch(tmp_path / "reviews.jsonl")

    assert "\n" not in str(error.value)
    assert not (tmp_path / "reviews.jsonl").exists()


def test_what_the_demo_types_and_edits_is_there_in_a_project(tmp_path, monkeypatch, capsys):
    typed = []

    def run(command, quiet=False, **env):
        typed.append(command)
        if "cookiecutter" in command:
            bake(tmp_path)

    def fetch(table):
        raise fetch_reviews.Unavailable("no network")

    for name, value in {"BUILD": tmp_path, "PROJECT": tmp_path / "review-sentiment", "run": run,
                        "fetch": fetch, "summary": lambda *_: None}.items():
        monkeypatch.setattr(demo, name, value)

    assert demo.main() == 0

    project = tmp_path / "review-sentiment"
    assert "(no network); going on with the starter data" in capsys.readouterr().out
    assert "c: 2.0" in (project / "project.yaml").read_text()
    targets = re.findall(r"^([a-z]+):", (project / "Makefile").read_text(), re.MULTILINE)
    made = [command[-1] for command in typed if command[0] == "make"]
    assert {"setup", "pipeline", "promote", "rollback", "show"} <= set(made) <= set(targets)
    (project / "gates.yaml").write_text(demo.GATES)
    assert [gate.id for gate in load_gates(project / "gates.yaml").gates] == [
        "quality", "slices", "no-worse", "latency"]


@pytest.mark.heavy
@pytest.mark.parametrize("reviews", [True, False], ids=["reviews", "no-network"])
def test_the_demo_goes_from_rows_to_production_and_back(template, reviews):
    build = template / "build"
    if reviews:
        # Rows in the shape of those that are fetched, which the demo then does not fetch.
        build.mkdir()
        lines = (TEMPLATE / "data" / "train.jsonl").read_text(encoding="utf-8").splitlines()
        (build / "reviews.jsonl").write_text("".join(json.dumps(
            {key: json.loads(line)[key] for key in ("id", "text", "label", "domain", "group")})
            + "\n" for line in lines), encoding="utf-8")

    # Bytecode is written: the packages of a new environment have none.
    said = run(sys.executable, "scripts/demo.py", cwd=template, env=environment(
        PIP_NO_INDEX="1", PYTHONDONTWRITEBYTECODE="", PYTHONPATH=str(template / "src"))).stdout

    assert [line[4:7] for line in said.splitlines() if line.startswith("=== ")] == [
        f"{number}/6" for number in range(1, 7)]
    assert said.count("GATE: PASS") == 2
    assert ("rated-snippets v1.0.0" in said) == reviews
    assert ("the review snippets cannot be had (" in said) == (not reviews)
    data = "23.5k human-rated snippets" if reviews else "the 6,000 synthetic starter rows"
    assert f"Done, on {data}." in said
    project = build / "review-sentiment"
    assert git(project / ".registry" / "registry.git", "log", "--format=%s", "-2", "registry") == (
        "revoke review-sentiment v1.0.1 production -> archived\n"
        "rollback review-sentiment v1.0.0 archived -> production (replaces v1.0.1)")
    assert git(project, "status", "--porcelain") == ""
    for path in ("reports/report.html", "runs/*/artifacts/confusion_matrix.png"):
        assert list(project.glob(path))
