"""Unpacking the package's source into the repository that uses it, and rewiring what named it.

`pyproject.toml` is changed in its one line that names the package, so that comments stay.
"""

import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from email.parser import Parser
from importlib import metadata
from pathlib import Path

from nlp_gitops.core import files, package_files
from nlp_gitops.core.errors import Conflict, UsageError
from nlp_gitops.core.git import GitError, git

FOLDER = package_files.PACKAGE
LOCKS = ("requirements.txt", "deploy/requirements.txt")
# The template's updates would bring the wheel and its lock lines back.
LEFT_BY_UPDATES = ("vendor", *LOCKS)
# `make lock` leaves lines with this comment out of deploy/requirements.txt.
NOT_SERVING = "# not for serving"
_NAMED = re.compile(r"""^(?P<indent>[ \t]*)(?P<quote>["'])nlp[-_]gitops\s*"""
                    r"""(?:\[(?P<extras>[^\]]*)\])?\s*(?:[@=<>~!;][^"'\n]*)?(?P=quote),?[ \t]*"""
                    r"""(?:\#.*)?\n""", re.MULTILINE)
# What the generated file says about the line, which is no longer so.
_COMMENTS = re.compile(r"^# The machinery lies in vendor/.*\n|^# Extras that may be added: .*\n",
                       re.MULTILINE)
_LOCKED = re.compile(r"^(?:\./)?(?:vendor/nlp_gitops-[^\s\[;\\]+\.whl|nlp[-_]gitops(?![\w.-]))"
                     r"(?:\[(?P<extras>[^\]]*)\])?(?P<rest>(?:.*\\\n)*.*)(?:\n|\Z)", re.MULTILINE)
_EXTRA = re.compile(r"""(?:(?P<rest>.*)\s+and\s+)?extra\s*==\s*['"](?P<extra>[^'"]+)['"]""")
# `make setup` installs no console script any more, and documents and runbooks name it.
_SCRIPT = """\
\t@printf '%s\\n' '#!/bin/sh' 'PYTHONPATH="$(CURDIR)$${PYTHONPATH:+:$$PYTHONPATH}" \\
\t\texec "$(CURDIR)/$(PY)" -m nlp_gitops "$$@"' > $(VENV)/bin/nlp-gitops
\t@chmod +x $(VENV)/bin/nlp-gitops
"""


@dataclass(frozen=True)
class Plan:
    """Files to unpack, files to rewrite, and wheels to remove, by their names below `root`."""

    root: Path
    unpack: dict[str, bytes]
    rewrite: dict[str, bytes]
    remove: tuple[str, ...]


def plan(root: Path) -> Plan:
    """Return what will change; raise before anything does where it cannot be done or undone."""
    if (root / FOLDER).exists() or (root / FOLDER).is_symlink():
        raise Conflict(f"{root / FOLDER}: there already; the source is unpacked once, and then "
                       "it is yours")
    wheels = sorted((root / "vendor").glob("nlp_gitops-*.whl"))
    asked = _requires(wheels)
    rewrite = {name: new for name, change in _changes(root, asked)
               if (new := _changed(root / name, change)) is not None}
    remove = tuple(path.relative_to(root).as_posix() for path in wheels)
    _require_committed(root, [*rewrite, *remove])
    return Plan(root, _source(), rewrite, remove)


def apply(plan: Plan) -> None:
    """Change everything or nothing."""
    with tempfile.TemporaryDirectory(prefix=f".{FOLDER}-", dir=plan.root) as draft, \
            ExitStack() as undo:
        for name, data in plan.unpack.items():
            path = Path(draft) / FOLDER / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        undo.callback(shutil.rmtree, plan.root / FOLDER, ignore_errors=True)
        (Path(draft) / FOLDER).rename(plan.root / FOLDER)
        for name in (*plan.rewrite, *plan.remove):
            path = plan.root / name
            old, mode = path.read_bytes(), path.stat().st_mode
            undo.callback(_put, path, old, mode)
            if name in plan.rewrite:
                _put(path, plan.rewrite[name], mode)
            else:
                path.unlink()
        undo.pop_all()
    vendor = plan.root / "vendor"
    if vendor.is_dir() and not any(vendor.iterdir()):
        vendor.rmdir()


def remarks(plan: Plan) -> list[str]:
    """Return what is left for a person to do, a line each. Asked after `apply`."""
    lines = []
    if "pyproject.toml" not in plan.rewrite:
        lines.append("pyproject.toml named no nlp-gitops; add what nlp_gitops/ imports to your "
                     "dependencies")
    if "Makefile" not in plan.rewrite:
        lines.append("the command nlp-gitops is python -m nlp_gitops from now on")
    ignored = _lines(plan.root, "check-ignore", "--no-index",
                     *(f"{FOLDER}/{name}" for name in plan.unpack))
    if ignored:
        lines.append(f"git ignores {len(ignored)} files of {FOLDER}/, such as {ignored[0]}; fix "
                     ".gitignore, or the next checkout lacks them")
    lines += [f"{where}: names vendor/ still"
              for where in _lines(plan.root, "grep", "-nIF", "vendor/", "--", ".", ":!Makefile",
                                  f":!{FOLDER}", ":!.cruft.json")
              for where in [":".join(where.split(":", 2)[:2])]]
    return lines


def _changes(root: Path, asked: list[str]) -> Iterator[tuple[str, Callable[[str], str]]]:
    """Give each file that may name the package, and what becomes of its text."""
    yield "pyproject.toml", lambda text: without_package(text, asked)
    for name in LOCKS:
        yield name, lambda text: unlocked(text, asked)
    yield "deploy/Dockerfile", _dockerfile
    yield "deploy/Dockerfile.dockerignore", lambda text: re.sub(
        r"^!/?vendor/?$", f"!{FOLDER}", text, flags=re.MULTILINE)
    for name in ("CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS"):
        yield name, _owners
    yield "Makefile", lambda text: text.replace("\t@touch $@\n", f"{_SCRIPT}\t@touch $@\n", 1)
    yield ".cruft.json", _skipping
    for path in (root / ".pre-commit-config.yaml", *sorted((root / ".github").rglob("*.y*ml"))):
        # Not the whole path of a wheel, which nobody can guess a new name for.
        yield path.relative_to(root).as_posix(), lambda text: re.sub(
            r"(?<![\w./-])(\^|\./)?vendor/(?!nlp_gitops-)", rf"\1{FOLDER}/", text)


def _dockerfile(text: str) -> str:
    """The service runs from the source in its work folder; the packages need no wheel."""
    if not re.search(r"^COPY vendor vendor$", text, re.MULTILINE):
        return text
    text = re.sub(r"^COPY vendor vendor\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^COPY nlp nlp$", f"COPY {FOLDER} {FOLDER}\nCOPY nlp nlp", text, count=1,
                  flags=re.MULTILINE)


def _owners(text: str) -> str:
    """Keep the columns."""
    def renamed(line: re.Match[str]) -> str:
        return f"/{FOLDER}/".ljust(len(line[0]) - 1) + " "

    return re.sub(r"^/?vendor/?[ \t]+", renamed, text, flags=re.MULTILINE)


def _skipping(text: str) -> str:
    """Let cruft leave alone what this repository no longer shares with the template."""
    link = json.loads(text)
    link["skip"] = list(dict.fromkeys([*link.get("skip", []), *LEFT_BY_UPDATES]))
    return json.dumps(link, ensure_ascii=False, indent=2) + "\n"


def _requires(wheels: list[Path]) -> list[str]:
    """Return the `Requires-Dist` lines of the wheel in vendor/, else of what is installed."""
    if not wheels:
        return metadata.requires("nlp-gitops") or []
    with zipfile.ZipFile(wheels[-1]) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        about = Parser().parsestr(archive.read(name).decode("utf-8"))
    return about.get_all("Requires-Dist") or []


def _source() -> dict[str, bytes]:
    """Return the package's files; in a checkout of the template its pages lie elsewhere."""
    pages = {f"{package_files.REFERENCE}/{topic}.md": text.encode()
             for topic, text in package_files.reference_pages().items()}
    return {**pages, **package_files.contents()}


def _require_committed(root: Path, names: list[str]) -> None:
    try:
        changed = [name for name in names if git(root, "status", "--porcelain", "--", name)]
    except GitError as error:
        raise UsageError(f"{root}: {error}; ejecting can be undone in a git repository "
                         "only") from None
    if changed:
        raise Conflict(f"{', '.join(changed)}: not committed, and would be rewritten; type: "
                       "git add -A && git commit")


def _changed(path: Path, change: Callable[[str], str]) -> bytes | None:
    """Return a file's new content with its own line ends; None if nothing in it changes."""
    if not path.is_file():
        return None
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None
    new = change(text.replace("\r\n", "\n"))
    new = new.replace("\n", "\r\n") if "\r\n" in text else new
    return None if new == text else new.encode()


def _put(path: Path, data: bytes, mode: int) -> None:
    files.write_atomic(path, data)
    path.chmod(mode & 0o777)


def _lines(root: Path, *words: str) -> list[str]:
    """Return what git found; it ends with 1 where it found nothing."""
    try:
        return git(root, *words).splitlines()
    except GitError as error:
        if error.code != 1:
            raise
        return []


def requirements(metadata: Iterable[str], extras: Collection[str] = ()) -> list[str]:
    """Return what `Requires-Dist` lines ask for with these extras, as lines without `extra ==`."""
    found: dict[str, None] = {}
    for line in metadata:
        name, _, marker = (part.strip() for part in line.partition(";"))
        asked = _EXTRA.fullmatch(marker)
        if asked and asked["extra"] not in extras:
            continue
        rest = ((asked["rest"] or "") if asked else marker).strip()
        if rest.startswith("(") and rest.find(")") == len(rest) - 1:
            rest = rest[1:-1]
        found[f"{name}; {rest}" if rest else name] = None
    return list(found)


def extras_of(pyproject: str) -> tuple[str, ...] | None:
    """Return the extras with which the package is asked for; None if it is not named."""
    named = _NAMED.search(pyproject)
    return _split(named["extras"]) if named else None


def without_package(pyproject: str, metadata: Sequence[str]) -> str:
    """Return pyproject.toml with the package's own requirements in place of the package."""
    named = _NAMED.search(pyproject)
    if named is None:
        return pyproject
    rest = pyproject[:named.start()] + pyproject[named.end():]
    extras = _split(named["extras"])
    # The service needs nothing that only the extra `github` asks for.
    serving = requirements(metadata, [extra for extra in extras if extra != "github"])
    lines = [f"{named['indent']}# What nlp_gitops/ imports.\n"]
    for item in requirements(metadata, extras):
        if re.search(rf"""^\s*["']{re.escape(item)}["']""", rest, re.MULTILINE):
            continue
        comment = "" if item in serving else f"  {NOT_SERVING}"
        lines.append(f'{named["indent"]}"{item}",{comment}\n')
    changed = pyproject[:named.start()] + "".join(lines) + pyproject[named.end():]
    return _COMMENTS.sub("", changed)


def unlocked(lock: str, metadata: Sequence[str]) -> str:
    """Return a lock file without the package.

    Named without a hash, the file is not a full lock, and its requirements come instead.
    """
    def instead(line: re.Match[str]) -> str:
        if "--hash" in line["rest"]:
            return ""
        return "".join(f"{item}\n" for item in requirements(metadata, _split(line["extras"])))

    return _LOCKED.sub(instead, lock)


def _split(extras: str | None) -> tuple[str, ...]:
    return tuple(item.strip() for item in (extras or "").split(",") if item.strip())
