"""What the tests of runs share: a model that needs no library, logged runs, a tracker."""

import shutil
from importlib import import_module
from pathlib import Path

from small import HERE, commit

from nlp_gitops.core import files
from nlp_gitops.core.project import load_project
from nlp_gitops.tracking import RunLogger, lineage
from nlp_gitops.training import train

TAGS = {"task": "text-classification", "language": "en", "license": "internal", "owner": "tests",
        "dataset_version": "small-rows-v1.0.0", "prompt_version": "n/a", "commit": "abcdef0" * 5,
        "dirty": False}
WORDS = """\
import json
import os
import random

from nlp_gitops.model import Prediction


class Words:
    file_format, labels, log_metrics = "json", ("negative", "neutral", "positive"), None

    def __init__(self, seed=0, noisy=False):
        self.draw = os.urandom if noisy else random.randbytes

    def train(self, texts, labels):
        self.state = self.draw(16).hex()
        for step in range(3):
            self.log_metrics({"loss": 1 / (step + 1)}, step)

    def predict(self, texts):
        return [Prediction(self.labels[(len(text) + int(self.state, 16)) % 3], {})
                for text in texts]

    def save(self, folder):
        (folder / "model.json").write_text(json.dumps(self.state))

    @classmethod
    def load(cls, folder):
        found = cls()
        found.state = json.loads((folder / "model.json").read_text())
        return found

    def tokenize(self, text):
        return text.split()

    def embed(self, texts):
        return [[len(text), 1] for text in texts]
"""


def small_repository(project):
    """Give a repository its doors and a model that needs no library; return its root."""
    shutil.copytree(HERE / "tools", project.root / "tools",
                    ignore=shutil.ignore_patterns("__pycache__"))
    (project.root / "nlp" / "words.py").write_text(WORDS)
    path = project.root / "project.yaml"
    path.write_text(path.read_text().replace(
        "{class: nlp.classifiers:TfidfLogistic, params: {min_df: 1}}", "{class: nlp.words:Words}"))
    commit(project.root, "A small model")
    return project.root


def command(capsys, name, *arguments):
    """Run a command's main function in this process; return its exit code and what it printed."""
    capsys.readouterr()
    code = import_module(f"nlp_gitops.cli.{name}").main(list(arguments))
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
