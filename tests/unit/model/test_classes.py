"""From the dotted path of a setting or a stored version to the class of a model."""

import pytest
from small import HERE

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import load_project
from nlp_gitops.model import classes

WHOLE = """\
class Whole:
    file_format = "json"
    def train(self, texts, labels): ...
    def predict(self, texts): ...
    def save(self, folder): ...
    @classmethod
    def load(cls, folder): ...
    def tokenize(self, text): ...
"""


def named(root, source):
    """Return the class of this source."""
    (root / "nlp").mkdir(exist_ok=True)
    (root / "nlp" / "mine.py").write_text(source)
    return classes.named("nlp.mine:Whole", root, "here")


def test_project_yaml_names_the_class_of_a_model(project):
    assert classes.configured(project, project.model()).__name__ == "TfidfLogistic"


def test_a_class_that_is_not_there_is_told_where_the_setting_stands(project):
    path = project.root / "project.yaml"
    path.write_text(path.read_text().replace(":TfidfLogistic", ":TfidfLogistics"))
    changed = load_project(project.root)

    with pytest.raises(UsageError) as error:
        classes.configured(changed, changed.model())

    assert str(error.value) == (f"{path}:9:11: nlp/classifiers.py has no TfidfLogistics; "
                                "there is TfidfLogistic")


def test_a_version_is_loaded_by_the_class_that_made_it_by_its_earlier_name_too(project):
    for kind in ("nlp.classifiers:TfidfLogistic", "tfidf-logistic"):
        assert classes.stored(kind, project.root, "m@v1.0.0").__name__ == "TfidfLogistic"
    for kind in ("prompted", "nlp_gitops.llm:PromptClassifier"):
        assert classes.stored(kind, project.root, "m@v1.0.0").__name__ == "PromptClassifier"


def test_a_version_whose_class_is_gone_is_named_with_it(project):
    with pytest.raises(UsageError, match=(
            "^m@v1.0.0: class nlp.gone:Mine: no module 'nlp.gone'; there are nlp.classifiers")):
        classes.stored("nlp.gone:Mine", project.root, "m@v1.0.0")


@pytest.mark.parametrize("path", ["nlp.classifiers:TfidfLogistic", "nlp.prompted:PromptModel",
                                  "nlp_gitops.llm:PromptClassifier"])
def test_the_classes_that_are_shipped_have_all_that_a_model_has(path):
    assert classes.named(path, HERE, "here").file_format in ("skops", "json")


@pytest.mark.parametrize("path, kind", [("nlp.preprocess:normalize", "function"),
                                        ("nlp.classifiers:TRUSTED_TYPES", "tuple")])
def test_what_is_no_class_is_no_model(path, kind):
    with pytest.raises(UsageError, match=f"^here: {path} is a {kind}, not a class$"):
        classes.named(path, HERE, "here")


@pytest.mark.parametrize("old, new, missing", [
    ("def load", "def read", "load"), ("def predict", "def guess", "predict"),
    ("def save(self, folder): ...", "save = 3", "save"),
    ("def tokenize", "def split", "tokenize"), ("def train", "def fit", "train"),
    ('file_format = "json"', "file_format = 3", "file_format"),
    ('file_format = "json"', "", "file_format")])
def test_a_class_that_lacks_a_part_of_a_model_is_told_which(tmp_path, old, new, missing):
    with pytest.raises(UsageError) as error:
        named(tmp_path, WHOLE.replace(old, new))

    assert str(error.value) == (f"here: nlp.mine:Whole has no {missing}; nlp_gitops.model.Model "
                                "says what a model has: nlp-gitops help model")


def test_all_that_is_missing_is_told_at_once(tmp_path):
    with pytest.raises(UsageError, match="has no train, predict, save, load, tokenize;"):
        named(tmp_path, "class Whole:\n    pass\n")


def test_a_class_that_has_all_of_it_is_a_model(tmp_path):
    assert named(tmp_path, WHOLE).__name__ == "Whole"
