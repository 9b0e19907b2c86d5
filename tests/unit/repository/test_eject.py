"""What ejecting changes, and that it changes all of it or nothing."""

import zipfile
from pathlib import Path

import pytest
from small import commit, git

from nlp_gitops.core import files
from nlp_gitops.core.package_files import contents
from nlp_gitops.repository import eject

WHEEL = "vendor/nlp_gitops-0.1.0-py3-none-any.whl"
METADATA = "Name: nlp-gitops\nRequires-Dist: scipy\nRequires-Dist: fastapi; extra == 'serve'\n"
FILES = {
    "pyproject.toml": f'dependencies = [\n    "nlp-gitops[serve] @ file:///x/{WHEEL}",\n]\n',
    "requirements.txt": f"./{WHEEL} \\\n    --hash=sha256:aa\nscipy==1 \\\n    --hash=sha256:bb\n",
    "Makefile": "setup:\n\t@touch $@\n",
    ".github/CODEOWNERS": "/vendor/   @us\n/data/     @us\n",
}


@pytest.fixture
def root(project):
    """The small repository with a wheel, and files that name it."""
    for name, text in FILES.items():
        files.write_atomic(project.root / name, text)
    (project.root / "vendor").mkdir()
    with zipfile.ZipFile(project.root / WHEEL, "w") as archive:
        archive.writestr("nlp_gitops-0.1.0.dist-info/METADATA", METADATA)
    commit(project.root, "A wheel")
    return project.root


def ejected(root: Path) -> list[str]:
    plan = eject.plan(root)
    eject.apply(plan)
    return eject.remarks(plan)


def test_every_file_of_the_package_and_its_pages_come_along(root):
    ejected(root)

    for name, data in contents().items():
        assert (root / "nlp_gitops" / name).read_bytes() == data
    assert (root / "nlp_gitops/reference/gates.md").is_file()
    assert not (root / "vendor").exists()


def test_what_named_the_wheel_names_the_source(root):
    ejected(root)

    assert (root / "pyproject.toml").read_text() == (
        'dependencies = [\n    # What nlp_gitops/ imports.\n    "scipy",\n    "fastapi",\n]\n')
    assert (root / "requirements.txt").read_text() == "scipy==1 \\\n    --hash=sha256:bb\n"
    assert (root / ".github/CODEOWNERS").read_text() == "/nlp_gitops/ @us\n/data/     @us\n"
    assert "> $(VENV)/bin/nlp-gitops" in (root / "Makefile").read_text()


def test_the_ends_of_lines_stay_as_they_were(root):
    path = root / "requirements.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    commit(root, "Other line ends")

    ejected(root)

    assert path.read_bytes() == b"scipy==1 \\\r\n    --hash=sha256:bb\r\n"


def test_what_a_repository_does_otherwise_is_left_for_its_people(root):
    (root / "Makefile").write_text("all:\n")
    (root / "pyproject.toml").write_text("[project]\n")
    with open(root / ".gitignore", "a") as stream:
        stream.write("*.css\n")
    (root / "NOTES.md").write_text("see vendor/ for it\n")
    commit(root, "Ours")

    told = ejected(root)

    assert any("pyproject.toml named no nlp-gitops" in line for line in told)
    assert any("python -m nlp_gitops from now on" in line for line in told)
    assert any(line.startswith("git ignores ") and ".css" in line for line in told)
    assert "NOTES.md:1: names vendor/ still" in told


@pytest.mark.parametrize("broken", ["pyproject.toml", "Makefile", ".github/CODEOWNERS"])
def test_a_failure_in_the_middle_puts_everything_back(root, monkeypatch, broken):
    write, plan = files.write_atomic, eject.plan(root)

    def full(path, data):
        if path == root / broken and data == plan.rewrite[broken]:
            raise OSError(28, "No space left on device", str(path))
        write(path, data)

    monkeypatch.setattr(files, "write_atomic", full)
    with pytest.raises(OSError):
        eject.apply(plan)

    assert git(root, "status", "--porcelain") == ""
    assert not list(root.glob(".nlp_gitops-*"))


def test_a_failure_while_the_wheel_goes_puts_everything_back(root, monkeypatch):
    plan = eject.plan(root)
    monkeypatch.setattr(Path, "unlink", lambda path: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        eject.apply(plan)

    assert git(root, "status", "--porcelain") == ""
