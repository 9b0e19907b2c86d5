"""Is the package that runs the one that this repository locks? Looked at before a command runs.

A repository holds the wheel in `vendor/` and locks it by its hash in `requirements.txt`.
"""

import hashlib
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import nlp_gitops
from nlp_gitops.core.errors import UsageError

LOCK = "requirements.txt"
_LINE = re.compile(r"^\./(?P<wheel>vendor/nlp_gitops-\S+\.whl)\s*\\?\s*--hash=sha256:"
                   r"(?P<sha256>[0-9a-f]{64})", re.MULTILINE)
_MEMORY = ".cache/installation"
_RECORD = re.compile(r"nlp_gitops-[^/]+\.dist-info/RECORD")


def require_whole(here: Path) -> None:
    """Raise UsageError unless wheel, lock line and installed package are one.

    Says nothing outside a repository, and in one that does not lock the wheel: there the package
    was unpacked by `nlp-gitops eject`, or comes from an index.
    """
    root = next((folder for folder in (here, *here.parents)
                 if (folder / "project.yaml").is_file()), None)
    locked = _locked(root / LOCK) if root else None
    if root is None or locked is None:
        return
    wheel = root / locked["wheel"]
    if not wheel.is_file():
        raise UsageError(f"{wheel}: not there, and {LOCK} locks it; type: git checkout -- "
                         f"{locked['wheel']} {LOCK}")
    records = installed_records()
    memory, state = root / _MEMORY, _state([root / LOCK, wheel, *records])
    if _read(memory) == state:
        return
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != locked["sha256"]:
        raise UsageError(f"{wheel}: its sha256 is {found[:12]}…, and {LOCK} locks "
                         f"{locked['sha256'][:12]}…; type: git checkout -- {locked['wheel']} "
                         f"{LOCK}, then make setup")
    _require_installed(wheel, records)
    _remember(memory, state)


def _locked(lock: Path) -> re.Match[str] | None:
    return _LINE.search(_read(lock))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _state(paths: Iterable[Path]) -> str:
    """Return what the file system says of files; any change of one of them changes it."""
    return "".join(f"{path} {about.st_size} {about.st_mtime_ns} {about.st_ctime_ns} "
                   f"{about.st_ino}\n" for path in paths for about in [path.stat()])


def _remember(memory: Path, state: str) -> None:
    try:
        memory.parent.mkdir(exist_ok=True)
        memory.write_text(state, encoding="utf-8")
    except OSError:
        # A read-only checkout only costs the time of looking again.
        return


def _require_installed(wheel: Path, records: list[Path]) -> None:
    """Compare the records of what was installed with the wheel's own."""
    if len(records) > 1:
        raise UsageError("nlp-gitops is installed twice: "
                         + ", ".join(str(path.parent) for path in records)
                         + "; take one away: python -m pip uninstall nlp-gitops, then make setup")
    for record in records:
        if _package_lines(record.read_text(encoding="utf-8")) != _package_lines(_record(wheel)):
            raise UsageError(f"the installed nlp-gitops ({record.parent.parent}) is not the one "
                             f"in {wheel.parent.name}/{wheel.name}; type: make setup")


def installed_records() -> list[Path]:
    """Return the RECORD of each installed copy; none where the package runs from its source."""
    running = Path(nlp_gitops.__file__).resolve().parent.parent
    found: dict[Path, None] = {}
    for folder in dict.fromkeys([str(running), *sys.path]):
        for record in Path(folder or ".").glob("nlp_gitops-*.dist-info/RECORD"):
            if "nlp_gitops/__init__.py" in record.read_text(encoding="utf-8"):
                found[record.resolve()] = None
    return list(found) if any(path.parent.parent == running for path in found) else []


def _record(wheel: Path) -> str:
    import zipfile

    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if _RECORD.fullmatch(name))
            return archive.read(name).decode("utf-8")
    except (zipfile.BadZipFile, StopIteration):
        raise UsageError(f"{wheel}: not a wheel of nlp-gitops; type: git checkout -- "
                         f"{wheel.parent.name}") from None


def _package_lines(record: str) -> list[str]:
    """Return the lines about the package's own files; installers add others."""
    return sorted(line for line in record.splitlines()
                  if line.startswith("nlp_gitops/") and ".pyc," not in line)
