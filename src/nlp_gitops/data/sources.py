"""Where the bytes of a row file are: in the repository, or fetched from a URL into a cache."""

import hashlib
import os
import tempfile
from pathlib import Path

from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.files import sha256_file
from nlp_gitops.data.manifest import DataFile

PIECE = 1 << 20


def local_path(file: DataFile) -> Path:
    """Return a path to read; fetch a URL first, where the cache lacks it."""
    if file.url is None:
        if not file.path.is_file():
            reason = "not a regular file" if os.path.lexists(file.path) else "no such file"
            raise UsageError(f"{file.path}: {reason}")
        return file.path
    if not (file.path.is_file() and sha256_file(file.path) == file.sha256):
        _fetch(file)
    return file.path


def _fetch(file: DataFile) -> None:
    try:
        import fsspec
    except ImportError:
        raise NotMeasured(f"{file.url}: reading rows from a URL needs fsspec; "
                          "install it with: pip install fsspec") from None
    file.path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.path.parent, prefix=".fetch.")
    try:
        total = hashlib.sha256()
        with os.fdopen(handle, "wb") as target, fsspec.open(file.url, "rb") as source:
            while piece := source.read(PIECE):
                total.update(piece)
                target.write(piece)
        if total.hexdigest() != file.sha256:
            raise CheckFailed(f"{file.url}: sha256 is {total.hexdigest()}, not {file.sha256} as "
                              "the manifest says; the data has changed")
        os.replace(draft, file.path)
    except CheckFailed:
        raise
    except Exception as error:
        # Every protocol of fsspec raises errors of its own, from a library of its own.
        reason = (str(error).splitlines() or [""])[0][:200]
        raise NotMeasured(f"{file.url}: cannot be fetched: {type(error).__name__}: "
                          f"{reason}") from None
    finally:
        if os.path.exists(draft):
            os.unlink(draft)
