"""Remembering that a settings file was checked, so that it need not be parsed and checked again.

The memory holds the values beside one digest of the file, its schema and the code that checks it;
any change of these makes it worthless. It lies in `.cache/` and can be deleted at any time.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from nlp_gitops.core.files import write_atomic


def recall(path: Path, *witnesses: Path) -> Any | None:
    """Return the values of a file that was checked before and is unchanged, else None."""
    try:
        known = json.loads(_memory(path).read_bytes())
        return known["value"] if known["sha256"] == _digest(path, *witnesses) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(value: Any, path: Path, *witnesses: Path) -> None:
    """Keep a checked file's values."""
    try:
        write_atomic(_memory(path),
                     json.dumps({"sha256": _digest(path, *witnesses), "value": value}))
    except OSError:
        # A read-only checkout only costs the time of checking again.
        return


def _memory(path: Path) -> Path:
    return path.parent / ".cache" / f"{path.name}.json"


def _digest(*paths: Path) -> str:
    total = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        total.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()
