"""What the tests of runs share: a model that needs no library, logged runs, a tracker."""

import shutil
from pathlib import Path

import nlp.model
from small import HERE, commit

from nlp_gitops import files, lineage
from nlp_gitops.project import load_project
from nlp_gitops.tracking import RunLogger
from nlp_gitops.training import train

TAGS = {"task": "text-classification", "language": "en", "license": "internal", "owner": "tests",
        "dataset_version": "small-rows-v1.0.0", "prompt_version": "n/a", "commit": "abcdef0" * 5,
        "dirty": False}
MODEL_PY = """\
import json
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Prediction:
    label: str
    scores: dict


class Words:
    file_format, labels, log_metrics = "json", ("negative", "neutral", "positive"), None

    def __init__(self, seed=0, noisy=False):
        self.draw = import_module("os").urandom if noisy else import_module("random").randbytes

    def train(self, texts, labels):
        self.state = self.draw(16).hex()
        for step in range(3):
            self.log_metrics({"loss": 1 / (step + 1)}, step)

    def predict(self, texts):
        return [Prediction(self.labels[(len(text) + int(self.state, 16)) % 3], {})
                for text in texts]

    def save(self, folder):
        (folder / "model.json").write_text(json.dumps(self.state))

    def tokenize(self, text):
        return text.split()


Model = Words
MODELS = {"words": lambda: Words}


def model_class(kind):
    return MODELS[kind]()
"""


def small_repository(project, monkeypatch):
    """Give a repository the machinery and a model that needs no library; return its root."""
    scope = {}
    exec(MODEL_PY, scope)
    monkeypatch.setitem(nlp.model.MODELS, "words", scope["MODELS"]["words"])
    for name in ("nlp_gitops", "tools"):
        shutil.copytree(HERE / name, project.root / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
    (project.root / "nlp" / "model.py").write_text(MODEL_PY)
    path = project.root / "project.yaml"
    path.write_text(path.read_text().replace("{class: tfidf-logistic, params: {min_df: 1}}",
                                             "{class: words}"))
    commit(project.root, "A small model")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return project.root


def command(capsys, name, *arguments):
    """Run a command's main function in this process; return its exit code and what it printed."""
    source = compile((HERE / "tools" / f"{name}.py").read_text(), f"{name}.py", "exec")
    scope = {"__name__": name, "__file__": str(HERE / "tools" / f"{name}.py"),
             "__doc__": "a command"}
    exec(source, scope)
    capsys.readouterr()
    code = scope["main"](list(arguments))
    return code, capsys.readouterr().out


def trained(root):
    """Train in this process; return the run."""
    project = load_project(root)
    return train(project, project.model())


def logged(folder, metrics=None, finish=True, **more):
    """Log a run of no real model; return the finished run, or the logger."""
    model = more.pop("model", "small")
    logger = RunLogger(folder, model, {**TAGS, **more.pop("tags", {})},
                       lineage.Inputs("d", "n/a", "c"), **more)
    logger.log_metrics(metrics or {"val_f1_macro": 0.5})
    logger.artifact("model").mkdir()
    (logger.artifact("model") / "weights.json").write_text("[]")
    if not finish:
        return logger
    return logger.finish({"model_sha256": files.sha256_tree(logger.artifact("model"))})


class Spy:
    """A tracker that remembers what it was told, and fails where it is asked to."""

    def __init__(self, project="p", root=Path(), fails=""):
        self.told, self.fails = [], fails

    def start(self, name, params, tags):
        self._tell("start", name, dict(params), dict(tags))
        print("hello from a library")
        return "https://tracker.example/1"

    def log_metrics(self, metrics, step):
        self._tell("metrics", dict(metrics), step)

    def log_artifact(self, path, name):
        self._tell("artifact", name, path.read_bytes())

    def finish(self, succeeded):
        self._tell("finish", succeeded)

    def _tell(self, what, *words):
        if what == self.fails:
            raise RuntimeError("no answer from https://me:secret@tracker.example\nmore")
        self.told.append((what, *words))
