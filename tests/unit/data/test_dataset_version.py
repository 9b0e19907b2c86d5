"""The version that a dataset needs, derived from its difference to a git commit; and --fix."""

import gzip
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.data.command import check_and_fix
from nlp_gitops.data.manifest import load_manifest
from nlp_gitops.data.report import Report
from nlp_gitops.data.rows import digest, read_split

MANIFEST = """\
# a comment that stays
name: reviews
version: "1.2.0"   # and this one
license: internal
description: some rows
schema:
  id: string
  text: {type: string, max_length: 100}
  label: {enum: [bad, good]}
  stars: {type: integer, required: false}
quality_checks: {severity: {D032: off, D044: off}}
splits: {train: train.jsonl, valid: valid.jsonl, test: test.jsonl}
"""
SIZES = {"train": 200, "valid": 20, "test": 20}


def git(repo: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    return subprocess.run(["git", "-C", str(repo), *arguments], check=True, capture_output=True,
                          text=True).stdout.strip()


def rows_of(name: str) -> list[dict[str, Any]]:
    """Return the rows of a split."""
    return [{"id": f"{name}-{index}", "text": f"{name} number {index}",
             "label": ("bad", "good")[index % 2]} for index in range(SIZES[name])]


def write(folder: Path, name: str, rows: list[dict[str, Any]], **layout: Any) -> None:
    """Write a split's file."""
    (folder / f"{name}.jsonl").write_text(
        "".join(json.dumps(row, **layout) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose dataset is fixed and committed on main; another branch is checked out."""
    repo = tmp_path_factory.mktemp("repository")
    folder = repo / "data"
    folder.mkdir()
    git(repo, "init", "-q", "-b", "main")
    git(repo, "config", "user.name", "t")
    git(repo, "config", "user.email", "t@example.com")
    (folder / "dataset.yaml").write_text(MANIFEST)
    for name in SIZES:
        write(folder, name, rows_of(name))
    report, _ = check_and_fix(folder / "dataset.yaml", fix=True)
    assert report.verdict == "PASS", report.findings
    git(repo, "add", "--all")
    git(repo, "commit", "-qm", "base")
    git(repo, "checkout", "-qb", "change")
    return repo


@pytest.fixture
def data(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a copy of the repository."""
    for key in ("GITHUB_BASE_REF", "GIT_DIR"):
        monkeypatch.delenv(key, raising=False)
    shutil.copytree(repository, tmp_path / "repo")
    return tmp_path / "repo" / "data"


def check(data: Path, **options: Any) -> Report:
    """Check the dataset."""
    return check_and_fix(data / "dataset.yaml", **options)[0]


def replace(data: Path, old: str, new: str) -> None:
    """Replace a part of the manifest."""
    path = data / "dataset.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def edit(data: Path, split: str, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change a split's rows in place."""
    rows = rows_of(split)
    change(rows)
    write(data, split, rows)


CHANGES: dict[str, tuple[str | None, str, Callable[[Path], Any]]] = {
    "nothing": (None, "no difference", lambda data: None),
    "layout": (None, "no difference", lambda data: write(
        data, "train", rows_of("train")[::-1], indent=None, separators=(" ,", " : "),
        sort_keys=True)),
    "test layout": (None, "no difference", lambda data: write(
        data, "test", rows_of("test")[::-1], sort_keys=True)),
    "file moved": (None, "no difference", lambda data: (
        (data / "train.jsonl").rename(data / "all.jsonl"),
        replace(data, "train.jsonl", "all.jsonl"))),
    "row added": ("1.3.0", "1 row added", lambda data: edit(data, "train", lambda rows: rows.append(
        {"id": "new", "text": "new text", "label": "bad"}))),
    "row corrected": ("1.2.1", "1 row corrected", lambda data: edit(
        data, "train", lambda rows: rows[3].update(label="bad"))),
    "few removed": ("1.3.0", "1 row of 220 removed", lambda data: edit(
        data, "train", lambda rows: rows.pop())),
    "many removed": ("2.0.0", "10 rows of 220 removed", lambda data: edit(
        data, "train", lambda rows: rows.__delitem__(slice(10)))),
    "test corrected": ("2.0.0", "test split changed: 1 row", lambda data: edit(
        data, "test", lambda rows: rows[0].update(text="other text"))),
    "test row gone": ("2.0.0", "test split changed: 1 row", lambda data: edit(
        data, "test", lambda rows: rows.pop())),
    "train to valid": ("2.0.0", "1 row moved", lambda data: (
        edit(data, "train", lambda rows: rows.pop()),
        edit(data, "valid", lambda rows: rows.append(rows_of("train")[-1])))),
    "train to test": ("2.0.0", "test split changed: 1 row", lambda data: (
        edit(data, "train", lambda rows: rows.pop()),
        edit(data, "test", lambda rows: rows.append(rows_of("train")[-1])))),
    "field removed": ("2.0.0", "field stars removed", lambda data: replace(
        data, "  stars: {type: integer, required: false}\n", "")),
    "field retyped": ("2.0.0", "type of stars changed", lambda data: replace(
        data, "type: integer", "type: number")),
    "field added": ("1.3.0", "field lang added", lambda data: replace(
        data, "  stars:", "  lang: {type: string, required: false}\n  stars:")),
    "label added": ("1.3.0", "label gained fair", lambda data: replace(
        data, "[bad, good]", "[bad, fair, good]")),
    "label order": (None, "no difference", lambda data: replace(
        data, "[bad, good]", "[good, bad]")),
    "tightened": ("2.0.0", "text is tightened: max_length", lambda data: replace(
        data, "max_length: 100", "max_length: 90")),
    "relaxed": ("1.3.0", "text is relaxed: max_length", lambda data: replace(
        data, "max_length: 100", "max_length: 200")),
    "nullable": ("1.3.0", "stars is relaxed: nullable", lambda data: replace(
        data, "required: false", "required: false, nullable: true")),
    "required": ("2.0.0", "stars is tightened: required", lambda data: replace(
        data, ", required: false", "")),
    "pattern": ("2.0.0", "pattern of text changed", lambda data: replace(
        data, "max_length: 100", "max_length: 100, pattern: a")),
    "description": ("1.2.1", "description changed", lambda data: replace(
        data, "some rows", "some more words")),
    "comment": (None, "no difference", lambda data: replace(
        data, "# a comment that stays", "# another comment")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_needed_version_follows_from_the_change(data: Path, name: str) -> None:
    # Given a change on a branch
    needed, reason, change = CHANGES[name]
    change(data)
    # When it is checked
    report = check(data)
    # Then the version that it needs is derived, with the reason
    assert report.version
    assert report.version.needed == (needed or "1.2.0")
    assert reason in report.version.reason
    assert ("D080" in report.counts) == (needed is not None)
    assert ("D070" in report.counts) == (reason.startswith("test split"))


@pytest.mark.parametrize("name", ["row added", "test corrected", "description"])
def test_fix_writes_what_is_needed_and_keeps_the_rest(data: Path, name: str) -> None:
    # Given a change without a bump
    needed, _, change = CHANGES[name]
    change(data)
    before = (data / "dataset.yaml").read_text()
    # When
    report, done = check_and_fix(data / "dataset.yaml", fix=True)
    # Then nothing is left to do, and only version and digest differ
    assert report.verdict == "PASS" and done
    manifest = load_manifest(data / "dataset.yaml")
    assert manifest.version == needed
    assert manifest.test_sha256 == digest(read_split(manifest, "test"))
    after = (data / "dataset.yaml").read_text()
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [
        line for line in after.splitlines()
        if line.startswith((f'version: "{needed}"   # and this one',))
        or (line.startswith("test_sha256") and name == "test corrected")]
    # And a second run changes nothing
    assert check_and_fix(data / "dataset.yaml", fix=True)[1] == []


def test_a_committed_bump_needs_no_other(data: Path) -> None:
    CHANGES["row added"][2](data)
    check(data, fix=True)
    git(data, "commit", "-qam", "bumped")
    assert check(data).verdict == "PASS"
    assert check(data, base="main").verdict == "PASS"


def test_a_version_below_the_base_is_an_error(data: Path) -> None:
    replace(data, '"1.2.0"', '"1.1.0"')
    assert "D080" in check(data).counts


def test_a_new_dataset_keeps_its_version(data: Path) -> None:
    git(data, "checkout", "-q", "--orphan", "empty")
    git(data, "commit", "-qm", "x", "--allow-empty")
    git(data, "rm", "-rq", "--cached", ".")
    git(data, "commit", "-qm", "empty", "--allow-empty")
    report = check(data, base="empty")
    assert report.version and report.version.reason == "new dataset"


def test_a_base_that_is_not_there_is_not_measured(data: Path) -> None:
    with pytest.raises(NotMeasured, match="no such commit"):
        check(data, base="origin/nowhere")


def test_a_shallow_clone_is_a_warning_with_the_way_out(data: Path, tmp_path: Path) -> None:
    # Given a shallow clone
    git(data, "commit", "-qm", "second", "--allow-empty")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{data.parent}", str(clone))
    # When
    report = check(clone / "data")
    # Then
    finding = next(item for item in report.findings if item.code == "D081")
    assert report.verdict == "WARN" and "shallow" in finding.message
    assert finding.hint and "fetch-depth: 0" in finding.hint
    assert report.version and report.version.needed is None


def test_without_git_a_changed_test_split_is_found_by_its_digest(tmp_path: Path) -> None:
    # Given a pinned dataset outside of git
    (tmp_path / "dataset.yaml").write_text(MANIFEST)
    for name in SIZES:
        write(tmp_path, name, rows_of(name))
    check(tmp_path, fix=True)
    # When its test split changes
    CHANGES["test corrected"][2](tmp_path)
    report = check(tmp_path)
    # Then
    assert report.verdict == "FAIL" and "D070" in report.counts
    assert report.version and report.version.needed == "2.0.0"
    assert check(tmp_path, fix=True).errors == 0
    assert load_manifest(tmp_path / "dataset.yaml").version == "2.0.0"


def test_rows_kept_in_lfs_at_the_base_are_not_measured(data: Path) -> None:
    (data / "train.jsonl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    git(data, "commit", "-qam", "pointer")
    git(data, "branch", "-f", "main")
    write(data, "train", rows_of("train"))
    assert "git LFS" in next(item.message for item in check(data).findings if item.code == "D081")


def test_gzip_instead_of_plain_is_no_change(data: Path) -> None:
    (data / "train.jsonl.gz").write_bytes(gzip.compress((data / "train.jsonl").read_bytes()))
    (data / "train.jsonl").unlink()
    replace(data, "train.jsonl", "train.jsonl.gz")
    report = check(data)
    assert report.version and report.version.needed == "1.2.0"


def test_rows_that_the_base_does_not_hold_are_not_measured(data: Path) -> None:
    git(data, "rm", "-q", "--cached", "train.jsonl")
    git(data, "commit", "-qm", "rows elsewhere")
    git(data, "branch", "-f", "main")
    finding = next(item for item in check(data).findings if item.code == "D081")
    assert "the base commit holds no file train.jsonl" in finding.message
