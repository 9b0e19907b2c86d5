"""skops files without accident: equal models become equal bytes.

skops names arrays and objects by their address in memory and stamps the zip with the time, so the
same model differs from process to process. Here ids are renumbered in order of appearance, and
the zip is written again with fixed times and sorted entries.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

_EPOCH = (1980, 1, 1, 0, 0, 0)


def canonicalise(path: Path) -> None:
    """Rewrite a `.skops` file in place in its canonical form."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop("schema.json"))
    numbers: dict[Any, int] = {}
    files: dict[str, str] = {}
    schema = _renumber(schema, numbers, files)
    members = {files.get(name, name): data for name, data in members.items()}
    members["schema.json"] = json.dumps(schema, sort_keys=True, indent=None).encode()
    draft = path.with_name(path.name + ".tmp")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, members[name])
    draft.replace(path)


def _renumber(node: Any, numbers: dict[Any, int], files: dict[str, str]) -> Any:
    """Return the schema with ids 1, 2, 3 … and array files named after them."""
    if isinstance(node, list):
        return [_renumber(item, numbers, files) for item in node]
    if not isinstance(node, dict):
        return node
    result = {}
    for key, value in node.items():
        # Under a key of a user's own dict, a word like "file", stands a description, never a number
        # or a name.
        if key == "__id__" and isinstance(value, int):
            value = numbers.setdefault(value, len(numbers) + 1)
        elif key == "file" and isinstance(value, str):
            name = f"array-{len(files) + 1}{Path(value).suffix}"
            value = files.setdefault(value, name)
        else:
            value = _renumber(value, numbers, files)
        result[key] = value
    return result
