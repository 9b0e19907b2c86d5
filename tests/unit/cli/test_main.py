"""`nlp-gitops NAME …`: the table of commands, and how one is called."""

import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path

import pytest
from small import HERE, ROOT

from nlp_gitops import __version__
from nlp_gitops.cli import main as dispatcher
from nlp_gitops.cli.main import CI_COMMANDS, COMMANDS, hyphenated, main, overview
from nlp_gitops.core.package_files import source_digest

FOLDER = ROOT / "src" / "nlp_gitops" / "cli"
# What is no command: the frame around them, and what calls them.
OTHERS = {"__init__", "frame", "main"}
TYPED = [*((name,) for name in COMMANDS), *(("ci", name) for name in CI_COMMANDS)]


@pytest.fixture
def called(capsys, monkeypatch, tmp_path):
    """Return a function that calls the program and gives (exit code, output, error output)."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        printed = capsys.readouterr()
        return stop.value.code, printed.out, printed.err

    return call


def test_every_module_is_a_command_and_every_command_a_module():
    there = {path.stem for path in FOLDER.glob("*.py")} - OTHERS

    assert there == {*COMMANDS, *CI_COMMANDS}
    assert not {*COMMANDS} & {*CI_COMMANDS}


@pytest.mark.parametrize("name", [*COMMANDS, *CI_COMMANDS])
def test_a_command_has_a_main_function_and_a_text_for_its_help(name):
    module = import_module(f"nlp_gitops.cli.{name}")

    assert callable(module.main) and module.__doc__


@pytest.mark.parametrize("words", TYPED, ids=" ".join)
def test_each_command_shows_its_help_by_the_name_that_was_typed(called, words):
    typed = [word.replace("_", "-") for word in words]

    code, out, err = called(*typed, "--help")

    assert (code, err) == (0, "")
    assert out.startswith(f"usage: nlp-gitops {' '.join(typed)} [-h]")


def test_every_door_is_a_command_and_gives_its_own_name_in_its_help(capsys, monkeypatch):
    doors = {path.stem for path in (HERE / "tools").glob("*.py")} - {"door"}
    monkeypatch.setattr(sys, "argv", ["tools/train.py", "--help"])

    with pytest.raises(SystemExit) as stop:
        dispatcher.door("train")

    assert stop.value.code == 0 and capsys.readouterr().out.startswith("usage: train.py [-h]")
    assert len(doors) == 18 and doors < {*COMMANDS}


def test_a_door_passes_on_the_arguments_of_the_process(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tools/eval_gate.py", "--champion_predictions", "x"])
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    with pytest.raises(SystemExit) as stop:
        dispatcher.door("eval_gate")

    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: --champion-predictions needs --predictions\n"


@pytest.mark.parametrize("arguments, said", [
    (["trian"], "trian: no such command; type: nlp-gitops --help"),
    (["alert"], "alert: no such command; type: nlp-gitops --help"),
    (["frame"], "frame: no such command; type: nlp-gitops --help"),
    (["../x"], "../x: no such command; type: nlp-gitops --help"),
    (["ci"], "ci : no such command; there are alert, asked, changed, comment, notify, onward, "
             "promotion, update-template"),
    (["ci", "train"], "ci train: no such command; there are alert, asked, changed, comment, "
                      "notify, onward, promotion, update-template")])
def test_an_unknown_command_is_one_line(called, arguments, said):
    assert called(*arguments) == (2, "", f"error: {said}\n")


def test_help_lists_every_command_once_by_the_part_of_the_work(called):
    code, out, _ = called("--help")

    lines = out.splitlines()
    assert code == 0 and out == f"{overview()}\n"
    assert [line.split()[0] for line in lines if line.startswith("  ")] == [
        name.replace("_", "-") for name in COMMANDS]
    groups = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert groups == ["data and prompts:", "models:", "registry:", "production:", "repository:"]
    assert all(len(line) <= 100 for line in lines)
    assert called("-h")[:2] == (0, out)


def test_without_a_command_the_help_is_shown_and_nothing_succeeds(called):
    assert called() == (2, f"{overview()}\n", "")


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_told_with_the_digest_of_the_source(called, flag):
    assert called(flag) == (
        0, f"nlp-gitops {__version__} (source sha256 {source_digest()})\n", "")


@pytest.mark.parametrize("command", ["eval-gate", "eval_gate"])
@pytest.mark.parametrize("flag", ["--champion-predictions", "--champion_predictions",
                                  "--champion_predictions=x"])
def test_hyphen_and_underscore_are_alike_in_commands_and_flags(called, command, flag):
    arguments = [flag] if "=" in flag else [flag, "x"]

    assert called(command, *arguments) == (
        2, "", "error: --champion-predictions needs --predictions\n")


def test_the_commands_of_workflows_may_be_written_with_either(called):
    for name in ("update-template", "update_template"):
        code, out, _ = called("ci", name, "--help")

        assert code == 0 and out.startswith(f"usage: nlp-gitops ci {name} [-h]")


@pytest.mark.parametrize("typed, read", [
    (["--min_f1_macro=a_b", "x_y", "--_x", "-a_b"], ["--min-f1-macro=a_b", "x_y", "--_x", "-a_b"]),
    (["--a_b", "--", "--c_d"], ["--a-b", "--", "--c_d"]), ([], []), (["a=--b_c"], ["a=--b_c"])])
def test_only_the_names_of_flags_change(typed, read):
    assert hyphenated(typed) == read


def test_the_console_script_and_the_module_are_this_program(tmp_path):
    [script] = metadata.entry_points(group="console_scripts", name="nlp-gitops")
    done = subprocess.run([sys.executable, "-m", "nlp_gitops", "--version"], cwd=tmp_path,
                          text=True, capture_output=True)

    assert script.load() is main
    assert (done.returncode, done.stdout) == (0, f"{dispatcher.version()}\n")


def test_asking_for_the_overview_imports_no_command():
    code = "import sys; from nlp_gitops.cli import main\nmain.overview()\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)

    there = set(done.stdout.split())
    assert not there & {"numpy", "yaml", "jsonschema"}
    assert {name for name in there if name.startswith("nlp_gitops.cli.")} == {
        "nlp_gitops.cli.main", "nlp_gitops.cli.frame"}
    assert Path(dispatcher.__file__).parent == FOLDER
