"""The wheel in vendor/: what src/ gives, to the byte, and what a repository installs."""

import hashlib
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from baking import ROOT, TEMPLATE, bake, environment, packed, run

SCRIPT = ROOT / "scripts" / "build_wheel.py"


@pytest.fixture(scope="module")
def wheel():
    [found] = (TEMPLATE / "vendor").glob("*.whl")
    return found


def source_copy(folder: Path) -> Path:
    """Return a copy of what the wheel is built from, in another place."""
    for name in ("src", "docs/reference", "scripts", "<<cookiecutter.project>>/vendor"):
        shutil.copytree(ROOT / name, folder / name,
                        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "LICENSE", "<<cookiecutter.project>>/pyproject.toml",
                 "<<cookiecutter.project>>/requirements.txt",
                 "<<cookiecutter.project>>/deploy/requirements.txt"):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    return folder


def build(folder: Path, *arguments: str, check: bool = True):
    """Run the builder of a copy."""
    return run(sys.executable, "scripts/build_wheel.py", *arguments, cwd=folder, check=check)


def test_vendor_holds_what_src_gives_and_the_locks_name_its_hash():
    done = run(sys.executable, SCRIPT, "--check", cwd=ROOT, check=False)

    assert done.returncode == 0, done.stderr


def test_another_place_and_time_give_the_same_bytes(tmp_path, wheel):
    copy = source_copy(tmp_path / "elsewhere")
    for path in copy.rglob("*.py"):
        path.touch()

    build(copy)

    [found] = (copy / TEMPLATE.name / "vendor").glob("*.whl")
    assert found.read_bytes() == wheel.read_bytes()


def test_a_changed_source_is_noticed_and_brought_into_wheel_and_locks(tmp_path):
    copy = source_copy(tmp_path / "copy")
    (copy / "src" / "nlp_gitops" / "core" / "errors.py").open("a").write("\nCHANGED = True\n")

    before = build(copy, "--check", check=False)
    build(copy)

    assert before.returncode == 1
    assert before.stderr == "error: vendor/ is not what src/ gives; type: make package\n"
    assert build(copy, "--check").returncode == 0


def test_a_new_version_replaces_the_wheel_and_every_line_that_names_it(tmp_path):
    copy = source_copy(tmp_path / "copy")
    about = copy / "src" / "nlp_gitops" / "__init__.py"
    about.write_text(re.sub(r'__version__ = ".*"', '__version__ = "9.8.7"', about.read_text()))

    build(copy)

    project = copy / TEMPLATE.name
    assert [path.name for path in (project / "vendor").iterdir()] == [
        "nlp_gitops-9.8.7-py3-none-any.whl"]
    for name in ("pyproject.toml", "requirements.txt", "deploy/requirements.txt"):
        assert set(re.findall(r"nlp_gitops-([\d.]+)-py3", (project / name).read_text())) == {
            "9.8.7"}


def test_entries_are_stored_in_order_with_fixed_times(wheel):
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()

    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)


def test_it_holds_the_package_with_pages_and_licence_and_nothing_else(wheel):
    source = ROOT / "src" / "nlp_gitops"
    expected = {f"nlp_gitops/{path.relative_to(source).as_posix()}" for path in source.rglob("*")
                if path.is_file() and "__pycache__" not in path.parts}
    expected |= {f"nlp_gitops/reference/{path.name}"
                 for path in (ROOT / "docs" / "reference").iterdir()}
    expected.add("nlp_gitops/LICENSE")

    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert found == expected


@pytest.mark.parametrize("lock", ["requirements.txt", "deploy/requirements.txt"])
def test_the_lock_names_the_wheel_by_path_and_hash_and_no_index(wheel, lock):
    text = (TEMPLATE / lock).read_text()
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()

    assert f"\n./vendor/{wheel.name} \\\n    --hash=sha256:{digest}\n" in text
    assert not re.search(r"^nlp[-_]gitops", text, re.MULTILINE)
    assert "://" not in text


def test_no_line_of_a_project_names_it_so_that_an_index_could_answer(tmp_path):
    project = bake(tmp_path / "out")

    named = [line for line in (project / "pyproject.toml").read_text().splitlines()
             if line.strip().startswith('"nlp-gitops')]

    assert len(named) == 1 and " @ file:///${PROJECT_ROOT}/vendor/" in named[0]


def test_it_installs_without_a_network_where_the_other_packages_are(tmp_path, venv):
    """`venv` was installed before, so all but the wheel comes from the installer's cache."""
    run("uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "offline", cwd=tmp_path)

    run("uv", "pip", "install", "--quiet", "--offline", "--require-hashes",
        "--python", tmp_path / "offline" / "bin" / "python", "-r", "requirements.txt", cwd=TEMPLATE)

    assert run(tmp_path / "offline" / "bin" / "nlp-gitops", "--version",
               cwd=tmp_path).stdout.startswith("nlp-gitops 0.")


@pytest.mark.heavy
def test_plain_pip_installs_it_with_hashes(tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "plain", cwd=tmp_path)

    run(tmp_path / "plain" / "bin" / "python", "-m", "pip", "install", "--quiet",
        "--require-hashes", "-r", "requirements.txt", cwd=TEMPLATE)

    assert run(tmp_path / "plain" / "bin" / "nlp-gitops", "help", "gates",
               cwd=tmp_path).stdout.startswith("# Gates")


@pytest.mark.heavy
def test_make_lock_asks_no_index_for_it(tmp_path):
    project = bake(tmp_path / "out")
    before = (project / "requirements.txt").read_text()

    done = run("make", "lock", cwd=project, env=environment(RUST_LOG="uv=trace"))

    line = re.search(r"^\./vendor/.*\\\n.*$", before, re.MULTILINE)[0]
    assert line in (project / "requirements.txt").read_text()
    assert line in (project / "deploy" / "requirements.txt").read_text()
    asked = set(re.findall(r"(?:https?|file)://\S*/([\w.-]+)/(?=[`\s])", done.stderr))
    assert "numpy" in asked and "nlp-gitops" not in asked


def test_version_says_the_digest_of_the_source_that_every_copy_has(venv, tmp_path, wheel):
    def version(*command: str | Path, **env: str) -> str:
        return run(*command, "--version", cwd=tmp_path, env=environment(**env)).stdout

    installed = version(venv / "bin" / "nlp-gitops")

    assert re.fullmatch(r"nlp-gitops \d+\.\d+\.\d+ \(source sha256 [0-9a-f]{64}\)\n", installed)
    assert version(venv / "bin" / "python", "-m", "nlp_gitops") == installed
    # The hook and `make changed` import it from the wheel itself.
    assert version(sys.executable, "-P", "-S", "-m", "nlp_gitops",
                   PYTHONPATH=str(wheel)) == installed


def test_a_run_and_its_version_record_both(tmp_path, venv):
    project = packed(tmp_path / "out", venv)

    [record] = project.glob("runs/*/run.json")
    found = json.loads(record.read_text())["environment"]["nlp_gitops"]
    [manifest] = project.glob("dist/*/manifest.json")
    assert json.loads(manifest.read_text())["environment"]["nlp_gitops"] == found
    assert f"nlp-gitops {found['version']} (source sha256 {found['source_sha256']})\n" == run(
        project / ".venv" / "bin" / "nlp-gitops", "--version", cwd=project).stdout
