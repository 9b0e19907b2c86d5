"""Files of a dataset: kinds, places, bad input, the card, and the command itself."""

import csv
import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nlp_gitops.cli.main import main
from nlp_gitops.core import yamlfile
from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.data import card
from nlp_gitops.data.command import check_and_fix
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.data.report import Report
from nlp_gitops.data.rows import digest, read_split

BRIEF = """\
name: product-reviews
version: 1.2.0
schema:
  text: string
  label: {enum: [negative, neutral, positive]}
quality_checks:
  - min_rows: 300
  - max_null_text_pct: 0.5
splits:
  train: 0.8
  valid: 0.1
  test: 0.1
"""
TYPED = """\
name: typed
version: 1.0.0
license: internal
schema:
  id: string
  text: string
  label: {enum: [bad, good]}
  stars: integer
  price: {type: number, nullable: true}
  paid: boolean
splits: {train: 0.5, test: 0.5}
"""


def typed_rows() -> list[dict[str, Any]]:
    """Return rows that use every type."""
    return [{"id": f"r{index}", "text": f"text, number\n{index} ü",
             "label": ("bad", "good")[index % 2], "stars": index,
             "price": None if index % 3 else index + 0.5, "paid": index % 2 == 0}
            for index in range(60)]


def brief(folder: Path, manifest: str = BRIEF) -> Path:
    """Write the brief's manifest with 300 rows beside it."""
    labels = ("negative", "neutral", "positive")
    (folder / "rows.jsonl").write_text("".join(
        json.dumps({"text": f"text number {index}", "label": labels[index % 3]}) + "\n"
        for index in range(300)))
    path = folder / "dataset.yaml"
    path.write_text(manifest)
    return path


def check(path: Path, **options: Any) -> Report:
    """Check a dataset."""
    return check_and_fix(path, **options)[0]


def as_jsonl(folder: Path) -> None:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in typed_rows()))


def as_gzip(folder: Path) -> None:
    as_jsonl(folder)
    (folder / "rows.jsonl.gz").write_bytes(gzip.compress((folder / "rows.jsonl").read_bytes()))
    (folder / "rows.jsonl").unlink()


def as_csv(folder: Path, name: str = "rows.csv", delimiter: str = ",") -> None:
    with open(folder / name, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(typed_rows()[0]), delimiter=delimiter)
        writer.writeheader()
        for row in typed_rows():
            writer.writerow({**row, "paid": str(row["paid"]).lower()})


def as_tsv(folder: Path) -> None:
    as_csv(folder, "rows.tsv", "\t")


def as_parquet(folder: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(arrow.Table.from_pylist(typed_rows()), folder / "rows.parquet")


@pytest.mark.parametrize("write", [as_jsonl, as_gzip, as_csv, as_tsv, as_parquet])
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, write: Any) -> None:
    # Given the same rows in one of the formats
    path = tmp_path / "dataset.yaml"
    path.write_text(TYPED)
    write(tmp_path)
    # When
    report = check(path, fix=True)
    # Then there are the same rows, and the same digest
    assert report.errors == 0 and report.rows == 60
    manifest = load_manifest(path)
    rows = read_split(manifest, "train") + read_split(manifest, "test")
    assert sorted(rows, key=lambda row: row["stars"]) == typed_rows()
    assert manifest.test_sha256 == digest(
        row for row in typed_rows() if row in read_split(manifest, "test"))


@pytest.mark.parametrize("content, code, line", [
    (b"id,text,label,stars,price,paid\nr1,a,bad,5.0,,true\n", "D011", 2),
    (b"id,text,label,stars,price,paid\nr1,a,bad,5,,yes\n", "D011", 2),
    (b"id,text,label,stars,price,paid\nr1,a,bad,05,,true\n", "D011", 2),
    (b"id,text,label,stars,price,paid\nr1,\xff,bad,5,,true\n", "D011", 2),
    (b"id,text,label,stars,price,paid\nr1,,bad,5,,true\n", "D013", 2),
    (b"id,text,label,stars,price,paid\n\"r\n1\",a,bad,5,,true\nr2,b,bad\n", "D001", 4),
    (b"id,text,label,stars,price,paid,id\n", "D002", 1),
    (b"id,text,label,stars,price,paid\nr1,\"a\" b,bad,5,,true\n", "D001", 2),
])
def test_faults_of_csv_files(tmp_path: Path, content: bytes, code: str, line: int) -> None:
    (tmp_path / "dataset.yaml").write_text(TYPED)
    (tmp_path / "rows.csv").write_bytes(content)
    report = check(tmp_path / "dataset.yaml")
    assert (code, line) in [(item.code, item.line) for item in report.findings]


@pytest.mark.parametrize("name, content", [
    ("rows.jsonl.gz", b"no gzip"), ("rows.jsonl.gz", gzip.compress(b"{}" * 9999, mtime=0)[:40]),
    ("rows.parquet", b"PAR1 no parquet")])
def test_damaged_files_are_findings(tmp_path: Path, name: str, content: bytes) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / "dataset.yaml").write_text(TYPED)
    (tmp_path / name).write_bytes(content)
    report = check(tmp_path / "dataset.yaml")
    assert "damaged" in next(item.message for item in report.findings if item.code == "D001")


def test_parquet_without_its_package_is_not_measured(tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "dataset.yaml").write_text(TYPED)
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(NotMeasured, match="pip install pyarrow"):
        check(tmp_path / "dataset.yaml")


def test_a_url_is_fetched_checked_and_cached(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    # Given rows elsewhere
    source, project = tmp_path / "elsewhere", tmp_path / "project"
    source.mkdir()
    (project / "data").mkdir(parents=True)
    (project / "project.yaml").touch()
    as_jsonl(source)
    sha256 = hashlib.sha256((source / "rows.jsonl").read_bytes()).hexdigest()
    path = project / "data" / "dataset.yaml"
    path.write_text(f"{TYPED}files:\n  - {{url: 'file://{source}/rows.jsonl', sha256: {sha256}}}\n")
    # When they are checked twice, the second time without the source
    assert check(path).rows == 60
    (source / "rows.jsonl").rename(source / "gone.jsonl")
    assert check(path).rows == 60
    # Then they came from the cache; an edited cache is not believed
    cached = next((project / ".cache").rglob("rows.jsonl"))
    cached.write_text("{}")
    with pytest.raises(NotMeasured, match="cannot be fetched"):
        check(path)
    (source / "rows.jsonl").write_text("{}")
    with pytest.raises(CheckFailed, match="the data has changed"):
        check(path)
    assert not list(cached.parent.glob(".fetch*"))


def test_the_shape_of_the_brief_is_accepted_and_fixed(tmp_path: Path) -> None:
    # Given the brief's manifest: no files, no licence, no id
    path = brief(tmp_path)
    # When
    first = check(path)
    fixed, done = check_and_fix(path, fix=True)
    # Then it warns, and --fix pins the test split and writes the card
    assert first.verdict == "WARN"
    assert set(first.counts) == {"D071", "D081", "D090", "D092"}
    assert len(done) == 2
    assert set(fixed.counts) == {"D081", "D090"}
    assert path.read_text().startswith(BRIEF)
    assert check_and_fix(path, fix=True)[1] == []


@pytest.mark.parametrize("old, new, part", [
    ("1.2.0", "1.2", "version"), ("1.2.0", "v1.2.0", "version"), ("product-reviews", "P R", "name"),
    ("text: string", "text: text", "schema.text"), ("min_rows: 300", "min_row: 300", "min_row"),
    ("0.5", "500", "max_null_text_pct"), ("  text: string\n", "", "schema"),
    ("splits:", "extra: 1\nsplits:", "unknown key"),
])
def test_faults_of_the_manifest_are_told_with_line_and_column(
        tmp_path: Path, old: str, new: str, part: str) -> None:
    report = check(brief(tmp_path, BRIEF.replace(old, new)))
    assert report.exit_code == 2 and report.verdict == "FAIL"
    assert all(item.code == "D100" and item.line and item.column for item in report.findings)
    assert part in " ".join(item.message for item in report.findings)


@pytest.mark.parametrize("old, new, part", [
    ("0.8", "0.7", "add up to 0.9"), ("0.8", "train.jsonl", "ratios for all splits"),
    ("test: 0.1", "test: 0.1\n  group: g", "group 'g' is not a field"),
    ("[negative, neutral, positive]", "[yes, no, maybe]", "put texts in quotes"),
    ("{enum: [negative, neutral, positive]}", "{pattern: '('}", "not a regular expression"),
    ("splits:", "files: [../secret.jsonl]\nsplits:", "leads out"),
    ("splits:", "files: [rows.jsonl, ./rows.jsonl]\nsplits:", "named twice"),
    ("splits:", "files: [gone.jsonl]\nsplits:", "no such file"),
    ("splits:", "files: [rows.txt]\nsplits:", "unknown kind of file"),
    ("name:", "a: &a [1]\nb: *a\nname:", "aliases"),
])
def test_manifests_that_contradict_themselves(tmp_path: Path, old: str, new: str,
                                              part: str) -> None:
    (tmp_path / "rows.txt").write_text("x")
    with pytest.raises(UsageError, match=part.replace("(", r"\(")):
        check(brief(tmp_path, BRIEF.replace(old, new)))


def test_links_fifos_and_folders_are_no_row_files(tmp_path: Path) -> None:
    path = brief(tmp_path, BRIEF + "files: [rows.jsonl]\n")
    rows = tmp_path / "rows.jsonl"
    rows.unlink()
    rows.symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="leads out"):
        check(path)
    rows.unlink()
    os.mkfifo(rows)
    with pytest.raises(UsageError, match="not a regular file"):
        check(path)
    rows.unlink()
    rows.mkdir()
    with pytest.raises(UsageError, match="not a regular file"):
        check(path)


def test_licences_and_languages_must_be_known(tmp_path: Path) -> None:
    for line, code in (("license: CC-BY-4.0", None), ("license: internal", None),
                       ("license: my own", "D091"), ("license: MIT\nlanguage: english!", "D091"),
                       ("license: MIT\nlanguage: [en, pt-BR]", None), ("description: x", "D090")):
        found = check(brief(tmp_path, f"{BRIEF}{line}\n")).counts
        assert {"D090", "D091"} & set(found) == ({code} if code else set()), line


def test_the_card_keeps_what_people_wrote(tmp_path: Path) -> None:
    # Given a card with words and keys of its own, and an old table
    path = brief(tmp_path, BRIEF + "license: CC-BY-4.0\nlanguage: en\n")
    written = ("---\ntags:\n- reviews\nlicense:\n  mit\nlanguage:\n- de\n"
               "annotations_creators: [x]\n---\n# Mine\n\nwords\n\n"
               f"{card.BEGIN}\nold\n{card.END}\n\nmore words\n")
    (tmp_path / "README.md").write_text(written)
    assert "D092" in check(path).counts
    # When
    check(path, fix=True)
    text = (tmp_path / "README.md").read_text()
    # Then only tables and stated keys differ
    front = yamlfile.parse(text.split("---")[1], tmp_path).value
    assert front["license"] == "cc-by-4.0" and front["language"] == ["en"]
    assert front["tags"] == ["reviews"] and front["annotations_creators"] == ["x"]
    assert front["size_categories"] == ["n<1K"]
    assert "# Mine\n\nwords" in text and "more words" in text and "\nold\n" not in text
    assert "| train | 2" in text
    assert "D092" not in check(path).counts


def test_a_manifest_that_cannot_be_edited_is_left_alone(tmp_path: Path) -> None:
    path = brief(tmp_path, json.dumps(yamlfile.parse(BRIEF, tmp_path).value))
    before = path.read_text()
    with pytest.raises(CheckFailed, match="write by hand: test_sha256: "):
        check(path, fix=True)
    assert path.read_text() == before


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as people and workflows do."""
    command = [sys.executable, "-B", "-m", "nlp_gitops", "check-schema", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, text=True, capture_output=True,
                          env={**os.environ, "GITHUB_ACTIONS": ""})


def test_the_command_ends_with_one_line_and_the_exit_code(tmp_path: Path) -> None:
    path = brief(tmp_path)
    done = run(path, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "SCHEMA: WARN 4 warnings in 300 rows"
    (tmp_path / "rows.jsonl").write_text('{"text": "x", "label": "postive"}\n')
    done = run(path, "--sarif", "out.sarif", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("SCHEMA: FAIL ")
    assert "D014" in (tmp_path / "out.sarif").read_text()


@pytest.mark.parametrize("arguments, code, part", [
    (["gone.yaml"], 2, "gone.yaml: no such file"),
    (["dataset.yaml", "--base", "x"], 3, "--base x: no such commit"),
])
def test_what_cannot_be_checked_is_one_line(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
        arguments: list[str], code: int, part: str) -> None:
    brief(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["check-schema", *arguments])
    said = capsys.readouterr()
    assert ended.value.code == code
    assert said.err.startswith("error: ") and part in said.err
    assert len(said.err.splitlines()) == 1 and not said.out
