"""Metric families that project.yaml names by their dotted paths."""

import pytest

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.evaluation import families

LENGTHS = '''\
class Lengths:
    """A family of one metric."""
    name, metrics, label_metrics = "lengths", ("same_length",), ("length",)
    def table(self, gold, candidate, champion): ...
    def score(self, metric, label, sums): ...
    def support(self, metric, label, sums): ...
    def smallest(self, metric, label, sums): ...
'''


@pytest.fixture(autouse=True)
def families_of_their_own(monkeypatch):
    """Leave no family of a test behind."""
    monkeypatch.setattr(families, "FAMILIES", list(families.BUILT_IN))


@pytest.fixture
def with_metrics(project):
    """Return a function that gives the repository a module and settings."""
    def given(source, *paths):
        (project.root / "nlp" / "metrics.py").write_text(source)
        (project.root / "nlp" / "fine.py").write_text(LENGTHS)
        with open(project.root / "project.yaml", "a") as stream:
            stream.write("metrics:\n" + "".join(f"  - {path}\n" for path in paths))
        return load_project(project.root)

    return given


def test_a_family_of_their_own_is_known_beside_the_built_in_ones(with_metrics):
    families.use(with_metrics(LENGTHS, "nlp.metrics:Lengths"))

    assert families.family_of("same_length").name == "lengths"
    assert families.family_of("length[long]").name == "lengths"
    assert families.family_of("f1_macro").name == "classification"


def test_what_another_repository_named_is_forgotten(with_metrics, project):
    families.use(with_metrics(LENGTHS, "nlp.metrics:Lengths"))

    families.use(project)

    assert families.family_of("same_length") is None
    assert tuple(families.FAMILIES) == families.BUILT_IN


@pytest.mark.parametrize("old, new, said", [
    ("class Lengths", "class Length", "nlp/metrics.py has no Lengths; there is Length"),
    ("def table", "def tables", "nlp.metrics:Lengths has no method table"),
    ("    def s", "    def x", "nlp.metrics:Lengths has no method score, support, smallest"),
    ('("same_length",)', '"same_length"', "nlp.metrics:Lengths has no tuple metrics; nlp-gitops "
     "help gates has an example"),
    ("label_metrics", "labels", "nlp.metrics:Lengths has no tuple label_metrics; nlp-gitops help "
     "gates has an example"),
    ("    def table", "    def __init__(self):\n        1 / 0\n    def table",
     "nlp.metrics:Lengths cannot be made: ZeroDivisionError: division by zero; see "
     "nlp/metrics.py:5")])
def test_a_family_that_is_none_is_one_line_with_its_place(with_metrics, old, new, said):
    assert old in LENGTHS
    changed = with_metrics(LENGTHS.replace(old, new), "nlp.fine:Lengths", "nlp.metrics:Lengths")

    with pytest.raises(UsageError) as error:
        families.use(changed)

    assert str(error.value) == f"{changed.root / 'project.yaml'}:12:5: {said}"
