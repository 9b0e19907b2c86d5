"""The team's code by dotted path, such as `nlp.classifiers:TfidfLogistic` in project.yaml.

The package never imports `nlp` by name. It loads what settings name, from the repository that the
command works in, and tells what is wrong with a path in one line.
"""

import difflib
import importlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from nlp_gitops.errors import UsageError

_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
# What versions that were registered before classes were dotted paths say of their class.
EARLIER = {"tfidf-logistic": "nlp.classifiers:TfidfLogistic",
           "prompted": "nlp_gitops.llm.classifier:PromptClassifier"}


def load(path: str, root: Path, place: str) -> Any:
    """Return what `module:Name` names, in the repository at `root`.

    Raises UsageError, whose one line begins with `place`, where the path names nothing.
    """
    if not _PATH.fullmatch(path):
        hint = f"; it is {EARLIER[path]} now" if path in EARLIER else ""
        raise UsageError(f"{place}: {path!r} is not a dotted path; write module:Name, such as "
                         f"nlp.classifiers:TfidfLogistic{hint}")
    module_name, _, name = path.partition(":")
    module = _module(module_name, root, place)
    try:
        return getattr(module, name)
    except AttributeError:
        raise UsageError(f"{place}: {_file(module, root)} has no {name}; "
                         f"{_instead(name, public_names(module))}") from None


def present(path: str) -> str:
    """Return the dotted path of a class as registered versions record it."""
    return EARLIER.get(path, path)


def public_names(module: ModuleType) -> list[str]:
    """Return the classes and functions that a module defines itself."""
    return sorted(name for name, value in vars(module).items()
                  if not name.startswith("_") and callable(value)
                  and getattr(value, "__module__", None) == module.__name__)


def _module(name: str, root: Path, place: str) -> ModuleType:
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    _refuse_anothers(name.partition(".")[0], root, place)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise UsageError(f"{place}: no module {error.name!r}; "
                             f"{_instead(name, modules(root, name))}") from None
        raise UsageError(f"{place}: {name} imports {error.name}, which is not installed; "
                         f"{line_of(error, root)}") from None
    except Exception as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise UsageError(f"{place}: {name} cannot be imported: {type(error).__name__}: {reason}; "
                         f"{line_of(error, root)}") from None


def _refuse_anothers(package: str, root: Path, place: str) -> None:
    """Raise UsageError if a package that this repository has comes from elsewhere."""
    here = root / package
    if not here.is_dir() and not here.with_suffix(".py").is_file():
        return
    loaded = sys.modules.get(package)
    spec = loaded.__spec__ if loaded else importlib.util.find_spec(package)
    found = [Path(found) for found in ((spec.submodule_search_locations or [spec.origin])
                                       if spec else []) if found]
    if found and not any(path.resolve().is_relative_to(root.resolve()) for path in found):
        raise UsageError(f"{place}: the package {package} is that of another project, {found[0]}; "
                         f"take it off PYTHONPATH or uninstall it")


def modules(root: Path, name: str) -> list[str]:
    """Return the modules beside the one that was looked for."""
    folder = root.joinpath(*name.split(".")[:-1])
    return sorted(".".join(path.relative_to(root).with_suffix("").parts)
                  for path in folder.glob("*.py") if path.stem != "__init__") if (
                      folder.is_dir() and folder != root) else []


def _instead(name: str, there: list[str]) -> str:
    if not there:
        return "nothing of its kind is there"
    close = difflib.get_close_matches(name, there, 1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"{meant}there are {', '.join(there)}" if len(there) > 1 else f"there is {there[0]}"


def line_of(error: BaseException, root: Path) -> str:
    """Return where in the team's own code an error arose, as `see file:line`."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"see {_relative(Path(error.filename), root)}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if Path(frame.filename).is_relative_to(root)]
    return (f"see {_relative(Path(frames[-1].filename), root)}:{frames[-1].lineno}" if frames
            else "see its own message")


def _file(module: ModuleType, root: Path) -> str:
    return _relative(Path(module.__file__), root) if module.__file__ else module.__name__


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
