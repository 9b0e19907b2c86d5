"""A team says where texts lie: from its own `embed` through the registry to the report."""

import sys

import jsonschema
import pytest
from drift_team import SCHEMA, logged, produced, texts

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.core.project import load_project
from nlp_gitops.drift import command, reference
from nlp_gitops.drift.command import Wish
from nlp_gitops.training import train

HASHED = """\
from sklearn.feature_extraction.text import HashingVectorizer

from nlp.classifiers import TfidfLogistic


class Sentences:
    def embed(self, texts):
        return HashingVectorizer(n_features=48).transform(texts).toarray()


class Hashed(Sentences, TfidfLogistic):
    pass
"""
SETTINGS = "drift: {min_rows: 100}\n"


@pytest.fixture(params=["the model's class", "a class of its own"])
def team(request, project, monkeypatch):
    """A team with such a class: that of its model, or one that drift.embedder names."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    (project.root / "nlp" / "embedding.py").write_text(HASHED)
    settings = project.root / "project.yaml"
    if request.param == "the model's class":
        settings.write_text(settings.read_text().replace(
            "nlp.classifiers:TfidfLogistic", "nlp.embedding:Hashed"))
        return produced(project.root, SETTINGS)
    return produced(project.root, SETTINGS.replace("}", ", embedder: nlp.embedding:Sentences}"))


@pytest.mark.parametrize("source, said", [
    ("", "nlp/embedding.py has no Sentences; nothing of its kind is there"),
    ("class Sentences:\n    pass\n", "nlp.embedding:Sentences has no method embed"),
    ("class Sentences:\n    def __init__(self, size):\n        pass\n",
     "nlp.embedding:Sentences cannot be made: TypeError: Sentences.__init__() missing 1 required")])
def test_an_embedder_that_is_none_is_told_before_anything_is_trained(project, source, said):
    (project.root / "nlp" / "embedding.py").write_text(source)
    settings = project.root / "project.yaml"
    settings.write_text(settings.read_text() + "drift: {embedder: nlp.embedding:Sentences}\n")
    changed = load_project(project.root)

    with pytest.raises(UsageError) as error:
        train(changed, changed.model())

    assert str(error.value).startswith(f"{settings}:10:9: {said}")
    assert not (project.root / "runs").exists()


def embedding(team, log):
    """Return the embedding's signal of a report on a log."""
    found = command.make(team, Wish(current=(str(log),), registry="local"), team.root / "out")
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found["slices"]["all"]["embedding"]


def test_drift_is_looked_for_where_the_teams_class_puts_the_texts(team, tmp_path, monkeypatch):
    same = logged(tmp_path / "same", texts(400, 2))
    other = logged(tmp_path / "other", texts(400, 3, about="our parcel was lost on its way"))

    packed = reference.load(team, ModelRef.parse("small@v1.0.0"), "local")
    assert packed.embedder.model and packed.embedder.size == 48
    assert embedding(team, same)["verdict"] == "OK"
    assert embedding(team, other)["verdict"] == "ALERT"

    monkeypatch.delattr(sys.modules["nlp.embedding"].Sentences, "embed")
    with pytest.raises(NotMeasured, match="packed with an `embed` of its class|no method embed"):
        embedding(team, same)
