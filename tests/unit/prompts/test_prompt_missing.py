"""Repositories without any prompt: right where no model has one, and wrong where one does."""

import shutil
from pathlib import Path

import pytest

from nlp_gitops.cli.check_prompts import main
from nlp_gitops.core.errors import UsageError

CLASS = "class: nlp.classifiers:TfidfLogistic"


@pytest.fixture
def prompted(project):
    """The project, whose model has a prompt that is not there."""
    path = project.root / "project.yaml"
    path.write_text(path.read_text().replace(CLASS, f"{CLASS}, prompt: mood"))
    return project


@pytest.mark.parametrize("arguments", [[], ["prompts/"], ["prompts/", "--fix"]])
def test_without_a_prompts_folder_and_a_model_that_has_one_the_check_passes(
        project, capsys, arguments):
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines() == [
        "no prompt files (prompts/NAME/prompt_vX.Y.Z.txt)", "PROMPTS: PASS"]


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("arguments", [[], ["prompts/"], ["prompts/", "--json"]])
def test_a_model_whose_prompt_has_no_file_is_named_with_its_line(
        prompted, capsys, folder, arguments):
    if folder:
        Path("prompts", "mood").mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        main(arguments)

    place, _, said = str(caught.value).partition(": ")
    assert place.removeprefix(f"{prompted.root}/") == "project.yaml:9:49"
    assert said == ("small has the prompt mood, and there is no prompt file; write "
                    "prompts/mood/prompt_v0.1.0.txt")
    assert capsys.readouterr().out == ""


def test_another_empty_folder_is_not_where_the_model_looks(prompted, tmp_path):
    Path("more", "prompts").mkdir(parents=True)

    assert main(["more/prompts"]) == 0


def test_a_file_that_is_misnamed_is_told_instead(prompted, capsys):
    path = Path("prompts", "mood", "prompt_1.txt")
    path.parent.mkdir(parents=True)
    shutil.copy("project.yaml", path)

    assert main([]) == 1
    assert "P012" in capsys.readouterr().out
