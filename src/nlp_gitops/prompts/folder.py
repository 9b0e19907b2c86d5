"""Where prompts lie: `prompts/NAME/prompt_vX.Y.Z.txt` (or .md), one file a version, all kept."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.findings import Finding
from nlp_gitops.core.names import Version
from nlp_gitops.prompts.file import FILE_NAME, Prompt, load

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

_MEANT_AS_PROMPT = re.compile(r"prompt_v.*(?<!~)|prompt.*\.(?:txt|md)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that is named as a prompt version. Nothing of it has been read."""

    name: str
    version: Version
    path: Path

    @property
    def key(self) -> tuple[str, Version]:
        """Return what must be unique."""
        return self.name, self.version


def versions(folder: Path, name: str) -> dict[Version, Path]:
    """Return the files of one prompt, lowest version first; empty if there is no such prompt."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no prompt's name; use lower case letters, digits, '_' "
                         "and '-', for example classify_sentiment")
    home = folder / name
    if not home.is_dir():
        return {}
    found = sorted((Version.parse(match[1]), home / match[0])
                   for match in map(FILE_NAME.fullmatch, os.listdir(home)) if match)
    for (one, path), (other, twin) in zip(found, found[1:]):
        if one == other:
            raise UsageError(f"{twin}: version {one} is also {path.name}; keep one of them")
    return dict(found)


def current(folder: Path, name: str) -> Prompt:
    """Return the highest version of a prompt; raise UsageError if there is none, or it is bad."""
    found = versions(folder, name)
    if not found:
        raise UsageError(f"{folder / name}: no prompt_vX.Y.Z.txt here; known prompts are "
                         + (", ".join(_names(folder)) or "none"))
    return load(found[max(found)])


def survey(folder: Path) -> tuple[list[Entry], list[Finding]]:
    """Return the prompt files in a folder and one level below, and what is misplaced.

    `folder` may also be the folder of one prompt. Links and hidden files are never followed.
    """
    entries: list[Entry] = []
    findings: list[Finding] = []
    for depth, home, names in _walk(folder, findings):
        for name in names:
            path = home / name
            match = FILE_NAME.fullmatch(name)
            if not match:
                findings.append(_misplaced(path, "a prompt's file name is prompt_vX.Y.Z.txt or .md",
                                           "rename it, or give other files other names"))
            elif depth > 1:
                findings.append(_misplaced(path, "too deep to be found",
                                           "move it to NAME/ directly below the prompts folder"))
            elif not NAME.fullmatch(home.absolute().name):
                findings.append(_misplaced(
                    path, f"the folder {home.absolute().name!r} cannot be a prompt's name",
                    "use lower case letters, digits, '_' and '-'"))
            else:
                entries.append(Entry(home.absolute().name, Version.parse(match[1]), path))
    return sorted(entries, key=lambda entry: (*entry.key, entry.path.name)), findings


def shown(path: Path) -> str:
    """Return a path as one printable line, whatever bytes it is made of."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _walk(folder: Path, findings: list[Finding]) -> list[tuple[int, Path, list[str]]]:
    """Return (depth, folder, names of files meant as prompts) for up to two levels below."""
    places = []
    for root, folders, files in os.walk(folder, onerror=_raise):
        home = Path(root)
        depth = len(home.relative_to(folder).parts)
        for name in list(folders):
            path = home / name
            if FILE_NAME.fullmatch(name):
                findings.append(_misplaced(path, "a folder, where a file is expected",
                                           "rename it", "P002"))
            elif path.is_symlink() and depth == 0:
                findings.append(_misplaced(path, "a link to a folder is not followed",
                                           "store the folder itself", "P002"))
        folders[:] = sorted(name for name in folders
                            if depth < 2 and not name.startswith(".")
                            and not FILE_NAME.fullmatch(name))
        meant = sorted(name for name in files if _MEANT_AS_PROMPT.fullmatch(name))
        places.append((depth, home, meant))
    return places


def _misplaced(path: Path, message: str, hint: str, code: str = "P012") -> Finding:
    return Finding(code, message, shown(path), hint=hint)


def _names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir() if NAME.fullmatch(item.name)
                  and item.is_dir()) if folder.is_dir() else []


def _raise(error: OSError) -> None:
    raise error
