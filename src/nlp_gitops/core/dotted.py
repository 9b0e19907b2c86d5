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
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from nlp_gitops.core.errors import UsageError, UserError, described

_PACKAGE = Path(__file__).parents[1]
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
# What versions that were registered before classes were dotted paths say of their class.
EARLIER = {"tfidf-logistic": "nlp.classifiers:TfidfLogistic",
           "prompted": "nlp_gitops.llm.classifier:PromptClassifier"}


def load(path: str, root: Path, place: str) -> Any:
    """Return what `module:Name` names, in the repository at `root`.

    Raises UsageError, whose one line begins with `place`, where the path names nothing.
    """
    if not is_path(path):
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


def make(path: str, root: Path, place: str, *arguments: Any) -> Any:
    """Return an object of the class that `module:Name` names; raise UsageError if there is none."""
    found = load(path, root, place)
    try:
        return found(*arguments)
    except UserError:
        raise
    except Exception as error:
        raise UsageError(f"{place}: {path} cannot be made: {described(error)}; "
                         f"{line_of(error, root)}") from None


def require(found: Any, methods: Sequence[str], path: str, place: str) -> None:
    """Raise UsageError unless an object has these methods."""
    missing = [name for name in methods if not callable(getattr(found, name, None))]
    if missing:
        raise UsageError(f"{place}: {path} has no method {', '.join(missing)}")


def is_path(text: str) -> bool:
    """Say whether a text has the form `module:Name`."""
    return bool(_PATH.fullmatch(text))


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
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name:
            why = _missing(error, error.name, name, root)
        else:
            why = f"{name} cannot be imported: {described(error)}; {line_of(error, root)}"
        raise UsageError(f"{place}: {why}") from None


def _missing(error: ModuleNotFoundError, missing: str, name: str, root: Path) -> str:
    """Return in words that the module `name` is not there, or what it imports is not."""
    if name == missing or name.startswith(f"{missing}."):
        return f"no module {missing!r}; {_instead(name, modules(root, name))}"
    where = f"; {line_of(error, root)}" if _own_frames(error, root) else ""
    if _is_here(missing.partition(".")[0], root):
        return f"{name} imports {missing}, which is not there{where}"
    return f"the package {missing} is not installed; type: pip install {missing}{where}"


def _refuse_anothers(package: str, root: Path, place: str) -> None:
    """Raise UsageError if a package that this repository has comes from elsewhere."""
    if not _is_here(package, root):
        return
    loaded = sys.modules.get(package)
    spec = loaded.__spec__ if loaded else importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or [str(spec.origin or "")]) if spec else []
    found = [Path(place) for place in places if place]
    if found and not any(path.resolve().is_relative_to(root.resolve()) for path in found):
        raise UsageError(f"{place}: the package {package} is that of another project, {found[0]}; "
                         f"take it off PYTHONPATH or uninstall it")


def _is_here(package: str, root: Path) -> bool:
    return (root / package).is_dir() or (root / f"{package}.py").is_file()


def modules(root: Path, name: str) -> list[str]:
    """Return the modules beside the one that was looked for."""
    folder = root.joinpath(*name.split(".")[:-1])
    return sorted(".".join(path.relative_to(root).with_suffix("").parts)
                  for path in folder.glob("*.py") if path.stem != "__init__") if (
                      folder.is_dir() and folder != root) else []


def _instead(name: str, there: list[str]) -> str:
    if not there:
        return "nothing of its kind is there"
    # What all of them begin with says nothing.
    tails = {text.rpartition(".")[2]: text for text in there}
    close = difflib.get_close_matches(name.rpartition(".")[2], tails, 1)
    meant = f"did you mean {tails[close[0]]}? " if close else ""
    return f"{meant}there are {', '.join(there)}" if len(there) > 1 else f"there is {there[0]}"


def line_of(error: BaseException, root: Path) -> str:
    """Return where in the team's own code an error arose, as `see file:line`."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"see {_relative(Path(error.filename), root)}:{error.lineno}"
    frames = _own_frames(error, root)
    return (f"see {_relative(Path(frames[-1].filename), root)}:{frames[-1].lineno}" if frames
            else "no line of this repository is part of it")


def _own_frames(error: BaseException, root: Path) -> list[traceback.FrameSummary]:
    """Return what was called in the team's code; `.venv`, or this package, may lie in `root` too.
    """
    return [frame for frame in traceback.extract_tb(error.__traceback__)
            if (path := Path(frame.filename)).is_relative_to(root)
            and "site-packages" not in path.parts and not path.is_relative_to(_PACKAGE)]


def _file(module: ModuleType, root: Path) -> str:
    return _relative(Path(module.__file__), root) if module.__file__ else module.__name__


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
