"""A line for each file that adopting left alone: what to take over from the template's by hand."""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nlp_gitops.repository.eject import extras_of

_RULE = re.compile(r"^([A-Za-z][\w \t-]*):(?!=)", re.MULTILINE)
_CALLED = re.compile(r"\bmake ((?:[a-z][\w-]*\s+)*[a-z][\w-]*)")


def advise(name: str, theirs: Path, generated: Path) -> str:
    """Return what to do about a file that stays theirs; empty where nothing needs it.

    `theirs` and `generated` are the roots of the two repositories.
    """
    if name.startswith(".github/workflows/"):
        return ("the template's workflow of this name does not run; merge its jobs into yours, or "
                "rename yours")
    if name.startswith("data/") and name.endswith(".jsonl"):
        return ("the manifest may describe the template's rows; make a dataset of yours: "
                "python tools/import_dataset.py FILE")
    if name.startswith(("tests/", "nlp/", "tools/")):
        return "the template's files beside it may need what its own has; compare the two"
    find = _FILES.get(name)
    return find(_read(theirs / name), _read(generated / name), generated) if find else ""


def wheel_of(generated: Path) -> str:
    """Return the path of the wheel in vendor/."""
    return next((f"vendor/{path.name}" for path in generated.glob("vendor/nlp_gitops-*.whl")),
                "vendor/nlp_gitops-….whl")


def _makefile(theirs: str, ours: str, generated: Path) -> str:
    texts = [_read(path) for path in (generated / ".github").rglob("*.y*ml")]
    # What is said about requirements.txt asks for `lock`.
    called = {"lock", *" ".join(words for text in texts for words in _CALLED.findall(text)).split()}
    has = _targets(theirs)
    lacking = [target for target in _targets(ours) if target in called and target not in has]
    if not lacking:
        return "it has every target that the workflows call; see that they do the same"
    return "workflows call targets that it lacks; take them over: " + " ".join(lacking)


def _targets(makefile: str) -> list[str]:
    return list(dict.fromkeys(" ".join(_RULE.findall(makefile)).split()))


def _pyproject(theirs: str, ours: str, generated: Path) -> str:
    has, needed = _toml(theirs), _toml(ours)
    lines = []
    named = next((item for item in _list(needed, "project", "dependencies")
                  if item.startswith("nlp-gitops")), None)
    if named and extras_of(theirs) is None:
        lines.append(f'in dependencies: "{named}"')
    if "dev" not in _table(has, "project", "optional-dependencies"):
        dev = _list(needed, "project", "optional-dependencies", "dev")
        lines.append(f"in [project.optional-dependencies]: dev = {_strings(dev)}")
    if "requires-python" not in _table(has, "project"):
        lines.append("in [project]: requires-python = "
                     f'"{_table(needed, "project").get("requires-python", ">=3.11")}"')
    if "." not in _list(has, "tool", "pytest", "ini_options", "pythonpath"):
        lines.append('in [tool.pytest.ini_options]: pythonpath = ["."]')
    return f"add {'; '.join(lines)}; then make lock" if lines else ""


def _requirements(theirs: str, ours: str, generated: Path) -> str:
    wheel = wheel_of(generated)
    if "vendor/nlp_gitops-" in theirs:
        return ""
    if "--hash=" in theirs:
        return (f"add ./{wheel} with its hash and the packages it needs; make lock rewrites it "
                "from pyproject.toml")
    extras = ",".join(extras_of(_read(generated / "pyproject.toml")) or ())
    return (f"add ./{wheel}[{extras}] to install the package from it; make setup and the workflows "
            "want a lock by hash: what yours names goes to dependencies of pyproject.toml, then "
            "make lock rewrites it")


def _gitignore(theirs: str, ours: str, generated: Path) -> str:
    has = {line.strip().strip("/") for line in theirs.splitlines()}
    lacking = [line for line in ours.splitlines()
               if line and not line.startswith("#") and line.strip("/") not in has]
    return "add: " + " ".join(lacking) if lacking else ""


def _flake8(theirs: str, ours: str, generated: Path) -> str:
    lines = [line for line in ours.splitlines() if "=" in line]
    return "make lint reads yours; the template's has " + "; ".join(lines)


def _readme(theirs: str, ours: str, generated: Path) -> str:
    return "the template's says what is where and what to type; take over what your team needs"


def _owners(theirs: str, ours: str, generated: Path) -> str:
    return "name who reviews gates.yaml, data/, project.yaml, vendor/ and requirements.txt"


_FILES: Mapping[str, Callable[[str, str, Path], str]] = {
    "Makefile": _makefile, "pyproject.toml": _pyproject, "requirements.txt": _requirements,
    ".gitignore": _gitignore, ".flake8": _flake8, "README.md": _readme,
    ".github/CODEOWNERS": _owners}


def _read(path: Path) -> str:
    """Return a text; nothing for any other file."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _table(value: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _list(value: Any, *keys: str) -> list[str]:
    found = _table(value, *keys[:-1]).get(keys[-1])
    return [str(item) for item in found] if isinstance(found, list) else []


def _strings(items: list[str]) -> str:
    return "[" + ", ".join(f'"{item}"' for item in items) + "]"
