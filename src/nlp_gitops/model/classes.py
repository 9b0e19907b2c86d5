"""From the class that a setting or a version names to the class, and a trial of what it stores."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nlp_gitops.core import dotted
from nlp_gitops.core.errors import UsageError, described
from nlp_gitops.core.project import ModelSettings, Project
from nlp_gitops.model import Model, skops_file

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


def try_stored(model: Model, folder: Path, texts: Sequence[str], root: Path, place: str) -> None:
    """Store a model in an empty folder, load it again, and compare the answers to some texts.

    A model that asks a provider is asked about one text, and may answer it otherwise. Raises
    UsageError with the line of the team's code where storing or loading fails, and where the
    loaded model answers otherwise.
    """
    _attempt("save", lambda: model.save(folder), root, place)
    for path in folder.rglob("*.skops"):
        try:
            skops_file.canonicalise(path)
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise UsageError(f"{place}: `save` of {type(model).__name__} wrote {path.name}, which "
                             f"is no file of skops: {described(error)}") from None
    if not any(path.is_file() for path in folder.rglob("*")):
        raise UsageError(f"{place}: `save` of {type(model).__name__} wrote no file")
    loaded = _attempt("load", lambda: type(model).load(folder), root, place)
    if not callable(getattr(loaded, "predict", None)):
        raise UsageError(f"{place}: `load` of {type(model).__name__} gave a "
                         f"{type(loaded).__name__}, which predicts nothing; it must return the "
                         "model")
    asks = hasattr(model, "session")
    if hasattr(model, "session"):
        loaded.session, texts = model.session, texts[:1]
    answers = _attempt("predict after load", lambda: loaded.predict(texts), root, place)
    if len(answers) != len(texts):
        raise UsageError(f"{place}: {type(model).__name__} gives {len(answers)} predictions for "
                         f"{len(texts)} texts after save and load")
    if asks:
        return
    for text, before, after in zip(texts, model.predict(texts), answers, strict=True):
        if before.label != after.label:
            raise UsageError(f"{place}: {type(model).__name__} answers {after.label!r} after save "
                             f"and load, and {before.label!r} before, to the text "
                             f"{text[:60]!r}; `load` must restore all that `save` wrote")


def _attempt(what: str, action: Callable[[], Any], root: Path, place: str) -> Any:
    try:
        return action()
    except Exception as error:
        raise UsageError(f"{place}: `{what}` failed: {described(error)}; "
                         f"{dotted.line_of(error, root)}") from None
