"""A team's own class says where texts lie: from its `embed` to the drift report."""

import json

import pytest
import yaml
from conftest import bake, commit, tool, with_venv

CLASS = """
from sklearn.feature_extraction.text import HashingVectorizer

from nlp.classifiers import TfidfLogistic


class Hashed(TfidfLogistic):
    def embed(self, texts):
        return HashingVectorizer(n_features=48).transform(texts).toarray()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, venv):
    """A team whose model in production has an `embed`, and rows of its validation split."""
    folder = with_venv(bake(tmp_path_factory.mktemp("embedding") / "out"), venv)
    (folder / "nlp" / "hashed.py").write_text(CLASS)
    door = folder / "nlp" / "model.py"
    door.write_text(door.read_text() + """

def _hashed() -> type[Any]:
    from nlp.hashed import Hashed
    return Hashed


MODELS["hashed"] = _hashed
""")
    settings = folder / "project.yaml"
    value = yaml.safe_load(settings.read_text())
    value["models"]["review-sentiment"]["class"] = "hashed"
    value["drift"] = {**(value.get("drift") or {}), "min_rows": 100}
    settings.write_text(yaml.safe_dump(value, sort_keys=False))
    commit(folder, "A class of our own")
    return folder


def log(path, texts):
    path.write_text("".join(json.dumps({"label": "positive", "text": text}) + "\n"
                            for text in texts))
    return path


def drift(project, path):
    """Compare a log with the packed reference."""
    return tool(project, "drift_report", "--reference", "review-sentiment@v1.0.0", "--current",
                str(path), "--registry", "local", check=False)


def embedding(project, path):
    """Return the embedding's signal of a report on a log."""
    done = drift(project, path)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads((project / "reports" / "drift" / "report.json").read_text())
    return report["slices"]["all"]["embedding"]


def test_drift_is_looked_for_where_the_teams_class_puts_the_texts(project):
    tool(project, "train")
    tool(project, "pack_model")
    tool(project, "push_to_registry", "--stage", "Staging", "--registry", "local")
    rows = [json.loads(line) for line in open(project / "data" / "valid.jsonl")]
    texts = [row["text"] for row in rows]

    same, other = (embedding(project, log(project / name, some)) for name, some in (
        ("same.jsonl", texts * 2), ("other.jsonl", ["the parcel was lost on its way"] * 400)))

    assert same["verdict"] == "OK" and other["verdict"] in ("WARN", "ALERT"), (same, other)
    (project / "nlp" / "hashed.py").write_text(CLASS.replace("def embed", "def elsewhere"))
    refused = drift(project, project / "same.jsonl")
    assert refused.returncode == 2 and "`embed`" in refused.stderr
