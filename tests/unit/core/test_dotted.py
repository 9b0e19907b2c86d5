"""The team's code by dotted path: what is loaded, and what is said of a path that names nothing."""

import json
import sys
from pathlib import Path

import pytest

from nlp_gitops.core import dotted
from nlp_gitops.core.errors import CheckFailed, UsageError

MINE = """\
from collections import Counter
from json import dumps

class Sentences:
    pass

class Words:
    def __init__(self, *numbers):
        self.average = sum(numbers) / len(numbers)

def answer():
    pass

_hidden, NUMBER = 1, 2
"""
PLACE = "project.yaml:9:11"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a package `nlp`."""
    write(tmp_path, mine=MINE, __init__="", other="")
    return tmp_path


def write(root: Path, **modules: str) -> None:
    """Write modules into nlp/."""
    (root / "nlp").mkdir(exist_ok=True)
    for name, text in modules.items():
        (root / "nlp" / f"{name}.py").write_text(text)


def refusal(path: str, root: Path) -> str:
    """Return what is said of a path, behind its place."""
    with pytest.raises(UsageError) as error:
        dotted.load(path, root, PLACE)
    text = str(error.value)
    assert text.startswith(f"{PLACE}: ") and "\n" not in text
    return text.removeprefix(f"{PLACE}: ")


def test_a_class_and_a_function_are_found_in_the_repository(root):
    assert dotted.load("nlp.mine:Words", root, PLACE)(1, 3).average == 2
    assert dotted.load("nlp.mine:answer", root, PLACE).__name__ == "answer"


def test_a_module_may_lie_beside_the_package_or_be_installed(root):
    (root / "ours.py").write_text("def one():\n    return 1\n")

    assert dotted.load("ours:one", root, PLACE)() == 1
    assert dotted.load("json:dumps", root, PLACE) is json.dumps


@pytest.mark.parametrize("path", [
    "", "nlp.mine", "nlp/mine.py:Words", "nlp.mine:", ":Words", ".mine:Words", "nlp..mine:Words",
    "nlp.mine:Words.x", "nlp.mine:Words:x", "nlp.mine:Words\n", " nlp.mine:Words", "1:Words",
    "nlp.mine:1", "../nlp:Words"])
def test_what_is_no_dotted_path_is_told_how_one_looks(root, path):
    assert refusal(path, root) == (
        f"{path!r} is not a dotted path; write module:Name, such as nlp.classifiers:TfidfLogistic")
    assert not dotted.is_path(path)


@pytest.mark.parametrize("name, now", dotted.EARLIER.items())
def test_a_name_of_earlier_versions_is_told_what_it_is_now(root, name, now):
    assert refusal(name, root).endswith(f"; it is {now} now")
    assert dotted.present(name) == now and dotted.present("nlp.mine:Words") == "nlp.mine:Words"


@pytest.mark.parametrize("path, said", [
    ("nlp.mien:Words", "no module 'nlp.mien'; did you mean nlp.mine? there are nlp.mine, "
     "nlp.other"),
    ("nlp.far_away:Words", "no module 'nlp.far_away'; there are nlp.mine, nlp.other"),
    ("nlp.mine.deep:Words", "no module 'nlp.mine.deep'; nothing of its kind is there"),
    ("nlp.no.deep:Words", "no module 'nlp.no'; nothing of its kind is there"),
    ("elsewhere.mine:Words", "no module 'elsewhere'; nothing of its kind is there")])
def test_a_module_that_is_not_there_is_told_with_those_that_are(root, path, said):
    assert refusal(path, root) == said


def test_a_name_that_is_not_there_is_told_with_those_that_the_module_defines(root):
    write(root, other="class Lonely:\n    pass\n", empty="import json\n")

    assert refusal("nlp.mine:Word", root) == (
        "nlp/mine.py has no Word; did you mean Words? there are Sentences, Words, answer")
    assert refusal("nlp.other:Word", root) == "nlp/other.py has no Word; there is Lonely"
    assert refusal("nlp.empty:Word", root) == (
        "nlp/empty.py has no Word; nothing of its kind is there")


def test_an_import_that_is_not_installed_names_package_and_line(root):
    write(root, mine="import json\n\nimport not_there.at_all\n")

    assert refusal("nlp.mine:Words", root) == (
        "the package not_there is not installed; type: pip install not_there; see nlp/mine.py:3")


def test_an_import_of_a_module_of_their_own_that_is_gone_names_the_line(root):
    write(root, mine="from nlp.other import *\n", other="\nfrom nlp.gone import x\n")

    assert refusal("nlp.mine:Words", root) == (
        "nlp.mine imports nlp.gone, which is not there; see nlp/other.py:2")


@pytest.mark.parametrize("text, said", [
    ("\n1 / 0\n", "ZeroDivisionError: division by zero; see nlp/mine.py:2"),
    ("import json\njson.loads('{')\n", "JSONDecodeError: Expecting property name enclosed in "
     "double quotes: line 1 column 2 (char 1); see nlp/mine.py:2"),
    ("import nlp.other\n", "RuntimeError: no answer from https://host; see nlp/other.py:1"),
    ("from json import nothing\n", "ImportError: cannot import name 'nothing' from 'json'"),
    ("raise ModuleNotFoundError('by hand')\n", "ModuleNotFoundError: by hand; see nlp/mine.py:1"),
    ("raise KeyError\n", "KeyError; see nlp/mine.py:1"),
    ("\n\nclass Words(:\n", "SyntaxError: invalid syntax (mine.py, line 3); see nlp/mine.py:3"),
    ("if 1:\nx = 1\n", "IndentationError: ")])
def test_a_module_that_raises_is_one_line_with_its_place(root, text, said):
    write(root, mine=text,
          other="raise RuntimeError('no answer from https://me:secret@host\\nmore')\n")

    found = refusal("nlp.mine:Words", root)

    assert found.startswith(f"nlp.mine cannot be imported: {said}")
    assert ".py:" in found and "secret" not in found


def test_the_line_is_one_of_the_team_though_the_environment_lies_in_the_repository(
        root, monkeypatch):
    library = root / ".venv" / "lib" / "python3.11" / "site-packages"
    library.mkdir(parents=True)
    (library / "some_library.py").write_text("def work():\n    raise ValueError('deep inside')\n")
    monkeypatch.syspath_prepend(library)
    write(root, mine="import some_library\n\nsome_library.work()\n")

    assert refusal("nlp.mine:Words", root).endswith("ValueError: deep inside; see nlp/mine.py:3")


@pytest.mark.parametrize("is_loaded", [False, True])
def test_a_package_of_the_same_name_of_another_project_is_refused(
        root, tmp_path_factory, monkeypatch, is_loaded):
    another = tmp_path_factory.mktemp("another")
    write(another, __init__="", mine="class Words:\n    pass\n")
    monkeypatch.setattr(sys, "path", [str(another), *sys.path, str(root)])
    if is_loaded:
        dotted.load("nlp.mine:Words", another, PLACE)

    assert refusal("nlp.mine:Words", root) == (
        f"the package nlp is that of another project, {another / 'nlp'}; "
        "take it off PYTHONPATH or uninstall it")


def test_the_repository_goes_before_what_is_on_the_path(root, tmp_path_factory, monkeypatch):
    another = tmp_path_factory.mktemp("another")
    write(another, __init__="", mine="")
    monkeypatch.syspath_prepend(another)

    assert dotted.load("nlp.mine:Words", root, PLACE).__module__ == "nlp.mine"


def test_an_object_is_made_of_a_class_or_its_fault_is_one_line(root):
    write(root, other="from nlp_gitops.core.errors import CheckFailed\n\n\ndef refuses():\n"
                      "    raise CheckFailed('not today')\n")

    assert dotted.make("nlp.mine:Words", root, PLACE, 1, 2).average == 1.5
    with pytest.raises(UsageError) as error:
        dotted.make("nlp.mine:Words", root, PLACE)
    assert str(error.value) == (f"{PLACE}: nlp.mine:Words cannot be made: ZeroDivisionError: "
                                "division by zero; see nlp/mine.py:9")
    with pytest.raises(CheckFailed, match="^not today$"):
        dotted.make("nlp.other:refuses", root, PLACE)


def test_methods_that_are_missing_are_named():
    class Half:
        table, score = print, 3

    with pytest.raises(UsageError, match=f"^{PLACE}: nlp.mine:Half has no method score, support$"):
        dotted.require(Half(), ("table", "score", "support"), "nlp.mine:Half", PLACE)


def test_public_names_are_the_classes_and_functions_of_a_module_itself(root):
    dotted.load("nlp.mine:Words", root, PLACE)

    assert dotted.public_names(sys.modules["nlp.mine"]) == ["Sentences", "Words", "answer"]
