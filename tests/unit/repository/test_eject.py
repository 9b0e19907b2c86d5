"""What ejecting changes, all of it or nothing; and how files name packages without the wheel."""

import zipfile
from pathlib import Path

import pytest
from small import commit, git

from nlp_gitops.core import files
from nlp_gitops.core.package_files import contents
from nlp_gitops.repository import eject
from nlp_gitops.repository.eject import extras_of, requirements, unlocked, without_package

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


REQUIRES = [
    "numpy", "packaging>=24.2", "tomli; python_version < '3.11'",
    "pygithub>=2.10; extra == 'github'", "fastapi; extra == 'serve'",
    "uvloop; (sys_platform != 'win32') and extra == 'serve'",
    "a; (x == '1' or (y == '2')) and extra == 'serve'", "pyarrow; extra == \"parquet\""]
PYPROJECT = """\
[project]
# The machinery lies in vendor/ and is named by its path.
# Extras that may be added: parquet.
dependencies = [
    "nlp-gitops[github, serve] @ file:///${PROJECT_ROOT}/vendor/nlp_gitops-1.0-py3-none-any.whl",
    # ours
    "numpy",
]
"""
OTHER_WHEEL = "./vendor/nlp_gitops-0.1.0-py3-none-any.whl"


def test_extras_are_asked_for_by_name_and_other_conditions_stay():
    assert requirements(REQUIRES) == ["numpy", "packaging>=24.2", "tomli; python_version < '3.11'"]
    assert requirements(REQUIRES, ["serve"])[3:] == [
        "fastapi", "uvloop; sys_platform != 'win32'", "a; (x == '1' or (y == '2'))"]


def test_the_package_gives_way_to_what_it_imports_and_nothing_is_named_twice():
    assert without_package(PYPROJECT, REQUIRES[:6]) == """\
[project]
dependencies = [
    # What nlp_gitops/ imports.
    "packaging>=24.2",
    "tomli; python_version < '3.11'",
    "pygithub>=2.10",  # not for serving
    "fastapi",
    "uvloop; sys_platform != 'win32'",
    # ours
    "numpy",
]
"""


@pytest.mark.parametrize("line, extras", [
    ('"nlp-gitops[github,serve] @ file:///x/vendor/y.whl",', ("github", "serve")),
    ("'nlp_gitops>=0.1'", ()), ('"nlp-gitops[serve]", # why', ("serve",)),
    ('"nlp-gitops-extra"', None), ("# nlp-gitops", None)])
def test_it_is_found_however_it_is_named(line, extras):
    assert extras_of(f"dependencies = [\n    {line}\n]\n") == extras


def test_a_file_that_names_no_such_package_stays():
    assert without_package('dependencies = [\n    "numpy",\n]\n', REQUIRES) == (
        'dependencies = [\n    "numpy",\n]\n')


def test_a_lock_loses_the_two_lines_of_the_wheel():
    before, after = "a==1 \\\n    --hash=sha256:aa\n", "b==2 \\\n    --hash=sha256:cc\n"
    lock = f"{before}{OTHER_WHEEL} \\\n    --hash=sha256:bb\n{after}"

    assert unlocked(lock, REQUIRES) == before + after


@pytest.mark.parametrize("line", [
    f"{OTHER_WHEEL} --hash=sha256:bb",
    "nlp-gitops==0.1.0 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc",
    f"nlp-gitops @ file:///x/{OTHER_WHEEL} \\\n    --hash=sha256:bb"])
def test_a_lock_line_goes_however_it_is_written(line):
    assert unlocked(f"a==1\n{line}\nb==2\n", REQUIRES) == "a==1\nb==2\n"


def test_a_list_without_hashes_gets_what_the_package_imports():
    assert unlocked(f"a\n{OTHER_WHEEL}[serve]\nb\n", REQUIRES[:5]) == (
        "a\nnumpy\npackaging>=24.2\ntomli; python_version < '3.11'\nfastapi\nb\n")


def test_another_package_of_a_similar_name_stays_locked():
    lock = "nlp-gitops-extra==1 \\\n    --hash=sha256:aa\n"

    assert unlocked(lock, REQUIRES) == lock
