"""A team's own class says where texts lie: from its `embed` through the registry to the report."""

import jsonschema
import pytest
import yaml
from small import commit, write_rows
from sklearn.feature_extraction.text import HashingVectorizer
from test_drift_report import SCHEMA, logged, texts
from test_pipeline import registered, to_production

from nlp_gitops.drift import command, reference
from nlp_gitops.drift.command import Wish
from nlp_gitops.errors import NotMeasured
from nlp_gitops.names import ModelRef
from nlp_gitops.project import load_project
from nlp_gitops.registry.connect import connect
from nlp import model as door
from nlp.classifiers import TfidfLogistic


class Hashed(TfidfLogistic):
    """The default model with vectors of hashed words."""

    def embed(self, texts):
        return HashingVectorizer(n_features=48).transform(texts).toarray()


@pytest.fixture
def team(project, monkeypatch):
    """A team with such a model in production."""
    monkeypatch.setitem(door.MODELS, "hashed", lambda: Hashed)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    settings = project.root / "project.yaml"
    value = yaml.safe_load(settings.read_text())
    value["models"]["small"]["class"] = "hashed"
    value["drift"] = {"min_rows": 100}
    settings.write_text(yaml.safe_dump(value, sort_keys=False))
    write_rows(project.root / "data" / "valid.jsonl", texts(300, 1))
    commit(project.root, "A class of our own")
    project = load_project(project.root)
    registry = connect(project, "local")
    registered(project, registry)
    to_production(project, registry)
    return project


def embedding(team, log):
    """Return the embedding's signal of a report on a log."""
    found = command.make(team, Wish(current=(str(log),), registry="local"), team.root / "out")
    jsonschema.validate(found, SCHEMA)
    return found["slices"]["all"]["embedding"]


def test_drift_is_looked_for_where_the_teams_class_puts_the_texts(team, tmp_path, monkeypatch):
    same = logged(tmp_path / "same", texts(400, 2))
    other = logged(tmp_path / "other", texts(400, 3, about="our parcel was lost on its way"))

    packed = reference.load(team, ModelRef.parse("small@v1.0.0"), "local")
    assert packed.embedder.model and packed.embedder.size == 48
    assert embedding(team, same)["verdict"] == "OK"
    assert embedding(team, other)["verdict"] == "ALERT"

    monkeypatch.setitem(door.MODELS, "hashed", lambda: TfidfLogistic)
    with pytest.raises(NotMeasured, match="packed with an `embed` of its class"):
        embedding(team, same)
