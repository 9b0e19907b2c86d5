"""Somebody's own rows become a dataset version."""

import csv
import json
import random
import shutil
import sys

import pytest
from baking import TEMPLATE, commit, environment, run, tool

WORDS = {"refund": ["money back", "refund please", "charge me twice"],
         "delivery": ["where is my parcel", "late again", "courier lost it"]}


def rows(number=400):
    chance = random.Random(5)
    for index in range(number):
        label = chance.choice(sorted(WORDS))
        yield {"body": f"{chance.choice(WORDS[label])} {index} é 😀", "intent": label,
               "shop": chance.choice("ab"), "customer": f"c{index // 4}"}


def write(path, table):
    table = list(table)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table))
    else:
        with open(path, "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(table[0]),
                                    delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(table)
    return path


OPTIONS = ("--text", "body", "--label", "intent", "--domain", "shop", "--group", "customer")


def split_rows(project):
    return {name: [json.loads(line) for line in
                   (project / "data" / f"{name}.jsonl").read_text().splitlines()]
            for name in ("train", "valid", "test")}


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_each_kind_of_table_becomes_a_checked_dataset(project, tmp_path, kind):
    tool(project, "import_dataset", str(write(tmp_path / f"tickets.{kind}", rows())), *OPTIONS)

    done = tool(project, "check_schema", "data/dataset.yaml")

    assert done.stdout.splitlines()[-1].startswith(("SCHEMA: PASS", "SCHEMA: WARN"))
    splits = split_rows(project)
    assert sum(map(len, splits.values())) == 400


@pytest.fixture(scope="session")
def pyarrow(tmp_path_factory):
    """A folder that makes pyarrow importable: the extra `parquet`."""
    site = tmp_path_factory.mktemp("parquet")
    run("uv", "pip", "install", "--quiet", "--python", sys.executable, "--target", site, "pyarrow",
        cwd=site)
    return site


def test_a_parquet_table_is_imported_with_the_extra(project, tmp_path, pyarrow):
    source = write(tmp_path / "tickets.jsonl", rows())
    convert = ("import json, sys; from pyarrow import Table, parquet; parquet.write_table("
               "Table.from_pylist([json.loads(line) for line in open(sys.argv[1])]), sys.argv[2])")
    run(sys.executable, "-c", convert, source, tmp_path / "tickets.parquet", cwd=tmp_path,
        env=environment(PYTHONPATH=str(pyarrow)))

    tool(project, "import_dataset", str(tmp_path / "tickets.parquet"), *OPTIONS,
         PYTHONPATH=str(pyarrow))

    assert sum(map(len, split_rows(project).values())) == 400


def test_without_the_extra_parquet_is_one_line_that_names_it(project, tmp_path):
    (tmp_path / "tickets.parquet").write_bytes(b"PAR1")

    done = tool(project, "import_dataset", str(tmp_path / "tickets.parquet"), *OPTIONS, check=False)

    assert done.returncode == 3 and "pip install pyarrow" in done.stderr


def test_groups_stay_whole_and_labels_are_spread_evenly(project, tmp_path):
    tool(project, "import_dataset", str(write(tmp_path / "tickets.csv", rows(2000))), *OPTIONS)

    splits = split_rows(project)
    groups = {name: {row["group"] for row in part} for name, part in splits.items()}
    assert not groups["train"] & groups["test"] and not groups["train"] & groups["valid"]
    shares = {name: sum(row["label"] == "refund" for row in part) / len(part)
              for name, part in splits.items()}
    assert max(shares.values()) - min(shares.values()) < 0.02
    assert abs(len(splits["test"]) - 200) < 10


def test_the_same_file_and_seed_give_the_same_split(project, tmp_path):
    table = write(tmp_path / "tickets.csv", rows())
    found = []
    for _ in range(2):
        tool(project, "import_dataset", str(table), *OPTIONS)
        found.append(split_rows(project))

    assert found[0] == found[1]


def test_importing_again_is_a_new_major_version(project, tmp_path):
    table = write(tmp_path / "tickets.csv", rows())

    versions = [json.loads(tool(project, "import_dataset", str(table), *OPTIONS, "--json").stdout)
                ["version"] for _ in range(2)]

    assert versions == ["1.0.0", "2.0.0"]


def test_an_imported_dataset_trains_and_is_judged(project, tmp_path):
    tool(project, "import_dataset", str(write(tmp_path / "tickets.csv", rows())), *OPTIONS)
    (project / "gates.yaml").write_text(
        "gates_version: 1\ngates:\n  - {id: q, metric: f1_macro, min: 0.9, why: a test bound}\n")
    tool(project, "train")

    assert tool(project, "eval_gate").stdout.splitlines()[-1] == "GATE: PASS"


def test_a_prompt_about_other_labels_is_named_with_both_ways_out(project, tmp_path):
    shutil.copytree(TEMPLATE / "prompts", project / "prompts")
    commit(project, "A prompt beside the model")
    done = tool(project, "import_dataset", str(write(tmp_path / "tickets.csv", rows())), *OPTIONS,
                "--labels", "delivery, refund, refund,")
    failed = tool(project, "check_prompts", "prompts/", check=False)
    shutil.rmtree(project / "prompts")
    commit(project, "Our own rows, and no prompt")

    assert "classify_sentiment/prompt_v0.3.1.txt is about other labels" in done.stdout
    assert failed.returncode == 1 and "P031" in failed.stdout
    assert tool(project, "check_prompts", "prompts/").returncode == 0
    tool(project, "train")


def test_rows_that_no_model_can_learn_from_are_one_line(project, tmp_path):
    table = [{**row, "body": "?" * (number + 1)} for number, row in enumerate(rows(60))]
    tool(project, "import_dataset", str(write(tmp_path / "odd.csv", table)), *OPTIONS)
    path = project / "project.yaml"
    path.write_text(path.read_text().replace("char_ngrams: 4", "min_df: 1000"))

    done = tool(project, "train", check=False)

    assert done.returncode == 2 and "cannot be trained on these rows" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_wrong_interpreter_is_one_line(project):
    done = run(sys.executable, "-S", "tools/train.py", cwd=project, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and "make setup" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_repeated_and_contradictory_rows_are_left_out_and_counted(project, tmp_path):
    table = [*rows(), *({"body": "twice", "intent": "refund", "shop": "a", "customer": "x"},) * 2,
             {"body": "both", "intent": "refund", "shop": "a", "customer": "x"},
             {"body": "Both ", "intent": "delivery", "shop": "a", "customer": "x"},
             {"body": "  ", "intent": "delivery", "shop": "a", "customer": "x"}]

    table = write(tmp_path / "t.csv", table)
    done = tool(project, "import_dataset", str(table), *OPTIONS, "--json")

    assert json.loads(done.stdout)["dropped"] == {
        "same text again": 1, "same text with different labels": 2, "no text or label": 1}


BAD = {
    "missing file": (None, OPTIONS, "no such file"),
    "empty": (b"", OPTIONS, "no rows"),
    "header only": (b"body,intent\n", OPTIONS[:4], "no rows"),
    "not UTF-8": (b"body,intent\ncaf\xe9,refund\n", OPTIONS[:4], "not UTF-8"),
    "unknown column": (b"body,intent\na,refund\n", ("--text", "text", "--label", "intent"),
                       "no column 'text' for --text; there are 'body', 'intent'"),
    "label not in the list": (b"body,intent\na,refund\nb,refnd\n",
                              (*OPTIONS[:4], "--labels", "refund,delivery"),
                              "t.csv:3: label 'refnd' is not in --labels"),
    "torn row": (b"body,intent\na\n", OPTIONS[:4], "t.csv:2"),
    "too few rows": (b"body,intent\na,refund\nb,delivery\n", OPTIONS[:4], "at least 10 rows"),
    "NUL": (b"body,intent\n\0,refund\n", OPTIONS[:4], "t.csv"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_one_line_and_the_data_stay_untouched(project, tmp_path, case):
    content, options, complaint = BAD[case]
    table = tmp_path / "t.csv"
    if content is not None:
        table.write_bytes(content)

    done = tool(project, "import_dataset", str(table), *options, check=False)

    assert done.returncode == 2
    assert complaint in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert run("git", "status", "--porcelain", cwd=project).stdout == ""
