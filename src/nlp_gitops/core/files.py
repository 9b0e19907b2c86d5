"""Files that are whole or absent, and their digests."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file so that readers see the old content or the new, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, str):
        data = data.encode()
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp gives 0600; a file in a repository is readable.
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON that people can read, atomically."""
    write_atomic(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256_file(path: Path) -> str:
    """Return a file's sha256, reading it in pieces."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_files(files: dict[str, Path]) -> str:
    """Return one digest over named files; it changes with any name or content."""
    return sha256_digests({name: sha256_file(path) for name, path in files.items()})


def sha256_digests(digests: dict[str, str]) -> str:
    """Return one digest over the digests of named files, as `sha256_files` makes it."""
    return sha256_text("".join(f"{name}\0{digests[name]}\n" for name in sorted(digests)))


def sha256_tree(folder: Path, pattern: str = "**/*") -> str:
    """Return one digest over the files below a folder."""
    return sha256_files({path.relative_to(folder).as_posix(): path
                         for path in folder.glob(pattern) if path.is_file()})


def sha256_text(text: str) -> str:
    """Return the sha256 of a text's UTF-8 bytes."""
    return sha256_bytes(text.encode())


def sha256_bytes(data: bytes) -> str:
    """Return the sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()
