"""The package's own files that are no code, and the digest of everything in it.

They are read by `importlib.resources`, so that they are found in a folder and in the wheel itself.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

PACKAGE = __name__.partition(".")[0]
REFERENCE = "reference"


def read(name: str) -> bytes:
    """Return a file of the package, such as `schemas/project.schema.json`."""
    return resources.files(PACKAGE).joinpath(name).read_bytes()


def text(name: str) -> str:
    """Return a text file of the package."""
    return read(name).decode("utf-8")


def names(folder: str) -> list[str]:
    """Return the names of the files in a folder of the package, sorted; none without the folder."""
    found = resources.files(PACKAGE).joinpath(folder)
    return sorted(item.name for item in found.iterdir() if item.is_file()) if found.is_dir() else []


def contents() -> dict[str, bytes]:
    """Return every file of the package by its name below it; no bytecode."""
    return dict(sorted(_walk(resources.files(PACKAGE), "")))


@cache
def source_digest() -> str:
    """Return the sha256 over names and contents of all files of the package."""
    total = hashlib.sha256()
    for name, data in contents().items():
        total.update(f"{name}\0{len(data)}\0".encode() + data)
    return total.hexdigest()


def reference_pages() -> dict[str, str]:
    """Return the reference pages by their topic.

    The wheel holds them; in a checkout of the template they lie in its `docs/`.
    """
    inside = {name.removesuffix(".md"): text(f"{REFERENCE}/{name}") for name in names(REFERENCE)}
    return inside or {path.stem: path.read_text(encoding="utf-8")
                      for path in sorted(_CHECKOUT.glob("*.md"))}


_CHECKOUT = Path(__file__).parents[3] / "docs" / REFERENCE


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.is_dir():
            if item.name != "__pycache__":
                yield from _walk(item, f"{prefix}{item.name}/")
        elif not item.name.endswith((".pyc", ".pyo")):
            yield f"{prefix}{item.name}", item.read_bytes()
