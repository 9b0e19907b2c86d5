"""What a repository's own files say about its packages, with and without the wheel."""

import pytest

from nlp_gitops.repository.dependencies import extras_of, requirements, unlocked, without_package

METADATA = [
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
WHEEL = "./vendor/nlp_gitops-0.1.0-py3-none-any.whl"


def test_extras_are_asked_for_by_name_and_other_conditions_stay():
    assert requirements(METADATA) == ["numpy", "packaging>=24.2", "tomli; python_version < '3.11'"]
    assert requirements(METADATA, ["serve"])[3:] == [
        "fastapi", "uvloop; sys_platform != 'win32'", "a; (x == '1' or (y == '2'))"]


def test_the_package_gives_way_to_what_it_imports_and_nothing_is_named_twice():
    assert without_package(PYPROJECT, METADATA[:6]) == """\
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
    assert without_package('dependencies = [\n    "numpy",\n]\n', METADATA) == (
        'dependencies = [\n    "numpy",\n]\n')


def test_a_lock_loses_the_two_lines_of_the_wheel():
    before, after = "a==1 \\\n    --hash=sha256:aa\n", "b==2 \\\n    --hash=sha256:cc\n"
    lock = f"{before}{WHEEL} \\\n    --hash=sha256:bb\n{after}"

    assert unlocked(lock, METADATA) == before + after


@pytest.mark.parametrize("line", [
    f"{WHEEL} --hash=sha256:bb",
    "nlp-gitops==0.1.0 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc",
    f"nlp-gitops @ file:///x/{WHEEL} \\\n    --hash=sha256:bb"])
def test_a_lock_line_goes_however_it_is_written(line):
    assert unlocked(f"a==1\n{line}\nb==2\n", METADATA) == "a==1\nb==2\n"


def test_a_list_without_hashes_gets_what_the_package_imports():
    assert unlocked(f"a\n{WHEEL}[serve]\nb\n", METADATA[:5]) == (
        "a\nnumpy\npackaging>=24.2\ntomli; python_version < '3.11'\nfastapi\nb\n")


def test_another_package_of_a_similar_name_stays_locked():
    lock = "nlp-gitops-extra==1 \\\n    --hash=sha256:aa\n"

    assert unlocked(lock, METADATA) == lock
