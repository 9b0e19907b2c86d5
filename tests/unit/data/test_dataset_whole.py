"""A dataset as a whole: duplicates, leaks, groups, sizes, shares and drift."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from nlp_gitops.data.command import check_and_fix
from nlp_gitops.data.report import Report

HEAD = """\
name: reviews
version: 1.0.0
license: internal
schema:
  id: string
  text: string
  label: {enum: [bad, good]}
  group: {type: string, required: false}
"""
NAMED = HEAD + "splits: {train: train.jsonl, valid: valid.jsonl, test: test.jsonl, group: group}\n"
SENTENCE = "the quick brown fox jumps over the lazy dog and then it sleeps in the warm sun all day"

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
Check = Callable[..., Report]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Write splits of rows and a manifest, and check them."""
    def run(rows: Rows, manifest: str = NAMED) -> Report:
        (tmp_path / "dataset.yaml").write_text(manifest)
        for name, part in rows.items():
            (tmp_path / f"{name}.jsonl").write_text(
                "".join(json.dumps(row) + "\n" for row in part))
        return check_and_fix(tmp_path / "dataset.yaml")[0]

    return run


def part(name: str, number: int = 10) -> list[dict[str, Any]]:
    """Return rows of a split with both labels, each text different from all others."""
    return [{"id": f"{name}-{index}", "text": f"{name} {index} " + "xyz"[index % 3] * 5,
             "label": ("bad", "good")[index % 2]} for index in range(number)]


def splits(**more: Any) -> dict[str, list[dict[str, Any]]]:
    """Return three good splits; `train=row` appends a row to train, and so on."""
    rows = {name: part(name) for name in ("train", "valid", "test")}
    for name, row in more.items():
        rows[name].append({"id": f"{name}-x", "label": "good", **row})
    return rows


def codes(report: Report) -> list[tuple[str, str | None, int | None]]:
    """Return (code, file name, line) of the findings, without those of a dataset not yet fixed."""
    return [(item.code, item.file and Path(item.file).name, item.line) for item in report.findings
            if item.code not in ("D071", "D081", "D092")]


def with_checks(checks: str) -> str:
    """Return a manifest with these quality checks."""
    return f"{NAMED}quality_checks: {{{checks}}}\n"


def test_good_splits_give_no_finding(check: Check) -> None:
    assert codes(check(splits())) == []


@pytest.mark.parametrize("code, more, expected", [
    ("D020", {"train": {"id": "train-0", "text": "new"}}, ("train.jsonl", 11)),
    ("D020", {"test": {"id": "train-0", "text": "new"}}, ("test.jsonl", 11)),
    ("D021", {"train": {"text": "train 1 yyyyy"}}, ("train.jsonl", 11)),
    ("D022", {"train": {"text": "train 0 xxxxx"}}, ("train.jsonl", 11)),
    ("D030", {"test": {"text": "train 1 yyyyy"}}, ("test.jsonl", 11)),
    ("D030", {"valid": {"text": "train 0 xxxxx"}}, ("valid.jsonl", 11)),
    ("D031", {"test": {"text": "  Train\u00a01 ｙyyyy "}}, ("test.jsonl", 11)),
    ("D032", {"train": {"text": SENTENCE}, "test": {"text": f"{SENTENCE} again"}},
     ("train.jsonl", 11)),
    ("D032", {"valid": {"text": SENTENCE}, "test": {"text": f"{SENTENCE} again"}},
     ("test.jsonl", 11)),
    ("D033", {"train": {"text": "a", "group": "g"}, "test": {"text": "b", "group": "g"}},
     ("test.jsonl", 11)),
    ("D050", {"train": {"text": "long " * 1000}}, ("train.jsonl", 11)),
])
def test_rows_that_should_not_meet(check: Check, code: str, more: dict[str, Any],
                                   expected: tuple[str, int]) -> None:
    assert codes(check(splits(**more))) == [(code, *expected)]


def test_a_leak_says_where_and_with_which_label(check: Check) -> None:
    report = check(splits(test={"text": "train 0 xxxxx"}))
    leak = next(item for item in report.findings if item.code == "D030")
    assert leak.id == "test-x"
    assert "train.jsonl:1 (id train-0), labelled 'bad' there and 'good' here" in leak.message


def test_a_field_named_group_counts_even_if_the_splits_ignore_it(check: Check) -> None:
    # Given reviews of which some rows went into another split by chance
    rows = [{"id": str(index), "text": f"text {index}", "label": ("bad", "good")[index % 2],
             "group": f"g{index // 4}"} for index in range(40)]
    # When / then
    assert "D033" in check({"rows": rows}, HEAD + "splits: {train: 0.5, test: 0.5}\n").counts
    assert "D033" not in check(
        {"rows": rows}, HEAD + "splits: {train: 0.5, test: 0.5, group: group}\n").counts


def test_rows_are_found_again_in_files_of_many_blocks(check: Check, tmp_path: Path) -> None:
    # Given a long file with a byte order mark, faulty lines, one overlong line, and two twins
    lines = [json.dumps({"id": f"r{index}", "text": f"text {index}", "label": "good"}).encode()
             for index in range(5000)]
    lines[7] = lines[2000] = b"{"
    lines[3000] = b"x" * (1 << 25)
    lines[4000] = lines[4000].replace(b"r4000", b"r2500")
    lines[4999] = lines[4999].replace(b"r4999", b"r0")
    (tmp_path / "train.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))
    rows = splits()
    # When
    del rows["train"]
    report = check(rows)
    # Then their ids are told
    assert [(item.line, item.id) for item in report.findings if item.code == "D020"] == [
        (4001, "r2500"), (5000, "r0")]


def test_many_copies_are_found_in_linear_time(check: Check) -> None:
    rows = splits()
    rows["train"] += [{"id": f"c-{index}", "text": "copy", "label": ("bad", "good")[index % 2]}
                      for index in range(20_000)]
    report = check(rows)
    assert report.counts["D022"] == 19_999


def test_severity_is_the_teams_to_choose(check: Check) -> None:
    rows = splits(test={"text": "train 1 yyyyy"})
    assert check(rows).verdict == "FAIL"
    assert check(rows, with_checks("severity: {D030: warn}")).verdict == "WARN"
    assert codes(check(rows, with_checks("severity: {D030: off}"))) == []


@pytest.mark.parametrize("code, checks, number", [
    ("D040", "min_rows: 31", 10), ("D040", "min_rows: 30", None),
    ("D046", "min_rows_per_label: 16", 10), ("D046", "min_rows_per_label: 15", None),
    ("D047", "max_label_share: 0.49", 10), ("D047", "max_label_share: 0.5", None),
    ("D052", "max_length: 12", 2), ("D052", "max_length: 14", None),
])
def test_bounds_of_the_manifest(check: Check, code: str, checks: str, number: int | None) -> None:
    found = check(splits(), with_checks(checks)).counts
    assert (code in found) == (number is not None)


def test_findings_on_the_whole_point_into_the_manifest(check: Check) -> None:
    # Given quality checks as a list of single-key maps
    report = check(splits(), NAMED + "quality_checks:\n  - max_length: 500\n  - min_rows: 31\n")
    # Then
    finding = next(item for item in report.findings if item.code == "D040")
    assert (finding.line, finding.column) == (12, 5)


def test_duplicates_are_counted_in_per_cent(check: Check) -> None:
    rows = splits(train={"text": "train 1 yyyyy"})
    assert "D045" not in check(rows, with_checks("max_duplicate_pct: 4")).counts
    assert "D045" in check(rows, with_checks("max_duplicate_pct: 3")).counts


@pytest.mark.parametrize("empty", [None, "", " \u3000", "absent"])
def test_rows_without_text_are_one_warning_up_to_the_tolerance(check: Check, empty: Any) -> None:
    # Given 1 of 31 rows without text, which is 3.2 %
    row = {} if empty == "absent" else {"text": empty}
    rows = splits(train=row)
    # When
    strict = check(rows)
    tolerant = check(rows, with_checks("max_null_text_pct: 3.5"))
    exceeded = check(rows, with_checks("max_null_text_pct: 0.5"))
    # Then
    assert strict.errors == 1 and len(codes(strict)) == 1
    assert tolerant.verdict == "WARN" and len(codes(tolerant)) == 1
    assert [code for code, *_ in codes(exceeded)][0] == "D041"
    assert tolerant.splits["train"].without_text == 1


def test_an_absent_label_is_an_error_in_train_only(check: Check) -> None:
    rows = splits()
    rows["test"] = [row for row in rows["test"] if row["label"] == "good"][:2]
    report = check(rows)
    assert [(item.severity, item.message[:18]) for item in report.findings
            if item.code == "D043"] == [("warning", "the test split has")]
    rows["train"] = [row for row in rows["train"] if row["label"] == "good"]
    assert check(rows).verdict == "FAIL"
    assert check(rows, with_checks("severity: {D043: warn}")).verdict == "WARN"


def test_label_drift_between_splits_is_a_warning(check: Check) -> None:
    rows = {"train": part("train", 600), "valid": part("valid", 60), "test": part("test", 300)}
    assert "D044" not in check(rows).counts
    for row in rows["test"][:120]:
        row["label"] = "good"
    report = check(rows)
    drift = next(item for item in report.findings if item.code == "D044")
    assert drift.severity == "warning" and "bad 50.0% -> 30.0%" in drift.message


def test_an_empty_split_is_an_error(check: Check) -> None:
    assert "D048" in check({**splits(), "test": []}).counts
    report = check({"train": [], "valid": [], "test": []})
    assert report.verdict == "FAIL" and report.rows == 0


def test_ratios_split_by_hash_and_are_compared_with_the_rows(check: Check) -> None:
    # Given ratios, and groups of which one is very large
    manifest = HEAD + "splits: {train: 0.5, test: 0.5, group: group}\n"
    rows = [{"id": str(index), "text": f"text {index}", "label": ("bad", "good")[index % 2],
             "group": f"g{index}"} for index in range(1000)]
    # When / then
    report = check({"rows": rows}, manifest)
    assert codes(report) == []
    assert 400 < report.splits["test"].rows < 600
    for row in rows[:700]:
        row["group"] = "same"
    assert "D042" in check({"rows": rows}, manifest).counts


def test_adding_rows_moves_no_other_row(check: Check, tmp_path: Path) -> None:
    from nlp_gitops.data.manifest import load_manifest
    from nlp_gitops.data.rows import read_split

    manifest = HEAD + "splits: {train: 0.8, valid: 0.1, test: 0.1}\n"
    check({"rows": part("a", 300)}, manifest)
    before = {row["id"] for row in read_split(load_manifest(tmp_path / "dataset.yaml"), "test")}
    check({"rows": part("b", 300) + part("a", 300)}, manifest)
    after = {row["id"] for row in read_split(load_manifest(tmp_path / "dataset.yaml"), "test")}
    assert before and {name for name in after if name.startswith("a-")} == before
