"""What training finds out about storing a model, by storing it and loading it again."""

import pytest

from nlp_gitops import tracking
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.model import Prediction
from nlp_gitops.model.classes import try_stored
from nlp_gitops.training import TRIED, train

COUNTING = '''\
"""A model that counts, and stores what it counted."""
import json
from nlp_gitops.model import Prediction


class Counting:
    file_format, labels = "json", ("negative", "neutral", "positive")

    def train(self, texts, labels):
        self.shift = len(texts)

    def predict(self, texts):
        return [Prediction(self.labels[(len(text) + self.shift) % 3], {}) for text in texts]

    def save(self, folder):
        (folder / "model.json").write_text(json.dumps(self.shift))

    @classmethod
    def load(cls, folder):
        found = cls()
        found.shift = json.loads((folder / "model.json").read_text())
        return found

    def tokenize(self, text):
        return text.split()

    def embed(self, texts):
        return [[1, len(text)] for text in texts]
'''
SAVE = '        (folder / "model.json").write_text(json.dumps(self.shift))\n'
LOAD = '        found.shift = json.loads((folder / "model.json").read_text())\n'
RAISE = '        raise OSError("no room on https://me:secret@disk\\nmore")\n'


@pytest.fixture
def counting(project):
    """Return a function that trains such a model, with a change in its source."""
    # Without a valid split nothing is drawn.
    project.dataset.write_text(project.dataset.read_text().replace("valid: valid.jsonl, ", ""))

    def trained(old="", new=""):
        assert old in COUNTING
        (project.root / "nlp" / "counting.py").write_text(COUNTING.replace(old, new))
        path = project.root / "project.yaml"
        path.write_text(path.read_text().replace(
            "{class: nlp.classifiers:TfidfLogistic, params: {min_df: 1}}",
            "{class: nlp.counting:Counting}"))
        changed = load_project(project.root)
        return train(changed, changed.model())

    return trained


def test_a_model_that_comes_back_as_it_was_is_a_run(counting):
    run = counting()

    assert [path.name for path in run.model_folder.iterdir()] == ["model.json"]


@pytest.mark.parametrize("old, new, said", [
    (SAVE, RAISE, "`save` failed: OSError: no room on https://disk; see nlp/counting.py:16"),
    (SAVE, "        self.tally\n", "`save` failed: AttributeError: 'Counting' object has no "
     "attribute 'tally'; see nlp/counting.py:16"),
    (SAVE, "        pass\n", "`save` of Counting wrote no file"),
    (SAVE, '        (folder / "empty").mkdir()\n', "`save` of Counting wrote no file"),
    (SAVE, '        (folder / "m.skops").write_text("")\n', "`save` of Counting wrote m.skops, "
     "which is no file of skops: BadZipFile: File is not a zip file"),
    (LOAD, RAISE, "`load` failed: OSError: no room on https://disk; see nlp/counting.py:21"),
    (LOAD, LOAD.replace("model.json", "other.json"), "`load` failed: FileNotFoundError: "),
    (LOAD, "", "`predict after load` failed: AttributeError: 'Counting' object has no attribute "
     "'shift'; see nlp/counting.py:13"),
    ("        return found\n", "", "`load` of Counting gave a NoneType, which predicts nothing; "
     "it must return the model"),
    (LOAD, "        found.shift = 1\n", "Counting answers 'negative' after save and load, and "
     "'positive' before, to the text 'The kettle number 0 of train: broke at once.'; `load` must "
     "restore all that `save` wrote"),
    (LOAD, LOAD + "        found.predict = lambda texts: []\n", "Counting gives 0 predictions for "
     f"{TRIED} texts after save and load")])
def test_a_fault_in_storing_is_one_line_while_it_is_trained(project, counting, old, new, said):
    with pytest.raises(UsageError) as error:
        counting(old, new)

    text = str(error.value)
    assert text.startswith(f"{project.root / 'project.yaml'}:9:11: {said}")
    assert "\n" not in text and "secret" not in text
    assert tracking.all_runs(project.root / "runs") == []


class Asking:
    """A model that asks a provider, whose answers may differ from time to time."""

    labels, session, asked = ("a", "b"), None, []

    def predict(self, texts):
        Asking.asked.append((self.session, list(texts)))
        return [Prediction("ab"[len(Asking.asked) % 2], {}) for _ in texts]

    def save(self, folder):
        (folder / "prompt.txt").write_text("?")

    @classmethod
    def load(cls, folder):
        return cls()


def test_a_model_that_asks_a_provider_is_asked_about_one_text_in_its_session(tmp_path):
    model = Asking()
    model.session = "paid by us"

    try_stored(model, tmp_path, ["one", "two"], tmp_path, "here")

    assert Asking.asked == [("paid by us", ["one"])]
