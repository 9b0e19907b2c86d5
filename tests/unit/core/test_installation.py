"""Is the package that runs the one that the repository locks? Every way in which it is not."""

import hashlib
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import nlp_gitops
from nlp_gitops.cli.main import main
from nlp_gitops.core import installation
from nlp_gitops.core.errors import UsageError

WHEEL = "vendor/nlp_gitops-0.1.0-py3-none-any.whl"
RECORD = """\
nlp_gitops/__init__.py,sha256=aaa,10
nlp_gitops/cli/main.py,sha256=bbb,20
nlp_gitops-0.1.0.dist-info/METADATA,sha256=ccc,30
nlp_gitops-0.1.0.dist-info/RECORD,,
"""
# What an installer adds to the record of what it installed.
ADDED = """\
../../../bin/nlp-gitops,sha256=ddd,40
nlp_gitops/__pycache__/__init__.cpython-311.pyc,,
nlp_gitops-0.1.0.dist-info/INSTALLER,sha256=eee,3
nlp_gitops-0.1.0.dist-info/direct_url.json,sha256=fff,50
"""


@dataclass
class Team:
    """A repository that locks a wheel, and the folder in which the running package lies."""

    root: Path
    packages: Path

    @property
    def wheel(self) -> Path:
        return self.root / WHEEL

    def lock(self, sha256: str | None = None, line: str = "./{wheel} \\\n    --hash=sha256:{sha}"):
        """Lock the wheel, by its hash if no other is given."""
        found = sha256 or hashlib.sha256(self.wheel.read_bytes()).hexdigest()
        (self.root / "requirements.txt").write_text(
            "numpy==2.0.0 \\\n    --hash=sha256:" + "9" * 64 + "\n"
            + line.format(wheel=WHEEL, sha=found) + "\nscipy==1.0.0\n")

    def build(self, record: str = RECORD) -> None:
        """Build the wheel."""
        self.wheel.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(self.wheel, "w") as archive:
            archive.writestr("nlp_gitops/__init__.py", '__version__ = "0.1.0"\n')
            archive.writestr("nlp_gitops-0.1.0.dist-info/RECORD", record)

    def said(self, here: Path | None = None) -> str:
        """Return what is wrong, in one line."""
        with pytest.raises(UsageError) as error:
            installation.require_whole(here or self.root)
        assert "\n" not in str(error.value)
        return str(error.value)


def install(packages: Path, record: str = RECORD + ADDED, version: str = "0.1.0") -> Path:
    """Write the record of an installed copy; return its folder."""
    folder = packages / f"nlp_gitops-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "RECORD").write_text(record)
    return folder


@pytest.fixture
def team(tmp_path, monkeypatch) -> Team:
    """A repository whose wheel is locked and installed."""
    packages = tmp_path / "site-packages"
    install(packages)
    monkeypatch.setattr(nlp_gitops, "__file__", str(packages / "nlp_gitops" / "__init__.py"))
    monkeypatch.setattr(sys, "path", [str(packages), *sys.path])
    found = Team(tmp_path / "team", packages)
    found.root.mkdir()
    (found.root / "project.yaml").write_text("name: small\n")
    found.build()
    found.lock()
    return found


def test_wheel_lock_and_installed_package_may_be_one(team):
    inner = team.root / "data" / "raw"
    inner.mkdir(parents=True)

    for here in (team.root, inner):
        installation.require_whole(here)


@pytest.mark.parametrize("line", [
    "./{wheel} --hash=sha256:{sha}", "./{wheel} \\\n    --hash=sha256:{sha} \\",
    "./{wheel}  \\\n--hash=sha256:{sha}  # nlp-gitops"])
def test_a_lock_line_may_be_written_in_other_ways(team, line):
    team.lock("0" * 64, line)

    assert "locks 000000000000" in team.said()


def test_nothing_is_asked_outside_a_repository_or_of_one_that_locks_no_wheel(team, tmp_path):
    team.wheel.unlink()
    installation.require_whole(tmp_path)

    for text in ("numpy\n", "nlp-gitops==0.1.0 --hash=sha256:" + "0" * 64 + "\n", ""):
        (team.root / "requirements.txt").write_text(text)
        installation.require_whole(team.root)
    (team.root / "requirements.txt").write_bytes(b"\xff\xfe")
    installation.require_whole(team.root)
    (team.root / "requirements.txt").unlink()
    installation.require_whole(team.root)


def test_a_wheel_that_is_not_there_is_told_with_the_way_back(team):
    team.wheel.unlink()

    assert team.said() == (f"{team.wheel}: not there, and requirements.txt locks it; type: "
                           f"git checkout -- {WHEEL} requirements.txt")


def test_a_wheel_that_was_changed_is_told_with_both_digests(team):
    team.wheel.write_bytes(team.wheel.read_bytes() + b"more")
    found = hashlib.sha256(team.wheel.read_bytes()).hexdigest()

    said = team.said()

    assert said.startswith(f"{team.wheel}: its sha256 is {found[:12]}…, and requirements.txt locks")
    assert said.endswith(f"type: git checkout -- {WHEEL} requirements.txt, then make setup")


def test_a_lock_of_another_hash_is_told(team):
    team.lock("ab" * 32)

    assert "and requirements.txt locks abababababab…" in team.said()


@pytest.mark.parametrize("record", [
    RECORD.replace("sha256=bbb", "sha256=other"), RECORD.replace("cli/main.py", "cli/other.py"),
    RECORD.replace("nlp_gitops/cli/main.py,sha256=bbb,20\n", ""),
    RECORD + "nlp_gitops/more.py,sha256=ggg,10\n"])
def test_another_package_than_the_locked_one_is_told(team, record):
    team.build(record)
    team.lock()

    assert team.said() == (f"the installed nlp-gitops ({team.packages}) is not the one in {WHEEL}; "
                           "type: make setup")


def test_two_installed_copies_are_told(team, tmp_path, monkeypatch):
    other = install(tmp_path / "elsewhere", version="0.0.9")
    monkeypatch.setattr(sys, "path", [*sys.path, str(other.parent)])

    said = team.said()

    assert said.startswith("nlp-gitops is installed twice: ")
    assert str(other) in said and str(team.packages / "nlp_gitops-0.1.0.dist-info") in said
    assert said.endswith("take one away: python -m pip uninstall nlp-gitops, then make setup")


def test_one_copy_that_two_entries_of_the_path_lead_to_is_one(team, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(team.packages)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "link"), str(team.packages), ""])

    installation.require_whole(team.root)


@pytest.mark.parametrize("content", [b"", b"no zip", "no record"])
def test_a_locked_file_that_is_no_wheel_of_ours_is_told(team, content):
    if content == "no record":
        with zipfile.ZipFile(team.wheel, "w") as archive:
            archive.writestr("other-1.0.dist-info/RECORD", "")
    else:
        team.wheel.write_bytes(content)
    team.lock()

    assert team.said() == (f"{team.wheel}: not a wheel of nlp-gitops; type: git checkout -- vendor")


def test_a_package_that_runs_from_its_source_is_compared_with_nothing(team, monkeypatch, tmp_path):
    source = tmp_path / "src"
    monkeypatch.setattr(nlp_gitops, "__file__", str(source / "nlp_gitops" / "__init__.py"))
    team.build(RECORD.replace("bbb", "other"))
    team.lock()

    # An editable installation has a record, in which the package's own files are not.
    install(source, "__editable__.nlp_gitops-0.1.0.pth,sha256=aaa,20\n")
    installation.require_whole(team.root)
    assert installation.installed_records() == []


@pytest.mark.parametrize("arguments, code", [
    (["runs", "list"], 2), (["ci", "notify"], 2), (["runs", "--help"], 0), (["help"], 0),
    (["help", "gates"], 0), (["--version"], 0), (["--help"], 0)])
def test_a_command_looks_first_and_what_helps_works_all_the_same(
        team, monkeypatch, capsys, arguments, code):
    team.wheel.unlink()
    monkeypatch.chdir(team.root)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    with pytest.raises(SystemExit) as stop:
        main(arguments)

    said = capsys.readouterr()
    assert stop.value.code == code
    assert said.err == (f"error: {team.wheel}: not there, and requirements.txt locks it; type: "
                        f"git checkout -- {WHEEL} requirements.txt\n" if code else "")
    assert bool(said.out) == (code == 0)
