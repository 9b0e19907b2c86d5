"""project.yaml: settings, and where a wrong one is found."""

import pytest

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.core.yamlfile import parse


def replace(project, old, new):
    path = project.root / "project.yaml"
    path.write_text(path.read_text().replace(old, new))
    return lambda: load_project(project.root)


def test_the_first_model_is_the_default(project):
    assert project.model().name == "small"


def test_an_unknown_model_lists_the_known_ones(project):
    with pytest.raises(UsageError, match="no model 'other'; there are small"):
        project.model("other")


@pytest.mark.parametrize("old, new, complaint", [
    ("license: internal", "license: Foo-1", "project.yaml:7:1: 'Foo-1' is not a valid SPDX"),
    ("language: en", "language: english!", "project.yaml:6:1: 'english!' is no BCP 47"),
    ("  small:", "  Small_1:", "project.yaml:9:3: 'Small_1' is not a model name"),
    ("owner: tests\n", "", "'owner' is missing"),
    ("task: text", "task: test", "project.yaml:5:1: task"),
    ("name: small", "name: small\nnaem: x", "unknown key"),
    ("name: small", "name: small\nname: x", "duplicate key"),
])
def test_a_wrong_setting_is_refused_with_its_place(project, old, new, complaint):
    load = replace(project, old, new)

    with pytest.raises(UsageError) as error:
        load()

    assert complaint in str(error.value)


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x", "[" * 5000, "a: 1\x00", "a: !!python/none x",
                                  "a: " + "9" * 5000, "? [1]\n: 2", "a: b: c", "\ta: 1"])
def test_hostile_yaml_is_one_line_not_a_crash(tmp_path, text):
    with pytest.raises(UsageError) as error:
        parse(text, tmp_path / "x.yaml")

    assert "\n" not in str(error.value)
