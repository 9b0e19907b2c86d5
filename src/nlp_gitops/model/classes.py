"""From the class that a setting or a stored version names to the class itself."""

from pathlib import Path
from typing import Any

from nlp_gitops.core import dotted
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import ModelSettings, Project

METHODS = ("train", "predict", "save", "load", "tokenize")


def configured(project: Project, settings: ModelSettings) -> type[Any]:
    """Return the class that project.yaml names for a model; raise UsageError if it names none."""
    return named(settings.kind, project.root, project.where("models", settings.name, "class"))


def stored(kind: str, root: Path, what: str) -> type[Any]:
    """Return the class that made a run or a version; raise UsageError if `nlp/` has it no more."""
    return named(dotted.present(kind), root, f"{what}: class {kind}")


def named(path: str, root: Path, place: str) -> type[Any]:
    """Return a model class by its dotted path; raise UsageError for anything else."""
    found = dotted.load(path, root, place)
    if not isinstance(found, type):
        raise UsageError(f"{place}: {path} is a {type(found).__name__}, not a class")
    missing = [name for name in METHODS if not callable(getattr(found, name, None))]
    if missing or not isinstance(getattr(found, "file_format", None), str):
        raise UsageError(f"{place}: {path} has no {', '.join(missing or ['file_format'])}; "
                         "nlp_gitops.model.Model says what a model has: nlp-gitops help model")
    return found
